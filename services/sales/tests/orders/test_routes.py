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
    set_parameter,
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


@pytest.mark.capability("SAL-23")
async def test_an_order_keeps_the_decimal_places_it_was_written_with(client, hear):
    product = await a_created_product(client)
    customer_id = await a_known_customer(hear)
    line = line_of(product, quantity="3", unit_price="0.3335")
    await set_parameter(hear, "order_decimal_places", 3)
    order = await posted(client, "orders", customer_id=customer_id, lines=[line])
    await set_parameter(hear, "order_decimal_places", 0, effective_on="2020-01-02")

    changed = await client.patch(
        f"/sales/v1/orders/{order['id']}",
        json={"lines": [{**line, "line_no": 1, "quantity": "6"}]},
        headers={"If-Match": f'"{order["version"]}"'},
    )
    later = await posted(client, "orders", customer_id=customer_id, lines=[line])

    assert (order["total"], order["places"]) == ("1.001", 3)
    assert (changed.json()["total"], changed.json()["places"]) == ("2.001", 3)
    assert (later["total"], later["places"]) == ("1", 0)


@pytest.mark.capability("SAL-16")
@pytest.mark.capability("P-16")
async def test_calling_off_the_rest_tells_what_is_taken_back_and_lowers_what_is_owed(
    client, session, hear
):
    product = await a_created_product(client)
    order = await a_binding_order(client, await a_known_customer(hear), [line_of(product)])
    path = f"orders/{order['id']}"
    await posted(client, f"{path}:ship", 200, lines=[{"line_no": 1, "quantity": "4"}])

    shown = await posted(client, f"{path}:cancel-rest", 200, reason="out of production")

    assert (shown["state"], shown["total"], shown["due_amount"]) == ("shipped", "1000.00", "400.00")
    (told,) = await said(session, "sales.order.rest_cancelled.v1")
    (line,) = told["lines"]
    assert (line["order_line_id"], line["quantity"], line["amount"]) == (
        shown["lines"][0]["id"],
        "6",
        "600.00",
    )
    assert (told["total_before"], told["total"]) == ("1000.00", "400.00")
    assert [row["amount"] for row in told["instalments"]] == ["400.00"]


@pytest.mark.capability("P-16")
async def test_a_cancellation_names_the_lines_and_reopening_confirms_anew(client, session, hear):
    product = await a_created_product(client)
    order = await a_binding_order(client, await a_known_customer(hear), [line_of(product)])
    path = f"orders/{order['id']}"
    await posted(client, f"{path}:cancel", 200, reason="budget cut")

    reopened = await posted(client, f"{path}:reopen", 200)

    (told,) = await said(session, "sales.order.cancelled.v1")
    assert [(line["line_no"], line["amount"]) for line in told["lines"]] == [(1, "1000.00")]
    assert (reopened["state"], reopened["cancel_reason"]) == ("confirmed", None)
    assert (await published(session))[-3:] == [
        "sales.order.cancelled.v1",
        "sales.order.reopened.v1",
        "sales.order.confirmed.v1",
    ]


@pytest.mark.capability("SAL-16")
async def test_a_quote_that_was_ordered_again_keeps_its_first_order_off(client, hear):
    product = await a_created_product(client)
    quote = await an_accepted_quote(client, await a_known_customer(hear), [line_of(product)])
    order = await posted(client, "orders", quote_id=quote["id"])
    await posted(client, f"orders/{order['id']}:cancel", 200, reason="wrong address")
    again = await posted(client, "orders", quote_id=quote["id"])

    response = await client.post(f"/sales/v1/orders/{order['id']}:reopen")

    assert (response.status_code, response.json()["existing_id"]) == (409, again["id"])


@pytest.mark.capability("SAL-16")
async def test_the_lines_of_a_binding_order_change_and_the_plan_keeps_its_shares(
    client, session, hear
):
    product = await a_created_product(client)
    order = await a_binding_order(client, await a_known_customer(hear), [line_of(product)])
    plan = [
        {"due_on": "2026-06-01", "amount": "300.00"},
        {"due_on": "2026-09-01", "amount": "700.00"},
    ]
    await posted(client, f"orders/{order['id']}:plan-payments", 200, instalments=plan)
    current = (await client.get(f"/sales/v1/orders/{order['id']}")).json()

    response = await client.patch(
        f"/sales/v1/orders/{order['id']}",
        json={"lines": [line_of(product, line_no=1), line_of(product, quantity="1")]},
        headers={"If-Match": f'"{current["version"]}"'},
    )

    changed = response.json()
    assert response.status_code == 200, response.text
    assert changed["total"] == "1100.00"
    assert changed["lines"][0]["id"] == order["lines"][0]["id"]
    shown = (await client.get(f"/sales/v1/orders/{order['id']}/payment-plan")).json()
    assert [row["amount"] for row in shown["instalments"]] == ["330.00", "770.00"]
    (told,) = await said(session, "sales.order.changed.v1")
    assert (told["total_before"], told["total"], told["is_confirmed"]) == (
        "1000.00",
        "1100.00",
        True,
    )
