import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.access.rights import Grant, Scope
from common.access.rows import narrow
from common.auth import Actor
from common.ids import new_id
from common.testing.service import published, said
from sales.commissions import use_cases as commissions
from sales.commissions.model import CommissionStatementNotFound, SettlerIsPayee
from sales.orders.model import Order

from ..builders import (
    a_binding_order,
    a_created_product,
    a_known_customer,
    a_known_employee,
    a_known_partner,
    line_of,
    posted,
)

MAY = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
pytestmark = [pytest.mark.capability("SAL-20"), pytest.mark.capability("C-13")]


def terms(**values):
    return {
        "base": "receipt",
        "currency": "CNY",
        "steps": [{"from_amount": "0", "rate": "2.5"}],
        "shares": [{"payee": "owner"}],
        **values,
    }


async def a_rule(client, code="direct_sales", valid_from="2026-01-01", **said_):
    rule = await posted(
        client,
        "commission-rules",
        code=code,
        name="直销提成",
        valid_from=valid_from,
        terms=terms(**said_),
    )
    return await posted(client, f"commission-rules/{rule['id']}:activate", 200)


async def an_order_of(client, hear, *, owner_id, partner_id=None, **values):
    product = await a_created_product(client)
    customer_id = await a_known_customer(hear, owner_id=owner_id, partner_id=partner_id)
    return await a_binding_order(
        client, customer_id, [line_of(product)], ordered_on="2026-03-02", **values
    )


async def reckon(database, now=MAY):
    async with database.transaction() as session:
        return await commissions.reckon_due(session, now=now)


async def lines_of(client, **filters):
    page = await client.get("/sales/v1/commissions", params={"sort": "booked_on", **filters})
    assert page.status_code == 200, page.text
    return page.json()["data"]


async def settle(database, period_id, *, actor=None, now=MAY):
    async with database.transaction() as session:
        return await commissions.settle_commission_period(
            session, period_id, actor=actor or Actor(id="finance"), now=now
        )


async def received(client, order, amount="400.00", on="2026-03-10"):
    return await posted(client, "receipts", order_id=order["id"], amount=amount, received_on=on)


@pytest.mark.capability("N5")
async def test_a_receipt_earns_and_the_line_says_what_it_comes_from(client, database, hear):
    owner, partner = await a_known_employee(hear), await a_known_partner(hear)
    rule = await a_rule(
        client,
        shares=[{"payee": "owner", "percent": "66.6"}, {"payee": "partner", "percent": "33.4"}],
    )
    order = await an_order_of(client, hear, owner_id=owner, partner_id=partner)
    receipt = await received(client, order, "333.33")

    assert await reckon(database) == 1

    first, second = sorted(await lines_of(client), key=lambda line: line["share_no"])
    assert (first["amount"], second["amount"]) == ("5.55", "2.78")
    assert (first["payee_id"], second["payee_id"]) == (owner, partner)
    assert first["order_id"] == order["id"]
    assert first["order_line_id"] == order["lines"][0]["id"]
    assert first["receipt_id"] == receipt["id"]
    assert (first["rule_id"], first["rule_version"], first["rate"]) == (rule["id"], 1, "2.5")
    # 2.5 % of 333.33 are 8.33325, of which 66.6 % are 5.5499445.
    assert (first["base_amount"], first["rounding"]) == ("333.33", "0.000056")
    assert (first["earned_on"], first["booked_on"]) == ("2026-03-10", "2026-03-10")


async def test_what_is_asked_again_is_not_paid_again(client, database, hear):
    await a_rule(client)
    order = await an_order_of(client, hear, owner_id=await a_known_employee(hear))
    await received(client, order)
    async with database.transaction() as session:
        asked = await session.get(Order, order["id"])
        await commissions.ask_for(session, asked)

    await asyncio.gather(*(reckon(database) for _ in range(3)))
    async with database.transaction() as session:
        await commissions.ask_for(session, await session.get(Order, order["id"]))
    await reckon(database)

    assert [line["amount"] for line in await lines_of(client)] == ["10.00"]


@pytest.mark.capability("P-16")
async def test_a_reversed_receipt_is_taken_back_in_the_open_period(client, database, session, hear):
    await a_rule(client)
    owner = await a_known_employee(hear)
    order = await an_order_of(client, hear, owner_id=owner)
    receipt = await received(client, order)
    await reckon(database)
    (period,) = (await client.get("/sales/v1/commission-periods")).json()["data"]
    await settle(database, period["id"])
    (statement,) = (await client.get("/sales/v1/commission-statements")).json()["data"]

    newer = await posted(
        client,
        "commission-rules",
        code="direct_sales",
        name="新",
        valid_from="2026-01-01",
        terms=terms(steps=[{"from_amount": "0", "rate": "50"}]),
    )
    await posted(client, f"commission-rules/{newer['id']}:activate", 200)
    await posted(client, f"receipts/{receipt['id']}:reverse", 200, reason="bounced")
    await reckon(database)

    original, reversal = await lines_of(client)
    assert (original["amount"], reversal["amount"]) == ("10.00", "-10.00")
    assert reversal["reverses_id"] == original["id"]
    for name in ("payee_id", "rule_id", "rule_version", "rate", "order_line_id"):
        assert reversal[name] == original[name], name
    assert reversal["period_id"] != original["period_id"]
    assert reversal["booked_on"] == "2026-05-04"
    path = f"/sales/v1/commission-statements/{statement['id']}"
    assert (await client.get(path)).json() == statement
    assert (await client.get(f"{path}/proof")).json()["is_proven"] is True
    told = await published(session)
    assert [each for each in told if each.startswith("sales.commission.")] == [
        "sales.commission.accrued.v1",
        "sales.commission.settled.v1",
        "sales.commission.reversed.v1",
    ]


async def test_a_statement_adds_up_and_its_hash_is_over_its_lines(client, database, hear):
    await a_rule(client)
    owner = await a_known_employee(hear)
    order = await an_order_of(client, hear, owner_id=owner)
    for amount in ("100.01", "33.35"):
        await received(client, order, amount)
    await reckon(database)
    (period,) = (await client.get("/sales/v1/commission-periods")).json()["data"]

    await settle(database, period["id"])

    (statement,) = (await client.get("/sales/v1/commission-statements")).json()["data"]
    path = f"/sales/v1/commission-statements/{statement['id']}"
    lines = (await client.get(f"{path}/lines")).json()["data"]
    assert statement["totals"] == [{"currency": "CNY", "amount": "3.33"}]
    assert sum(Decimal(line["amount"]) for line in lines) == Decimal("3.33")
    assert (statement["payee_id"], statement["line_count"]) == (owner, 2)
    assert (await client.get(f"{path}/proof")).json()["is_proven"] is True


async def test_of_two_who_settle_a_period_one_wins(client, database, session, hear):
    await a_rule(client)
    order = await an_order_of(client, hear, owner_id=await a_known_employee(hear))
    await received(client, order)
    await reckon(database)
    (period,) = (await client.get("/sales/v1/commission-periods")).json()["data"]
    path = f"/sales/v1/commission-periods/{period['id']}:settle"

    # So that each has its connection, and they do not come one after the other.
    await asyncio.gather(*(client.get("/sales/v1/commissions") for _ in range(3)))
    answers = await asyncio.gather(*(client.post(path) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "commission_period_settled"}
    assert len(await said(session, "sales.commission.settled.v1")) == 1


async def test_who_earns_in_a_period_does_not_settle_it(client, database, hear):
    await a_rule(client)
    owner = await a_known_employee(hear)
    order = await an_order_of(client, hear, owner_id=owner)
    await received(client, order)
    await reckon(database)
    (period,) = (await client.get("/sales/v1/commission-periods")).json()["data"]
    (line,) = await lines_of(client)
    payee = Actor(
        id="payee",
        employee_id=type(new_id())(line["payee_id"]),
        grants=(Grant("all", ("*",), Scope.ALL),),
    )

    with pytest.raises(SettlerIsPayee):
        await settle(database, period["id"], actor=payee)


async def test_a_period_waits_for_its_last_day_and_for_its_orders(client, database, hear):
    await a_rule(client)
    order = await an_order_of(client, hear, owner_id=await a_known_employee(hear))
    await received(client, order)
    march = datetime(2026, 3, 20, tzinfo=UTC)
    await reckon(database, march)
    (period,) = (await client.get("/sales/v1/commission-periods")).json()["data"]
    await received(client, order, "1.00")

    answer = await client.post(f"/sales/v1/commission-periods/{period['id']}:settle")

    assert (answer.status_code, answer.json()["code"]) == (409, "commissions_still_reckoned")


async def test_others_earnings_are_not_seen_by_colleagues(client, database, hear):
    await a_rule(client)
    order = await an_order_of(client, hear, owner_id=await a_known_employee(hear))
    await received(client, order)
    await reckon(database)
    (period,) = (await client.get("/sales/v1/commission-periods")).json()["data"]
    await settle(database, period["id"])
    (statement,) = (await client.get("/sales/v1/commission-statements")).json()["data"]
    uuid = type(new_id())
    payee_id, statement_id = uuid(statement["payee_id"]), uuid(statement["id"])
    reads = (Grant("sales", ("sales.*.read",), Scope.ALL),)

    async with database.reading() as reading:
        own = await commissions.get_commission_statement(
            reading, statement_id, actor=Actor(id="a", employee_id=payee_id, grants=reads)
        )
        with pytest.raises(CommissionStatementNotFound):
            await commissions.get_commission_statement(
                reading, statement_id, actor=Actor(id="b", employee_id=new_id(), grants=reads)
            )
    assert own.payee_id == payee_id


async def test_the_database_lets_nobody_change_the_ledger(client, database, hear):
    await a_rule(client)
    order = await an_order_of(client, hear, owner_id=await a_known_employee(hear))
    await received(client, order)
    await reckon(database)

    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.transaction() as session:
            narrow(session, None)
            await session.execute(text("UPDATE commissions SET amount = 1"))


async def test_a_rule_that_comes_later_pays_for_what_was_sold_since_its_first_day(
    client, database, hear
):
    owner = await a_known_employee(hear)
    order = await an_order_of(client, hear, owner_id=owner)
    await reckon(database)
    assert await lines_of(client) == []

    await a_rule(
        client,
        base="order_line",
        steps=[{"from_amount": "0", "rate": "1"}, {"from_amount": "1000", "rate": "3"}],
        cap="25.00",
    )
    await reckon(database)

    (line,) = await lines_of(client)
    # 3 % of 1000.00 are 30.00, of which 25.00 are paid.
    assert (line["amount"], line["rate"], line["source_kind"]) == ("25.00", "3", "order_line")
    assert line["receipt_id"] is None
    await posted(client, f"orders/{order['id']}:cancel", 200, reason="off")
    await reckon(database)
    assert [each["amount"] for each in await lines_of(client)] == ["25.00", "-25.00"]


async def test_a_draft_earns_nothing_and_an_active_version_stays_as_it_is(client, database, hear):
    order = await an_order_of(client, hear, owner_id=await a_known_employee(hear))
    await received(client, order)
    draft = await posted(
        client,
        "commission-rules",
        code="direct_sales",
        name="直销提成",
        valid_from="2026-01-01",
        terms=terms(),
    )
    path = f"/sales/v1/commission-rules/{draft['id']}"
    await reckon(database)
    before = await lines_of(client)
    active = await posted(client, f"commission-rules/{draft['id']}:activate", 200)

    refused = await client.patch(
        path, json={"name": "x"}, headers={"If-Match": f'"{active["version"]}"'}
    )

    assert before == []
    assert (refused.status_code, refused.json()["code"]) == (409, "commission_rule_not_draft")
    second = await posted(
        client,
        "commission-rules",
        code="direct_sales",
        name="直销提成",
        valid_from="2026-04-01",
        terms=terms(),
    )
    assert second["rule_version"] == 2
