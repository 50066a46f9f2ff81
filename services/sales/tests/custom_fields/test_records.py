"""Leads, deals, products, quotes and orders carry custom fields from their creation to their file."""

from uuid import uuid4

import pytest

from common.testing.service import said

from ..builders import a_created_product, a_known_customer, posted

pytestmark = pytest.mark.capability("P-18")

FIELDS = "/sales/v1/custom-fields"


async def define(client, entity, **parts):
    labels = {"label_zh": "系数", "label_en": "Factor"}
    body = {"entity": entity, "key": "factor", "kind": "decimal", "scale": 3, **labels, **parts}
    answer = await client.post(FIELDS, json=body)
    assert answer.status_code == 201, answer.text


async def a_record(client, hear, entity, **values):
    if entity == "products":
        return await a_created_product(client, sku=str(uuid4())[:20], **values)
    if entity == "leads":
        return await posted(client, "leads", name="远航机电", source="fair", **values)
    customer_id = await a_known_customer(hear, name=str(uuid4()))
    if entity == "opportunities":
        return await posted(
            client, "opportunities", name="Pumps", customer_id=customer_id, **values
        )
    product = await a_created_product(client, sku=str(uuid4())[:20])
    lines = [{"product_id": product["id"], "quantity": "1", "unit_price": "5"}]
    if entity == "quotes":
        values["valid_until"] = "2099-12-31"
    return await posted(client, entity, customer_id=customer_id, lines=lines, **values)


@pytest.mark.parametrize(
    ("entity", "created", "changed"),
    [
        ("products", "product.created", "product.updated"),
        ("leads", "lead.captured", "lead.updated"),
        ("opportunities", "opportunity.opened", "opportunity.changed"),
        ("quotes", "quote.drafted", "quote.drafted"),
        ("orders", "order.drafted", "order.changed"),
    ],
)
async def test_a_record_carries_them(client, session, hear, entity, created, changed):
    await define(client, entity)
    records = f"/sales/v1/{entity}"
    record = await a_record(client, hear, entity, custom={"factor": "1.250"})
    await a_record(client, hear, entity)
    path = f"{records}/{record['id']}"

    async def change(**custom):
        return await client.patch(path, json={"custom": custom}, headers={"If-Match": "*"})

    patched, refused = await change(factor="10"), await change(factor="much")
    found = await client.get(records, params={"custom.factor": "10.0"})
    file = await client.get(
        records,
        params={"fields": "custom.factor", "sort": "-custom.factor"},
        headers={"Accept": "text/csv"},
    )

    assert record["custom"] == {"factor": "1.25"}
    assert patched.json()["custom"] == {"factor": "10"}
    assert refused.json()["errors"][0]["pointer"] == "/custom/factor"
    assert [row["id"] for row in found.json()["data"]] == [record["id"]]
    assert [line.split(",")[1] for line in file.text.splitlines()] == ["custom.factor", "10", ""]
    assert (await said(session, f"sales.{created}.v1"))[0]["custom"] == {"factor": "1.25"}
    assert (await said(session, f"sales.{changed}.v1"))[-1]["custom"] == {"factor": "10"}
