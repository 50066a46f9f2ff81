from datetime import date

import pytest

from sales.products.model import (
    NoStatePlanned,
    ProductNotForSale,
    ProductState,
    StateInThePast,
    ValidityReversed,
)

from ..builders import TODAY, a_product


@pytest.mark.capability("SAL-13")
@pytest.mark.parametrize(
    ("kind", "is_stocked", "is_shipped"),
    [
        ("own", True, True),
        ("outsourced", False, True),
        ("consigned", True, True),
        ("tangible", True, True),
        ("intangible", False, False),
        ("training", False, False),
        ("services", False, False),
    ],
)
def test_the_kind_says_whether_a_product_is_stocked_and_shipped(kind, is_stocked, is_shipped):
    product = a_product(kind=kind)

    assert (product.is_stocked, product.is_shipped) == (is_stocked, is_shipped)


@pytest.mark.capability("SAL-13")
@pytest.mark.parametrize(
    "values",
    [{"state": "retired"}, {"valid_from": date(2026, 3, 3)}, {"valid_to": date(2026, 3, 1)}],
)
def test_what_is_not_sold_on_the_day_is_refused(values):
    with pytest.raises(ProductNotForSale):
        a_product(**values).check_for_sale(TODAY, pointer="/product_id")


def test_a_product_is_sold_on_its_first_and_on_its_last_day():
    a_product(valid_from=TODAY, valid_to=TODAY).check_for_sale(TODAY, pointer="/product_id")


def test_an_update_that_changes_nothing_says_nothing():
    assert a_product().update({"name": "GTX Pro"}) is None


def test_the_last_day_is_not_before_the_first():
    with pytest.raises(ValidityReversed):
        a_product(valid_from=date(2026, 3, 2)).update({"valid_to": date(2026, 3, 1)})


TOMORROW, NEXT_YEAR = date(2026, 3, 3), date(2027, 3, 2)


@pytest.mark.capability("SAL-13")
@pytest.mark.parametrize(
    ("state", "is_sold"),
    [("planned", False), ("active", True), ("phasing_out", True), ("retired", False)],
)
def test_a_product_is_sold_from_when_it_is_on_sale_until_it_is_retired(state, is_sold):
    product = a_product(state=state)

    if is_sold:
        product.check_for_sale(TODAY, pointer="/product_id")
    else:
        with pytest.raises(ProductNotForSale):
            product.check_for_sale(TODAY, pointer="/product_id")


@pytest.mark.capability("SAL-13")
def test_a_planned_state_counts_from_its_day_on_and_is_then_taken_on_once():
    product = a_product(state="planned")
    product.plan_state(ProductState.RETIRED, on=NEXT_YEAR, reason="end", today=TODAY)
    product.plan_state(ProductState.ACTIVE, on=TOMORROW, reason="launch", today=TODAY)

    assert product.enter_planned_state(today=TODAY) is None
    days = (TODAY, TOMORROW, date(2027, 3, 1), NEXT_YEAR)
    assert [product.state_on(day) for day in days] == ["planned", "active", "active", "retired"]
    product.check_for_sale(TOMORROW, pointer="/product_id")
    assert product.enter_planned_state(today=TOMORROW).state == "active"
    assert product.enter_planned_state(today=TOMORROW) is None
    assert (product.state, product.next_state_on) == ("active", NEXT_YEAR)


@pytest.mark.capability("SAL-13")
def test_what_a_product_was_is_not_planned_otherwise():
    product = a_product()
    product.plan_state(ProductState.RETIRED, on=TOMORROW, reason="end", today=TODAY)

    with pytest.raises(StateInThePast):
        product.plan_state(ProductState.PLANNED, on=date(2026, 3, 1), reason="x", today=TODAY)
    with pytest.raises(NoStatePlanned):
        product.withdraw_state(on=TODAY, today=TODAY)
    product.withdraw_state(on=TOMORROW, today=TODAY)
    with pytest.raises(NoStatePlanned):
        product.withdraw_state(on=TOMORROW, today=TODAY)
