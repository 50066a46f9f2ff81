from datetime import UTC, datetime
from uuid import uuid4

import pytest

from common.testing.service import published, said
from sales.quotes import use_cases as quotes

from ..builders import (
    a_created_product,
    a_known_customer,
    a_known_territory,
    a_stated_rate,
    an_accepted_quote,
    an_opened_opportunity,
    line_of,
    posted,
)

LATER = datetime(2100, 1, 1, 9, tzinfo=UTC)


async def test_a_quote_inherits_customer_and_scope_from_its_opportunity(client, hear):
    region_id = await a_known_territory(hear)
    customer_id = await a_known_customer(hear)
    deal = await an_opened_opportunity(client, customer_id=customer_id, region_id=region_id)
    product = await a_created_product(client)

    quote = await posted(
        client,
        "quotes",
        opportunity_id=deal["id"],
        valid_until="2099-12-31",
        lines=[line_of(product, discount_percent="12.5")],
    )

    assert (quote["customer_id"], quote["region_id"]) == (customer_id, region_id)
    assert (quote["total"], quote["lines"][0]["amount"], quote["places"]) == (
        "875.00",
        "875.00",
        2,
    )
    assert "half away from zero" in quote["rounding"]


async def test_documents_keep_the_currency_of_their_deal(client, hear):
    deal = await an_opened_opportunity(
        client, customer_id=await a_known_customer(hear), currency="USD"
    )
    product = await a_created_product(client)
    lines = [line_of(product)]
    await a_stated_rate(client)

    quote = await posted(
        client, "quotes", opportunity_id=deal["id"], valid_until="2099-12-31", lines=lines
    )
    order = await posted(client, "orders", opportunity_id=deal["id"], lines=lines)
    await posted(client, f"orders/{order['id']}:confirm", 200)
    receipt = await posted(client, "receipts", order_id=order["id"], amount="1.00")

    assert {quote["currency"], order["currency"], receipt["currency"]} == {"USD"}


async def test_a_quote_for_a_customer_inherits_its_scope(client, hear):
    region_id = str(uuid4())
    customer_id = await a_known_customer(hear, region_id=region_id)
    product = await a_created_product(client)

    quote = await posted(
        client,
        "quotes",
        customer_id=customer_id,
        valid_until="2099-12-31",
        lines=[line_of(product)],
    )

    assert quote["region_id"] == region_id


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"customer_id": str(uuid4())}, "customer_not_known"),
        ({"customer_id": None}, "quote_customer_needed"),
        ({"opportunity_id": str(uuid4())}, "opportunity_not_known"),
        ({"lines": [{"product_id": str(uuid4()), "unit_price": "1"}]}, "product_not_known"),
        ({"lines": []}, "not_valid"),
    ],
)
async def test_a_quote_that_cannot_be_is_refused(client, session, hear, change, code):
    product = await a_created_product(client)
    body = {
        "customer_id": await a_known_customer(hear),
        "valid_until": "2099-12-31",
        "lines": [line_of(product)],
    }

    response = await client.post("/sales/v1/quotes", json={**body, **change})

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert await published(session) == ["sales.product.created.v1"]


async def test_a_retired_product_is_not_quoted(client, hear):
    product = await a_created_product(client, state="retired")

    response = await client.post(
        "/sales/v1/quotes",
        json={
            "customer_id": await a_known_customer(hear),
            "valid_until": "2099-12-31",
            "lines": [line_of(product)],
        },
    )

    assert response.json()["code"] == "product_not_for_sale"
    assert response.json()["errors"][0]["pointer"] == "/lines/0/product_id"


async def test_the_way_of_a_quote_is_told(client, session, hear):
    product = await a_created_product(client)

    quote = await an_accepted_quote(
        client, await a_known_customer(hear), [line_of(product, delivery_on="2026-09-01")]
    )

    assert quote["state"] == "accepted"
    assert (await published(session))[1:] == [
        "sales.quote.drafted.v1",
        "sales.quote.sent.v1",
        "sales.quote.accepted.v1",
    ]
    (accepted,) = await said(session, "sales.quote.accepted.v1")
    (line,) = accepted["lines"]
    assert accepted["total"] == line["amount"] == "1000.00"
    assert (line["product_name"], line["delivery_on"]) == ("GTX Pro", "2026-09-01")


async def test_a_draft_changes_and_a_sent_quote_does_not(client, hear):
    product = await a_created_product(client)
    quote = await posted(
        client,
        "quotes",
        customer_id=await a_known_customer(hear),
        valid_until="2099-12-31",
        lines=[line_of(product), line_of(product)],
    )
    path = f"/sales/v1/quotes/{quote['id']}"

    changed = await client.patch(
        path, json={"lines": [line_of(product, quantity="3")]}, headers={"If-Match": '"1"'}
    )
    await posted(client, f"quotes/{quote['id']}:send", 200)
    refused = await client.patch(path, json={"notes": "x"}, headers={"If-Match": "*"})

    assert changed.json()["total"] == "300.00"
    assert len((await client.get(path)).json()["lines"]) == 1
    assert (refused.status_code, refused.json()["code"]) == (409, "quote_is_frozen")


@pytest.mark.capability("P-12")
async def test_lines_are_replaced_only_by_who_has_read_them(client, session, hear):
    product = await a_created_product(client)
    quote = await posted(
        client,
        "quotes",
        customer_id=await a_known_customer(hear),
        valid_until="2099-12-31",
        lines=[line_of(product)],
    )
    path = f"/sales/v1/quotes/{quote['id']}"
    await client.patch(path, json={"notes": "x"}, headers={"If-Match": '"1"'})
    before = await published(session)

    lines = {"lines": [line_of(product, quantity="3")]}
    unread = await client.patch(path, json=lines)
    stale = await client.patch(path, json=lines, headers={"If-Match": '"1"'})
    sent_stale = await client.post(f"{path}:send", headers={"If-Match": '"1"'})

    assert (unread.status_code, unread.json()["code"]) == (428, "precondition_required")
    assert (stale.status_code, stale.json()["current_version"]) == (412, 2)
    assert (sent_stale.status_code, sent_stale.json()["current_version"]) == (412, 2)
    assert await published(session) == before


@pytest.mark.capability("SAL-15")
async def test_a_revision_is_a_new_version_under_the_same_number(client, hear):
    product = await a_created_product(client)
    quote = await posted(
        client,
        "quotes",
        customer_id=await a_known_customer(hear),
        valid_until="2099-12-31",
        lines=[line_of(product)],
    )
    await posted(client, f"quotes/{quote['id']}:send", 200)

    new = await posted(client, f"quotes/{quote['id']}:revise", valid_until="2100-06-30")

    old = (await client.get(f"/sales/v1/quotes/{quote['id']}")).json()
    assert (new["number"], new["quote_version"], new["state"]) == (quote["number"], 2, "draft")
    assert (old["state"], old["total"]) == ("replaced", "1000.00")
    assert new["lines"][0]["amount"] == "1000.00"


@pytest.mark.capability("SAL-15")
async def test_a_quote_nobody_answered_expires_once(client, session, hear, database):
    product = await a_created_product(client)
    quote = await posted(
        client,
        "quotes",
        customer_id=await a_known_customer(hear),
        valid_until="2099-12-31",
        lines=[line_of(product)],
    )
    await posted(client, f"quotes/{quote['id']}:send", 200)

    expired = []
    for _ in range(2):
        async with database.transaction() as work:
            expired.append(await quotes.expire_due_quotes(work, now=LATER))

    assert expired == [1, 0]
    assert (await client.get(f"/sales/v1/quotes/{quote['id']}")).json()["state"] == "expired"
    assert (await published(session)).count("sales.quote.expired.v1") == 1
    refused = await client.post(f"/sales/v1/quotes/{quote['id']}:accept")
    assert (refused.status_code, refused.json()["code"]) == (409, "quote_not_open")


async def test_a_line_without_a_price_takes_that_of_the_price_lists(client, hear):
    product = await a_created_product(client, list_price="55.50")

    quote = await posted(
        client,
        "quotes",
        customer_id=await a_known_customer(hear),
        valid_until="2099-12-31",
        lines=[{"product_id": product["id"], "quantity": "2"}],
    )

    assert quote["total"] == "111.00"
    assert quote["lines"][0]["price_reason"].startswith("list price")


async def test_a_price_in_another_currency_is_not_taken(client, hear):
    product = await a_created_product(client, currency="USD")

    response = await client.post(
        "/sales/v1/quotes",
        json={
            "customer_id": await a_known_customer(hear),
            "valid_until": "2099-12-31",
            "lines": [{"product_id": product["id"]}],
        },
    )

    assert response.json()["code"] == "price_needed"
