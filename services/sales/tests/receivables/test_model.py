from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.receivables.model import (
    InstalmentNotKnown,
    InstalmentOwesLess,
    Plan,
    PlanDoesNotAddUp,
    PlanIsOver,
    PlanTooFine,
)

from ..builders import NOW, TODAY, a_confirmed_order, an_order

LATER = TODAY + timedelta(days=30)


def a_plan(order=None, terms=((TODAY, "300.00"), (LATER, "700.00"))):
    """The plan of an order over 1000.00."""
    plan = Plan(order or a_confirmed_order())
    plan.lay([(due_on, Decimal(amount)) for due_on, amount in terms], now=NOW)
    return plan


@pytest.mark.capability("SAL-18")
@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        (((TODAY, "300.00"), (LATER, "700.01")), PlanDoesNotAddUp),
        (((TODAY, "300.001"), (LATER, "699.999")), PlanTooFine),
    ],
)
def test_a_plan_is_what_the_order_costs(terms, refusal):
    with pytest.raises(refusal):
        a_plan(terms=terms)


def test_an_order_that_is_off_is_not_paid():
    order = an_order()
    order.cancel(reason="x", now=NOW)

    with pytest.raises(PlanIsOver):
        a_plan(order)


@pytest.mark.capability("SAL-18")
def test_what_is_due_first_is_paid_first_unless_an_instalment_is_named():
    plan = a_plan()

    plan.take(uuid4(), Decimal("400.00"), received_on=TODAY, now=NOW)
    assert [each.paid_amount for each in plan.instalments] == [Decimal(300), Decimal(100)]
    plan.take(uuid4(), Decimal("600.00"), received_on=TODAY, now=NOW, instalment_no=2)
    assert [each.open_amount for each in plan.instalments] == [0, 0]


def test_an_instalment_takes_what_it_is_owed():
    plan = a_plan()

    with pytest.raises(InstalmentOwesLess):
        plan.take(uuid4(), Decimal("300.01"), received_on=TODAY, now=NOW, instalment_no=1)
    with pytest.raises(InstalmentNotKnown):
        plan.take(uuid4(), Decimal(1), received_on=TODAY, now=NOW, instalment_no=3)


@pytest.mark.capability("SAL-18")
def test_another_plan_keeps_the_money_and_is_not_reminded_of_twice():
    plan, receipt_id = a_plan(), uuid4()
    plan.take(receipt_id, Decimal("400.00"), received_on=TODAY, now=NOW)
    plan.order.count_payment(receipt_id, Decimal("400.00"))
    second = plan.instalments[1]
    assert second.remind(plan.order, now=NOW) is not None

    plan.lay([(LATER, Decimal("900.00")), (date(2027, 1, 1), Decimal("100.00"))], now=NOW)

    assert [each.paid_amount for each in plan.instalments] == [Decimal(400), 0]
    assert plan.instalments[0].remind(plan.order, now=NOW) is None
    assert second.until_on == TODAY


@pytest.mark.capability("SAL-19")
def test_what_is_paid_is_not_reminded_of():
    plan = a_plan()
    plan.take(uuid4(), Decimal("300.00"), received_on=TODAY, now=NOW)

    assert plan.instalments[0].remind(plan.order, now=NOW) is None


@pytest.mark.capability("SAL-18")
@given(st.data())
def test_whatever_is_received_taken_back_and_planned_anew_adds_up(data):
    plan, receipts = a_plan(), {}
    for _ in range(data.draw(st.integers(0, 12))):
        act = data.draw(st.sampled_from(["take", "give back", "plan"]))
        if act == "take" and plan.order.open_amount:
            receipt_id = uuid4()
            amount = data.draw(st.decimals("0.01", plan.order.open_amount, places=2))
            told = plan.take(receipt_id, amount, received_on=TODAY, now=NOW)
            plan.order.count_payment(receipt_id, amount)
            receipts[receipt_id] = amount
            assert sum(each.amount for each in told) == amount
        elif act == "give back" and receipts:
            receipt_id = list(receipts)[data.draw(st.integers(0, len(receipts) - 1))]
            told = plan.give_back(receipt_id, on=TODAY)
            plan.order.count_payment(receipt_id, -receipts[receipt_id])
            assert sum(each.amount for each in told) == receipts.pop(receipt_id)
        elif act == "plan":
            cut = data.draw(st.decimals("0.01", "999.99", places=2))
            plan.lay([(TODAY, cut), (LATER, Decimal("1000.00") - cut)], now=NOW)

    assert sum(each.amount for each in plan.instalments) == plan.order.due_amount
    assert sum(each.paid_amount for each in plan.instalments) == plan.order.paid_amount
    assert sum(each.amount for each in plan.allocations) == sum(receipts.values())
    for instalment in plan.instalments:
        assert 0 <= instalment.paid_amount <= instalment.amount
