from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from common.clock import utc_now
from common.testing.service import received_event
from customer.transactions.use_cases import say_that_it_listens

from ..builders import a_created_customer
from .builders import a_line, an_order, confirmed, told


async def of(client, customer, what="transaction-summary"):
    response = await client.get(f"/customer/v1/customers/{customer['id']}/{what}")
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.capability("CUS-17")
async def test_an_order_shows_what_was_bought_and_how_far_it_is(client, hear):
    customer = await a_created_customer(client)
    order = an_order(customer)

    event = await confirmed(hear, order)
    await hear.again(event)
    await told(hear, order, "shipped", shipped_at="2026-03-05T04:00:00Z", complete=False)

    (shown,) = (await of(client, customer, "transactions"))["data"]
    assert (shown["state"], shown["total"], shown["ordered_on"]) == (
        "partially_shipped",
        "1000.00",
        "2026-03-02",
    )
    (line,) = shown["lines"]
    assert (line["product_name"], line["quantity"], line["amount"]) == (
        "离心泵 CP-200",
        "10",
        "1000.00",
    )
    summary = await of(client, customer)
    assert [(row["orders"], row["amount"]) for row in summary["totals"]] == [(1, "1000.00")]


@pytest.mark.capability("CUS-17")
async def test_what_is_taken_back_does_not_count_as_bought(client, hear):
    """Sales' own figures: total of orders that bind, less what was cancelled of them."""
    customer = await a_created_customer(client)
    kept, part, off = (
        an_order(customer),
        an_order(customer, lines=[a_line(1, "6", "600.00"), a_line(2, "4", "400.00")]),
        an_order(customer),
    )
    for order in (kept, part, off):
        await confirmed(hear, order)

    taken_back = {"order_line_id": str(uuid4()), "line_no": 1, "product_id": str(uuid4())}
    await told(
        hear,
        part,
        "rest_cancelled",
        total="800.00",
        lines=[{**taken_back, "quantity": "2", "amount": "200.00"}],
        instalments=[],
    )
    await told(hear, off, "cancelled", reason="x", was_confirmed=True)

    summary = await of(client, customer)
    assert [(row["orders"], row["amount"]) for row in summary["totals"]] == [(2, "1800.00")]
    bought = [(row["quantity"], row["amount"]) for row in summary["products"]]
    assert sorted(bought) == [("10", "1000.00"), ("4", "400.00"), ("4", "400.00")]

    await told(hear, off, "reopened", total="1000.00", currency="CNY", was_confirmed=True)
    assert (await of(client, customer))["totals"][0]["orders"] == 2


@pytest.mark.capability("CUS-17")
async def test_events_of_an_order_count_in_their_order_whenever_they_come(client, hear, database):
    customer = await a_created_customer(client)
    order = an_order(customer)
    subject = UUID(order["order_id"])
    first = received_event(
        "sales.order.confirmed.v1", subject=subject, version=1, data=order, at=utc_now()
    )
    second = received_event(
        "sales.order.cancelled.v1", subject=subject, version=2, data=order, at=utc_now()
    )
    await hear.again(second)
    assert (await of(client, customer))["freshness"]["state"] == "behind"
    for key in await hear._inbox.apply([first]):
        await hear._inbox.apply(await hear._inbox.stored_run(key), retrying=True)

    assert (await of(client, customer))["totals"] == []
    assert (await of(client, customer, "transactions"))["data"][0]["state"] == "cancelled"


@pytest.mark.capability("CUS-17")
async def test_the_record_says_up_to_when_it_holds(client, hear, database):
    customer = await a_created_customer(client)
    never = (await of(client, customer))["freshness"]
    told_at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    order = an_order(customer)
    await hear("sales.order.confirmed.v1", subject=UUID(order["order_id"]), at=told_at, **order)
    silent = (await of(client, customer))["freshness"]
    async with database.transaction() as session:
        await say_that_it_listens(session)
    current = (await of(client, customer))["freshness"]
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE listening SET said_at = :then"), {"then": utc_now() - timedelta(hours=1)}
        )
    dead = (await of(client, customer))["freshness"]

    assert (never["state"], never["as_of"]) == ("never_heard", None)
    assert datetime.fromisoformat(current["as_of"]) == told_at
    assert [each["state"] for each in (silent, current, dead)] == ["behind", "current", "behind"]


async def test_what_was_heard_before_it_was_copied_makes_nobody_active_again(
    client, hear, database
):
    customer = await a_created_customer(client)
    order = an_order(customer)
    async with database.transaction() as session:
        await session.execute(
            text("INSERT INTO replayed_orders VALUES (:id)"), {"id": order["order_id"]}
        )

    await confirmed(hear, order)

    shown = await client.get(f"/customer/v1/customers/{customer['id']}")
    assert shown.json()["status"] == "prospect"
    assert len((await of(client, customer, "transactions"))["data"]) == 1
