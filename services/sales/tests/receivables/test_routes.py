from datetime import date, timedelta
from decimal import Decimal

import pytest

from common.clock import utc_now
from common.days import day_of
from common.testing.service import said
from sales.receivables import use_cases as receivables

from ..builders import (
    a_binding_order,
    a_created_product,
    a_known_customer,
    line_of,
    posted,
    set_parameter,
)

TODAY = day_of(utc_now())


def days(count):
    return (TODAY + timedelta(days=count)).isoformat()


async def a_planned_order(client, customer_id, *terms):
    """A confirmed order over 1000.00, paid by these terms."""
    product = await a_created_product(client)
    order = await a_binding_order(client, customer_id, [line_of(product)])
    if terms:
        instalments = [{"due_on": due_on, "amount": amount} for due_on, amount in terms]
        await posted(client, f"orders/{order['id']}:plan-payments", 200, instalments=instalments)
    return order


async def plan_of(client, order):
    shown = (await client.get(f"/sales/v1/orders/{order['id']}/payment-plan")).json()
    return [(row["due_on"], row["amount"], row["open_amount"]) for row in shown["instalments"]]


async def ageing_of(client, customer_id, **query):
    response = await client.get(
        "/sales/v1/receivables/ageing", params={"customer_id": customer_id, **query}
    )
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.capability("SAL-18")
async def test_an_order_without_a_plan_is_due_after_the_days_of_the_parameter(
    client, session, hear
):
    await set_parameter(hear, "order_payment_days", 45)

    order = await a_planned_order(client, await a_known_customer(hear))

    assert await plan_of(client, order) == [(days(45), "1000.00", "1000.00")]
    (confirmed,) = await said(session, "sales.order.confirmed.v1")
    assert confirmed["instalments"][0]["due_on"] == days(45)


@pytest.mark.capability("SAL-18")
async def test_money_of_a_customer_pays_what_is_due_first_over_all_orders(client, session, hear):
    customer_id = await a_known_customer(hear)
    first = await a_planned_order(client, customer_id, (days(5), "400.00"), (days(60), "600.00"))
    second = await a_planned_order(client, customer_id, (days(10), "1000.00"))

    receipt = await posted(
        client, "receipts", customer_id=customer_id, amount="1500.00", oldest_first=True
    )

    assert [row[2] for row in await plan_of(client, first)] == ["0.00", "500.00"]
    assert [row[2] for row in await plan_of(client, second)] == ["0.00"]
    assert receipt["unallocated_amount"] == "0.00"
    (told,) = await said(session, "sales.receipt.recorded.v1")
    assert [(row["order_id"], row["amount"]) for row in told["allocations"]] == [
        (first["id"], "400.00"),
        (second["id"], "1000.00"),
        (first["id"], "100.00"),
    ]


@pytest.mark.capability("SAL-18")
async def test_too_much_stays_a_balance_that_is_allocated_later_or_refunded(client, session, hear):
    customer_id = await a_known_customer(hear)
    order = await a_planned_order(client, customer_id)
    receipt = await posted(
        client, "receipts", order_id=order["id"], amount="1300.00", unallocated=True
    )
    path = f"receipts/{receipt['id']}"
    later = await a_planned_order(client, customer_id)

    allocated = await posted(
        client,
        f"{path}:allocate",
        200,
        allocations=[{"order_id": later["id"], "amount": "100.00"}],
    )
    refunded = await posted(client, f"{path}:refund", 200, amount="150.00", reason="asked for it")
    too_much = await client.post(
        f"/sales/v1/{path}:refund", json={"amount": "50.01", "reason": "asked for it"}
    )

    assert allocated["unallocated_amount"] == "200.00"
    assert (refunded["unallocated_amount"], refunded["refunded_amount"]) == ("50.00", "150.00")
    assert (too_much.status_code, too_much.json()["code"]) == (409, "more_than_unallocated")
    shown = (await client.get(f"/sales/v1/orders/{later['id']}")).json()
    assert shown["open_amount"] == "900.00"
    (told,) = await said(session, "sales.receipt.refunded.v1")
    assert (told["amount"], told["unallocated_amount"]) == ("150.00", "50.00")


@pytest.mark.capability("SAL-18")
@pytest.mark.capability("P-16")
async def test_a_reversal_restores_every_order_and_tells_what_is_taken_back(client, session, hear):
    customer_id = await a_known_customer(hear)
    orders = [await a_planned_order(client, customer_id) for _ in range(2)]
    receipt = await posted(
        client,
        "receipts",
        allocations=[{"order_id": order["id"], "amount": "250.00"} for order in orders],
        amount="500.00",
    )

    await posted(client, f"receipts/{receipt['id']}:reverse", 200, reason="bounced")

    for order in orders:
        assert [row[2] for row in await plan_of(client, order)] == ["1000.00"]
        shown = (await client.get(f"/sales/v1/orders/{order['id']}")).json()
        assert shown["paid_amount"] == "0.00"
    (told,) = await said(session, "sales.receipt.reversed.v1")
    assert {(row["order_id"], row["amount"]) for row in told["allocations"]} == {
        (order["id"], "250.00") for order in orders
    }


@pytest.mark.capability("SAL-18")
async def test_money_of_one_customer_does_not_pay_for_another(client, hear):
    order = await a_planned_order(client, await a_known_customer(hear))
    receipt = await posted(
        client, "receipts", customer_id=await a_known_customer(hear), amount="10.00"
    )

    response = await client.post(
        f"/sales/v1/receipts/{receipt['id']}:allocate",
        json={"allocations": [{"order_id": order["id"], "amount": "10.00"}]},
    )

    assert (response.status_code, response.json()["code"]) == (409, "order_of_another_customer")


@pytest.mark.capability("SAL-18")
async def test_what_is_open_by_age_is_exact_today_and_on_any_day(client, hear):
    customer_id = await a_known_customer(hear)
    order = await a_planned_order(
        client,
        customer_id,
        (days(3), "100.10"),
        (days(-1), "200.20"),
        (days(-30), "300.30"),
        (days(-31), "399.40"),
    )
    await posted(client, "receipts", order_id=order["id"], amount="100.00", received_on=days(-5))

    (now,) = await ageing_of(client, customer_id)
    (in_40_days,) = await ageing_of(client, customer_id, as_of=days(90))
    before = await ageing_of(client, customer_id, as_of=days(-1))

    assert [row["amount"] for row in now["overdue"]] == ["500.50", "299.40", "0", "0"]
    assert (now["not_due"], now["total"], now["count"]) == ("100.10", "900.00", 4)
    assert [row["amount"] for row in in_40_days["overdue"]] == ["0", "0", "100.10", "799.90"]
    assert before == []
    listed = (
        await client.get("/sales/v1/receivables", params={"customer_id": customer_id})
    ).json()["data"]
    assert sum(Decimal(row["open_amount"]) for row in listed) == Decimal(now["total"])
    assert [row["days_overdue"] for row in listed] == [31, 30, 1, 0]


@pytest.mark.capability("SAL-18")
async def test_what_was_open_yesterday_is_not_changed_by_what_happens_today(client, hear, database):
    customer_id = await a_known_customer(hear)
    order = await a_planned_order(client, customer_id)
    yesterday = utc_now() - timedelta(days=1)
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE instalments SET since_on = since_on - 3")
    paid = await posted(
        client, "receipts", order_id=order["id"], amount="400.00", received_on=days(-2)
    )
    seen = await ageing_of(client, customer_id, as_of=day_of(yesterday).isoformat())

    await posted(client, f"receipts/{paid['id']}:reverse", 200, reason="bounced")
    await posted(client, f"orders/{order['id']}:cancel", 200, reason="off")

    assert seen[0]["total"] == "600.00"
    again = await ageing_of(client, customer_id, as_of=day_of(yesterday).isoformat())
    assert again == seen
    listed = await client.get(
        "/sales/v1/receivables",
        params={"customer_id": customer_id, "as_of": day_of(yesterday).isoformat()},
    )
    assert [row["open_amount"] for row in listed.json()["data"]] == ["600.00"]
    assert await ageing_of(client, customer_id) == []


async def remind(database, in_days=0):
    async with database.transaction() as session:
        now = utc_now() + timedelta(days=in_days)
        return await receivables.remind_of_receivables(session, now=now)


@pytest.mark.capability("SAL-19")
async def test_each_instalment_is_reminded_of_once_so_many_days_before(
    client, session, hear, database
):
    await set_parameter(hear, "receivable_reminder_lead_days", 5)
    order = await a_planned_order(
        client, await a_known_customer(hear), (days(10), "400.00"), (days(40), "600.00")
    )

    told = [await remind(database, 4), await remind(database, 5), await remind(database, 6)]
    await set_parameter(hear, "receivable_reminder_lead_days", 9, effective_on="2020-01-02")
    told.append(await remind(database, 7))
    after_downtime = await remind(database, 400)

    assert (told, after_downtime) == ([0, 1, 0, 0], 1)
    reminders = await said(session, "sales.order.payment_due.v1")
    assert [(row["due_on"], row["open_amount"]) for row in reminders] == [
        (days(10), "400.00"),
        (days(40), "600.00"),
    ]
    assert reminders[0]["number"] == order["number"]


@pytest.mark.capability("SAL-19")
async def test_what_is_paid_or_off_is_not_reminded_of(client, hear, database):
    paid = await a_planned_order(client, await a_known_customer(hear))
    await posted(client, "receipts", order_id=paid["id"], amount="1000.00")
    off = await a_planned_order(client, await a_known_customer(hear))
    await posted(client, f"orders/{off['id']}:cancel", 200, reason="off")

    assert await remind(database, 60) == 0


@pytest.mark.capability("CUS-16")
async def test_how_a_customer_pays_names_each_receipt(client, hear):
    customer_id = await a_known_customer(hear)
    order = await a_planned_order(client, customer_id, (days(-20), "250.00"), (days(-4), "750.00"))
    late = await posted(
        client, "receipts", order_id=order["id"], amount="250.00", received_on=days(-10)
    )
    in_time = await posted(
        client, "receipts", order_id=order["id"], amount="750.00", received_on=days(-5)
    )
    bounced = await posted(client, "receipts", customer_id=customer_id, amount="1.00")
    await posted(client, f"receipts/{bounced['id']}:reverse", 200, reason="bounced")

    page = (await client.get(f"/sales/v1/customers/{customer_id}/payments")).json()
    (summary,) = (await client.get(f"/sales/v1/customers/{customer_id}/payments/summary")).json()

    assert {(row["receipt_number"], row["days_late"]) for row in page["data"]} == {
        (late["number"], 10),
        (in_time["number"], 0),
    }
    assert (summary["on_time_rate"], summary["paid_amount"]) == ("0.7500", "1000.00")
    assert (summary["average_days_late"], summary["most_days_late"]) == ("2.5", 10)
    assert date.fromisoformat(page["data"][0]["due_on"]) < TODAY
