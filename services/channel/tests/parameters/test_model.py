from datetime import timedelta

import pytest

from channel.parameters.definitions import DEFINITIONS, ParameterValueRefused
from channel.parameters.model import (
    EffectiveInThePast,
    NothingPlanned,
    Parameter,
    ParameterChangedMeanwhile,
    in_force,
    next_planned,
)

from ..builders import NOW, TODAY

NOTICE = "contract_expiry_notice_days"
TOMORROW, NEXT_MONTH = TODAY + timedelta(days=1), TODAY + timedelta(days=30)
BY = {"today": TODAY, "seen_version": None, "reason": "试行", "by": "somebody", "now": NOW}


def set_to(parameter, value, on):
    """A setting, with the version counted as recording it would."""
    setting, _ = parameter.set(value, effective_on=on, **BY)
    parameter.version += 1
    return setting


@pytest.mark.capability("X-01")
@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda each: each.name)
def test_every_default_is_a_value_the_parameter_may_have(definition):
    assert definition.meaning
    assert definition.meaning_zh
    if definition.default is not None:
        definition.check(definition.default)


@pytest.mark.capability("X-01")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        (NOTICE, 366),
        (NOTICE, -1),
        (NOTICE, "30"),
        ("quote_decimal_places", 7),
        ("fiscal_year_first_month", 0),
        ("administrator_email", "nobody"),
        ("administrator_email", 7),
        ("default_currency", "yuan"),
        ("credit_over_limit", "allow"),
    ],
)
def test_a_value_of_another_type_or_out_of_range_is_refused(name, value):
    with pytest.raises(ParameterValueRefused):
        Parameter(name=name).set(value, effective_on=TODAY, **BY)


@pytest.mark.capability("X-01")
def test_what_was_in_force_is_not_rewritten():
    with pytest.raises(EffectiveInThePast):
        Parameter(name=NOTICE).set(45, effective_on=TODAY - timedelta(days=1), **BY)


@pytest.mark.capability("X-01")
def test_the_latest_setting_whose_day_has_come_counts():
    parameter = Parameter(name=NOTICE)
    settings = [
        set_to(parameter, 60, NEXT_MONTH),
        set_to(parameter, 40, TODAY),
        set_to(parameter, 45, TODAY),
    ]

    assert in_force(settings, TODAY - timedelta(days=1)) is None
    assert in_force(settings, TODAY).value == 45
    assert in_force(settings, NEXT_MONTH).value == 60
    assert next_planned(settings, TODAY).value == 60


@pytest.mark.capability("X-01")
def test_what_is_planned_is_withdrawn_before_its_day_and_not_on_it():
    parameter = Parameter(name=NOTICE)
    settings = [set_to(parameter, 40, TODAY), set_to(parameter, 45, TOMORROW)]

    parameter.withdraw(settings, effective_on=TOMORROW, **BY)

    assert in_force(settings, TOMORROW).value == 40
    assert next_planned(settings, TODAY) is None
    for day in (TODAY, TOMORROW):
        with pytest.raises(NothingPlanned):
            parameter.withdraw(settings, effective_on=day, **BY)


@pytest.mark.capability("X-01")
def test_a_decision_on_an_old_version_is_refused():
    parameter = Parameter(name=NOTICE)
    set_to(parameter, 40, TODAY)

    with pytest.raises(ParameterChangedMeanwhile):
        parameter.set(45, effective_on=TODAY, **{**BY, "seen_version": 0})
