from itertools import permutations
from uuid import UUID

import pytest

from ..builders import a_created_customer
from .builders import a_receipt, an_instalment, an_order, confirmed, received, told
from .test_orders import of


@pytest.mark.capability("CUS-16")
@pytest.mark.parametrize("order_first", [True, False])
async def test_payments_name_their_receipt_and_how_late_it_was(client, hear, order_first):
    customer = await a_created_customer(client)
    early, late, unpaid = (
        an_instalment(1, "2026-04-01", "400.00"),
        an_instalment(2, "2026-05-01", "500.00"),
        an_instalment(3, "2026-06-01", "100.00"),
    )
    order = an_order(customer, instalments=[early, late, unpaid])
    on_time = a_receipt(customer, order, early, received_on="2026-04-01", number="R1")
    ten_late = a_receipt(customer, order, late, received_on="2026-05-11", number="R2")
    steps = [lambda: received(hear, on_time), lambda: received(hear, ten_late)]
    steps.insert(0 if order_first else 2, lambda: confirmed(hear, order))
    for step in steps:
        await hear.again(await step())

    lines = (await of(client, customer, "payments"))["data"]
    assert [(row["receipt_number"], row["due_on"], row["days_late"]) for row in lines] == [
        ("R2", "2026-05-01", 10),
        ("R1", "2026-04-01", 0),
    ]
    (total,) = (await of(client, customer, "payment-history"))["totals"]
    assert (total["due_amount"], total["overdue_amount"]) == ("1000.00", "100.00")
    assert (total["payments"], total["paid_amount"], total["on_time_amount"]) == (
        2,
        "900.00",
        "400.00",
    )
    assert (total["on_time_rate"], total["most_days_late"]) == ("0.4444", 10)
    assert total["average_days_late"] == "5.6"


@pytest.mark.capability("CUS-16")
@pytest.mark.parametrize("happened", ["reversed", "released"])
async def test_money_that_did_not_stay_paid_nothing(client, hear, happened):
    customer = await a_created_customer(client)
    instalment = an_instalment()
    order = an_order(customer, instalments=[instalment])
    receipt = a_receipt(customer, order, instalment)
    await confirmed(hear, order)
    await received(hear, receipt)

    back = await hear(
        f"sales.receipt.{happened}.v1", subject=UUID(receipt["receipt_id"]), **receipt
    )
    await hear.again(back)

    assert (await of(client, customer, "payments"))["data"] == []
    (total,) = (await of(client, customer, "payment-history"))["totals"]
    assert (total["paid_amount"], total["overdue_amount"]) == ("0", "1000.00")


@pytest.mark.capability("CUS-16")
@pytest.mark.parametrize(
    "sequence",
    [each for each in permutations(range(3)) if each.index(0) < each.index(2)],
)
async def test_a_new_plan_is_paid_by_what_was_received_whatever_is_heard_first(
    client, hear, sequence
):
    """The order's events come in their order; when the receipts come among them makes no difference."""
    customer = await a_created_customer(client)
    old = an_instalment(1, "2026-04-01", "1000.00")
    new = [an_instalment(1, "2026-03-10", "300.00"), an_instalment(2, "2026-05-01", "700.00")]
    order = an_order(customer, instalments=[old])
    receipt = a_receipt(
        customer, order, {**old, "amount": "500.00"}, amount="500.00", received_on="2026-04-01"
    )
    steps = [
        lambda: confirmed(hear, order),
        lambda: received(hear, receipt),
        lambda: told(hear, order, "payment_planned", instalments=new),
    ]
    for step in sequence:
        await steps[step]()

    lines = (await of(client, customer, "payments"))["data"]
    paid = sorted((row["due_on"], row["amount"], row["days_late"]) for row in lines)
    assert paid == [("2026-03-10", "300.00", 22), ("2026-05-01", "200.00", 0)]
