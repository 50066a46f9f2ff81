import asyncio
from uuid import uuid4

import pytest

from common.testing.service import published, said

from ..builders import (
    a_binding_order,
    a_created_product,
    a_known_customer,
    a_known_territory,
    an_accepted_quote,
    an_opened_opportunity,
    line_of,
    posted,
)


@pytest.mark.capability("SAL-16")
async def test_an_accepted_quote_becomes_one_order(client, session, hear):
    product = await a_created_product(client)
    quote = await an_accepted_quote(
        client, await a_known_customer(hear), [line_of(product, discount_percent="12.5")]
    )

    order = await posted(client, "orders", quote_id=quote["id"])
    again = await client.post("/sales/v1/orders", json={"quote_id": quote["id"]})

    assert order["number"].startswith("O")
    assert (order["total"], order["lines"][0]["discount_percent"]) == ("875.00", "12.5")
    assert (again.status_code, again.json()["code"]) == (409, "quote_ordered_already")
    assert again.json()["existing_id"] == order["id"]


async def test_a_quote_whose_order_was_cancelled_can_be_ordered_again(client, hear):
    product = await a_created_product(client)
    quote = await an_accepted_quote(client, await a_known_customer(hear), [line_of(product)])
    order = await posted(client, "orders", quote_id=quote["id"])
    await posted(client, f"orders/{order['id']}:cancel", 200, reason="wrong address")

    await posted(client, "orders", quote_id=quote["id"])


async def test_a_quote_nobody_accepted_is_not_ordered(client, hear):
    product = await a_created_product(client)
    quote = await posted(
        client,
        "quotes",
        customer_id=await a_known_customer(hear),
        valid_until="2099-12-31",
        lines=[line_of(product)],
    )

    response = await client.post("/sales/v1/orders", json={"quote_id": quote["id"]})

    assert (response.status_code, response.json()["code"]) == (409, "quote_not_accepted")


async def test_a_won_deal_becomes_an_order_of_its_lines_and_scope(client, session, hear):
    region_id = await a_known_territory(hear)
    product = await a_created_product(client)
    deal = await an_opened_opportunity(
        client,
        customer_id=await a_known_customer(hear),
        product_id=product["id"],
        region_id=region_id,
    )
    early = await client.post("/sales/v1/orders", json={"opportunity_id": deal["id"]})
    await posted(client, f"opportunities/{deal['id']}:win", 200, amount="4821.00")

    order = await posted(client, "orders", opportunity_id=deal["id"], ordered_on="2026-02-01")

    assert (early.status_code, early.json()["code"]) == (409, "opportunity_not_won")
    assert (order["total"], order["region_id"]) == ("4821.00", region_id)
    assert order["ordered_on"] == "2026-02-01"


async def test_an_order_is_somebodys(client):
    product = await a_created_product(client)
    deal = await an_opened_opportunity(client, product_id=product["id"])
    await posted(client, f"opportunities/{deal['id']}:win", 200, amount="1.00")

    response = await client.post("/sales/v1/orders", json={"opportunity_id": deal["id"]})

    assert (response.status_code, response.json()["code"]) == (422, "customer_not_known")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"quote_id": str(uuid4())}, "quote_not_known"),
        ({"contract_id": str(uuid4())}, "contract_not_known"),
        ({"opportunity_id": str(uuid4())}, "opportunity_not_known"),
        ({"quote_id": str(uuid4()), "contract_id": str(uuid4())}, "not_valid"),
        ({}, "not_valid"),
    ],
)
async def test_an_order_from_nothing_is_refused(client, session, body, code):
    response = await client.post("/sales/v1/orders", json=body)

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert await published(session) == []


@pytest.mark.capability("SAL-16")
async def test_the_way_of_an_order_is_told(client, session, hear):
    product = await a_created_product(client)
    order = await a_binding_order(client, await a_known_customer(hear), [line_of(product)])
    path = f"orders/{order['id']}"

    partly = await posted(
        client, f"{path}:ship", 200, lines=[{"line_no": 1, "quantity": "4"}], note="first truck"
    )
    await posted(client, f"{path}:ship", 200)
    done = await posted(client, f"{path}:complete", 200)

    assert (partly["state"], partly["lines"][0]["shipped_quantity"]) == ("partially_shipped", "4")
    assert done["state"] == "completed"
    assert (await published(session))[1:] == [
        "sales.order.drafted.v1",
        "sales.order.confirmed.v1",
        "sales.order.shipped.v1",
        "sales.order.shipped.v1",
        "sales.order.completed.v1",
    ]
    (confirmed,) = await said(session, "sales.order.confirmed.v1")
    assert confirmed["lines"][0]["amount"] == confirmed["total"] == "1000.00"
    assert [told["complete"] for told in await said(session, "sales.order.shipped.v1")] == [
        False,
        True,
    ]
    deliveries = (await client.get(f"/sales/v1/{path}/deliveries")).json()
    assert [row["lines"][0]["quantity"] for row in deliveries] == ["4", "6"]


async def test_more_than_ordered_is_refused_and_nothing_is_written(client, session, hear):
    product = await a_created_product(client)
    order = await a_binding_order(client, await a_known_customer(hear), [line_of(product)])

    response = await client.post(
        f"/sales/v1/orders/{order['id']}:ship", json={"lines": [{"line_no": 1, "quantity": "11"}]}
    )

    assert (response.status_code, response.json()["code"]) == (422, "more_than_ordered")
    assert response.json()["errors"][0]["pointer"] == "/lines/0/quantity"
    assert "sales.order.shipped.v1" not in await published(session)


async def test_a_cancellation_tells_its_reversal(client, session, hear):
    product = await a_created_product(client)
    order = await a_binding_order(client, await a_known_customer(hear), [line_of(product)])

    cancelled = await posted(client, f"orders/{order['id']}:cancel", 200, reason="budget cut")

    assert cancelled["state"] == "cancelled"
    (told,) = await said(session, "sales.order.cancelled.v1")
    assert (told["total"], told["reason"], told["was_confirmed"]) == ("1000.00", "budget cut", True)


async def test_orders_of_a_customer_are_listed(client, hear):
    product = await a_created_product(client)
    customer_id = await a_known_customer(hear)
    await a_binding_order(client, await a_known_customer(hear), [line_of(product)])
    order = await a_binding_order(client, customer_id, [line_of(product)])

    page = (await client.get("/sales/v1/orders", params={"customer_id": customer_id})).json()

    assert [row["id"] for row in page["data"]] == [order["id"]]
    assert (page["data"][0]["paid_amount"], page["data"][0]["open_amount"]) == ("0.00", "1000.00")


async def test_of_two_orders_from_one_quote_at_once_there_is_one(client, hear):
    product = await a_created_product(client)
    quote = await an_accepted_quote(client, await a_known_customer(hear), [line_of(product)])

    answers = await asyncio.gather(
        *(client.post("/sales/v1/orders", json={"quote_id": quote["id"]}) for _ in range(3))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
