from datetime import date
from decimal import Decimal

from sqlalchemy import event, select

from common.auth import Actor
from common.testing.service import published, said
from sales.copies import use_cases as copies
from sales.copies.model import KnownCustomer, KnownEmployee
from sales.opportunities import use_cases as opportunities
from sales.opportunities.schemas import PastDeal
from sales.orders.model import Order
from sales.products.model import Product
from sales.receipts.model import Receipt

from ..builders import NOW, a_created_product, a_known_customer, a_known_employee

IMPORTER = Actor(id="import")


async def bring_in(database, deals):
    async with database.transaction() as work:
        return await opportunities.bring_in(work, deals, actor=IMPORTER, now=NOW)


async def the_records(client, session, hear):
    """A customer, an owner and a product of the other system."""
    await a_created_product(client, sku="GTX-PRO", external_source="crm", external_id="GTX Pro")
    await a_known_customer(
        hear,
        external_source="crm",
        external_id="Cancity",
        region_id="01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f",
    )
    await a_known_employee(hear, external_source="crm", external_id="Moses Frase")
    customers = await copies.by_external_id(session, KnownCustomer, "crm")
    employees = await copies.by_external_id(session, KnownEmployee, "crm")
    products = (await session.execute(select(Product))).scalars().all()
    return {
        "customer": customers["Cancity"],
        "owner": employees["Moses Frase"],
        "product": products[0],
    }


def a_past_deal(external_id, **values):
    defaults = {
        "name": f"GTX Pro for Cancity ({external_id})",
        "opened_on": date(2016, 10, 20),
        "external_source": "crm",
        "external_id": external_id,
        "currency": "USD",
        "stages": (("prospecting", date(2016, 10, 20)), ("engaging", date(2016, 10, 25))),
    }
    return PastDeal(**{**defaults, **values})


async def test_a_won_deal_comes_with_its_history_order_and_money(client, session, hear, database):
    records = await the_records(client, session, hear)
    deal = a_past_deal(
        "1C1I7A6R", outcome="won", closed_on=date(2017, 3, 1), amount=Decimal(1054), **records
    )

    (brought,) = await bring_in(database, [deal])

    shown = (await client.get(f"/sales/v1/opportunities/{brought.id}")).json()
    assert (shown["stage"], shown["amount"], shown["closed_on"]) == (
        "won",
        "1054.00",
        "2017-03-01",
    )
    assert shown["department_id"] == str(records["owner"].department_id)
    assert shown["region_id"] == str(records["customer"].region_id)
    history = (await client.get(f"/sales/v1/opportunities/{brought.id}/history")).json()
    assert [(stay["stage"], stay["days"]) for stay in history["stages"]] == [
        ("prospecting", 5),
        ("engaging", 127),
        ("won", None),
    ]
    order = (await session.execute(select(Order))).scalar_one()
    assert (order.state, order.ordered_on, order.total, order.paid_amount) == (
        "confirmed",
        date(2017, 3, 1),
        Decimal("1054.00"),
        Decimal("1054.00"),
    )
    receipt = (await session.execute(select(Receipt))).scalar_one()
    assert (receipt.received_on, receipt.order_id) == (date(2017, 3, 1), order.id)
    assert (await published(session))[1:] == [
        "sales.opportunity.opened.v1",
        "sales.opportunity.stage_changed.v1",
        "sales.opportunity.won.v1",
        "sales.order.confirmed.v1",
        "sales.order.payment_changed.v1",
        "sales.receipt.recorded.v1",
    ]
    (won,) = await said(session, "sales.opportunity.won.v1")
    assert (won["won_on"], won["opened_on"], won["amount"]) == (
        "2017-03-01",
        "2016-10-20",
        "1054.00",
    )


async def test_lost_and_open_deals_come_without_money(client, session, hear, database):
    records = await the_records(client, session, hear)

    await bring_in(
        database,
        [
            a_past_deal("LOST", outcome="lost", closed_on=date(2017, 1, 1), **records),
            a_past_deal("OPEN", **records),
            a_past_deal("EARLY", stages=(), customer=None),
        ],
    )

    rows = (await client.get("/sales/v1/opportunities?external_source=crm")).json()["data"]
    assert {row["external_id"]: row["stage"] for row in rows} == {
        "LOST": "lost",
        "OPEN": "engaging",
        "EARLY": "prospecting",
    }
    assert "sales.order.confirmed.v1" not in await published(session)
    (lost,) = await said(session, "sales.opportunity.lost.v1")
    assert (lost["lost_on"], lost["reason"]) == ("2017-01-01", "not stated")


async def test_a_repeated_batch_brings_in_what_is_missing(client, session, hear, database):
    records = await the_records(client, session, hear)
    first = a_past_deal("A", **records)

    assert len(await bring_in(database, [first])) == 1
    assert [
        deal.external_id for deal in await bring_in(database, [first, a_past_deal("B", **records)])
    ] == ["B"]


async def test_an_empty_batch_is_nothing(database):
    assert await bring_in(database, []) == []


async def test_a_larger_batch_costs_no_more_statements(client, session, hear, database):
    records = await the_records(client, session, hear)
    statements = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda *call: statements.append(call[2]),
    )

    counts = []
    for size in (2, 20):
        won = {"outcome": "won", "closed_on": date(2017, 3, 1), "amount": Decimal(1054)}
        statements.clear()
        await bring_in(
            database,
            [a_past_deal(f"{size}-{place}", **won, **records) for place in range(size)],
        )
        counts.append(len([text for text in statements if "nextval" not in text]))

    assert counts[0] == counts[1]
