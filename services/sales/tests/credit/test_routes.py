import asyncio
from uuid import UUID

import pytest

from common.auth import Actor
from common.clock import utc_now
from common.db import Database
from common.testing.service import published, said, settings_for
from sales.__main__ import ENTRY
from sales.credit import use_cases as credit
from sales.credit.schemas import CreditAsked, CreditDecision

from ..builders import (
    a_binding_order,
    a_created_product,
    a_known_customer,
    a_limited_customer,
    limit_credit,
    line_of,
    posted,
    set_parameter,
)


async def an_order_of(client, customer_id, product, quantity="10"):
    """A drafted order over `quantity` times 100.00."""
    line = line_of(product, quantity=quantity)
    return await posted(client, "orders", customer_id=customer_id, lines=[line])


async def credit_of(client, customer_id):
    response = await client.get(f"/sales/v1/customers/{customer_id}/credit")
    assert response.status_code == 200, response.text
    return response.json()


async def refused(client, order, act="confirm", **body):
    path = f"/sales/v1/orders/{order['id']}:{act}"
    response = await client.post(path, json=body) if body else await client.post(path)
    assert response.status_code == 409, response.text
    return response.json()


@pytest.mark.capability("SAL-17")
@pytest.mark.capability("CUS-15")
async def test_an_order_is_confirmed_with_a_reservation_or_not_at_all(client, session, hear):
    product = await a_created_product(client)
    customer_id = await a_limited_customer(hear, "1500.00")
    await a_binding_order(client, customer_id, [line_of(product)])
    order = await an_order_of(client, customer_id, product)

    problem = await refused(client, order)

    assert problem["code"] == "credit_limit_exceeded"
    assert (problem["needed"], problem["exposure"], problem["limit"]) == (
        "1000.00",
        "1000.00",
        "1500.00",
    )
    assert (await published(session)).count("sales.order.confirmed.v1") == 1
    shown = await credit_of(client, customer_id)
    assert (shown["available"], shown["verdict"]) == ("500.00", "within")
    assert [row["amount"] for row in shown["documents"]] == ["1000.00"]


@pytest.mark.capability("C-14")
@pytest.mark.capability("CUS-15")
async def test_each_document_is_counted_once_from_confirmation_to_payment(client, hear):
    product = await a_created_product(client)
    customer_id = await a_limited_customer(hear, "1000.00")
    order = await a_binding_order(client, customer_id, [line_of(product)])
    seen = []

    async def look():
        shown = await credit_of(client, customer_id)
        (row,) = shown["documents"]
        seen.append((row["open_amount"], row["receivable_amount"], shown["available"]))

    await look()
    await posted(client, f"orders/{order['id']}:ship", 200, lines=[{"line_no": 1, "quantity": "4"}])
    await look()
    receipt = await posted(client, "receipts", order_id=order["id"], amount="500.00")
    await look()
    await posted(client, f"receipts/{receipt['id']}:reverse", 200, reason="bounced")
    await look()
    await posted(client, f"orders/{order['id']}:ship", 200)
    await look()
    await posted(client, "receipts", order_id=order["id"], amount="1000.00")

    assert seen == [
        ("1000.00", "0.00", "0.00"),
        ("600.00", "400.00", "0.00"),
        ("500.00", "0.00", "500.00"),
        ("600.00", "400.00", "0.00"),
        ("0.00", "1000.00", "0.00"),
    ]
    paid = await credit_of(client, customer_id)
    assert (paid["exposure"], paid["documents"]) == ([], [])


@pytest.mark.capability("C-14")
@pytest.mark.capability("SAL-17")
async def test_every_way_to_owe_more_comes_through_the_same_check(client, hear):
    product = await a_created_product(client)
    customer_id = await a_limited_customer(hear, "1000.00")
    order = await a_binding_order(client, customer_id, [line_of(product)])

    changed = await client.patch(
        f"/sales/v1/orders/{order['id']}",
        json={"lines": [line_of(product, quantity="11", line_no=1)]},
        headers={"If-Match": f'"{order["version"]}"'},
    )
    await posted(client, f"orders/{order['id']}:cancel", 200, reason="budget cut")
    await a_binding_order(client, customer_id, [line_of(product, quantity="1")])
    reopened = await refused(client, order, "reopen")

    assert (changed.status_code, changed.json()["code"]) == (409, "credit_limit_exceeded")
    assert reopened["code"] == "credit_limit_exceeded"
    await limit_credit(hear, customer_id, "1100.00")
    await posted(client, f"orders/{order['id']}:reopen", 200)
    assert (await credit_of(client, customer_id))["available"] == "0.00"


@pytest.mark.capability("CUS-15")
async def test_what_no_limit_a_past_one_a_hold_and_another_currency_mean(client, hear):
    product = await a_created_product(client)
    unlimited, ended, held, dollars = [await a_known_customer(hear) for _ in range(4)]
    await limit_credit(hear, ended, "9000.00", valid_until="2020-12-31")
    await limit_credit(hear, held, "9000.00", is_held=True)
    await limit_credit(hear, dollars, "9000.00", currency="USD")
    await a_binding_order(client, unlimited, [line_of(product)])

    codes = [
        (await refused(client, await an_order_of(client, customer_id, product)))["code"]
        for customer_id in (ended, held, dollars)
    ]
    await set_parameter(hear, "credit_without_limit", "refuse")
    unstated = await refused(client, await an_order_of(client, unlimited, product))

    assert codes == ["credit_limit_ended", "credit_on_hold", "exchange_rate_needed"]
    assert unstated["code"] == "credit_limit_not_stated"


@pytest.mark.capability("CUS-15")
async def test_of_two_limits_the_later_one_counts_and_one_to_come_not_yet(client, hear):
    customer_id = await a_limited_customer(hear, "1000.00", valid_from="2020-01-01")
    await limit_credit(hear, customer_id, "300.00", valid_from="2021-01-01")
    await limit_credit(hear, customer_id, "9000.00", valid_from="2999-01-01")

    assert (await credit_of(client, customer_id))["limit"]["amount"] == "300.00"


@pytest.mark.capability("SAL-17")
async def test_a_second_person_lets_one_order_exceed_the_limit(client, database, session, hear):
    product = await a_created_product(client)
    customer_id = await a_limited_customer(hear, "500.00")
    order = await an_order_of(client, customer_id, product)
    asked, decided = CreditAsked(reason="a tender"), CreditDecision(reason="insured")

    assert (await refused(client, order))["may_be_approved"] is True
    async with database.transaction() as writing:
        await credit.request_approval(
            writing, UUID(order["id"]), asked, actor=Actor("lin"), now=utc_now()
        )
    await refused(client, order)
    async with database.transaction() as writing:
        await credit.decide_approval(
            writing,
            UUID(order["id"]),
            decided,
            is_approved=True,
            actor=Actor("wu"),
            now=utc_now(),
        )
    await posted(client, f"orders/{order['id']}:confirm", 200)
    other = await refused(client, await an_order_of(client, customer_id, product, "1"))

    assert other["code"] == "credit_limit_exceeded"
    (told,) = await said(session, "sales.order.credit_decided.v1")
    assert (told["is_approved"], told["amount"], told["reason"]) == (True, "1000.00", "insured")
    await posted(client, f"orders/{order['id']}:cancel", 200, reason="off")
    assert (await refused(client, order, "reopen"))["code"] == "credit_limit_exceeded"


@pytest.mark.capability("SAL-17")
async def test_over_the_limit_by_ones_own_approval_or_against_the_policy_is_refused(client, hear):
    product = await a_created_product(client)
    customer_id = await a_limited_customer(hear, "500.00")
    order = await an_order_of(client, customer_id, product)
    path = f"/sales/v1/orders/{order['id']}"
    await posted(client, f"orders/{order['id']}:request-credit", 200, reason="a tender")

    own = await client.post(f"{path}:approve-over-limit", json={"reason": "why not"})
    twice = await refused(client, order, "request-credit", reason="again")
    await set_parameter(hear, "credit_over_limit", "refuse")
    other = await an_order_of(client, customer_id, product)
    policy = await refused(client, other, "request-credit", reason="a tender")
    small = await an_order_of(client, customer_id, product, "1")
    covered = await refused(client, small, "request-credit", reason="a tender")

    assert (own.status_code, own.json()["code"]) == (403, "approver_is_requester")
    assert (twice["code"], policy["code"]) == ("approval_pending", "credit_limit_exceeded")
    assert (policy["may_be_approved"], covered["code"]) == (False, "approval_not_needed")


@pytest.mark.capability("C-14")
@pytest.mark.capability("CUS-15")
async def test_fifty_confirmations_at_once_do_not_exceed_the_limit(client, database_url, hear):
    product = await a_created_product(client)
    customer_id = await a_limited_customer(hear, "1000.00")
    orders = [await an_order_of(client, customer_id, product, "1") for _ in range(50)]
    wide = Database("sales", database_url, pool_size=50)
    try:
        app = ENTRY.create_app(settings_for(ENTRY, database_url), wide)
        client._transport.app = app
        answers = await asyncio.gather(
            *(client.post(f"/sales/v1/orders/{order['id']}:confirm") for order in orders)
        )
    finally:
        await wide.close()

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 10 + [409] * 40
