from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from channel.scorecard_policies.model import DEFAULT_WEIGHTS
from channel.scorecards.model import (
    CurrencyNeeded,
    PeriodNotValid,
    Scorecard,
    check_period,
    currency_of,
)
from channel.scorecards.scoring import Figures, parts_of

from ..builders import NOW


def a_card():
    return Scorecard.begin(
        partner_id=uuid4(), period_start=date(2026, 1, 1), period_end=date(2026, 3, 31)
    )


def publish(card, *, policy_version=0, **values):
    figures = Figures(**{"won_amount": Decimal(100), "won_deals": 1, **values})
    return card.publish(
        figures,
        parts_of(figures, DEFAULT_WEIGHTS, Decimal(100)),
        best_amount=Decimal(100),
        policy_version=policy_version,
        currency="CNY",
        input_ids=[uuid4()],
        scope={},
        by="somebody",
        now=NOW,
    )


@pytest.mark.capability("CHN-10")
def test_figures_that_differ_make_a_new_revision():
    card = a_card()

    first, told = publish(card)
    second, told_again = publish(card, lost_deals=1)

    assert (first.revision, second.revision, card.revision) == (1, 2, 2)
    assert (told.lost_deals, told_again.lost_deals) == (0, 1)
    assert told.scorecard_id == told_again.scorecard_id == card.id


@pytest.mark.capability("CHN-10")
def test_the_same_figures_make_no_new_revision():
    card = a_card()
    publish(card)

    assert publish(card, policy_version=3) is None
    assert (card.revision, card.policy_version) == (1, 0)


def test_a_period_ends_on_the_day_it_starts_or_later():
    check_period(date(2026, 1, 1), date(2026, 1, 1))
    with pytest.raises(PeriodNotValid):
        check_period(date(2026, 1, 2), date(2026, 1, 1))


def test_amounts_are_compared_in_one_currency():
    assert currency_of("USD", {"CNY", "EUR"}, default="CNY") == "USD"
    assert currency_of(None, {"EUR"}, default="CNY") == "EUR"
    assert currency_of(None, set(), default="CNY") == "CNY"
    with pytest.raises(CurrencyNeeded):
        currency_of(None, {"CNY", "EUR"}, default="CNY")
