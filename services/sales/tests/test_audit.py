"""The audit trail of documents: their lines are told with them."""

import pytest

from common.audit.verify import records_of, verify

from .builders import a_created_product, a_known_customer, line_of, posted

pytestmark = pytest.mark.capability("P-17")


async def trail_of(client, record_id):
    found = await client.get("/sales/v1/audit-entries", params={"record_id": record_id})
    return found.json()["data"]


async def a_drafted_quote(client, hear, *lines):
    return await posted(
        client,
        "quotes",
        customer_id=await a_known_customer(hear),
        currency="CNY",
        valid_until="2099-12-31",
        lines=list(lines),
    )


async def test_the_lines_of_a_quote_are_told_as_they_were_and_as_they_are(client, hear):
    product = await a_created_product(client)
    quote = await a_drafted_quote(client, hear, line_of(product, quantity="10"))

    answer = await client.patch(
        f"/sales/v1/quotes/{quote['id']}",
        json={"lines": [line_of(product, quantity="12")]},
        headers={"If-Match": "*"},
    )

    assert answer.status_code == 200, answer.text
    changed, created = await trail_of(client, quote["id"])
    assert created["changes"]["lines"][0] == []
    (before,), (after,) = changed["changes"]["lines"]
    assert (before["quantity"], after["quantity"]) == ("10", "12")
    assert before["product_id"] == after["product_id"] == product["id"]
    assert changed["changes"]["total"] == ["1000", "1200"]


async def test_a_quote_that_is_not_accepted_leaves_the_trail_of_its_sending_alone(client, hear):
    product = await a_created_product(client)
    quote = await a_drafted_quote(client, hear, line_of(product))
    await posted(client, f"quotes/{quote['id']}:send", 200)

    refused = await client.post(f"/sales/v1/quotes/{quote['id']}:send")

    assert refused.status_code == 409
    sent, _ = await trail_of(client, quote["id"])
    assert sent["events"] == ["sales.quote.sent.v1"]
    assert sent["changes"]["state"][1] == "sent"


async def test_what_a_sale_left_behind_is_whole(client, hear, database):
    product = await a_created_product(client)
    quote = await a_drafted_quote(client, hear, line_of(product))
    await posted(client, f"quotes/{quote['id']}:send", 200)
    await posted(client, f"quotes/{quote['id']}:accept", 200)

    found = await verify(database, records_of("sales"))

    assert found.faults == []
    assert found.entries >= 4
