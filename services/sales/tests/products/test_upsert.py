import pytest

from common.testing.service import published

from ..builders import a_created_product

KNOWN = {"external_source": "erp", "external_id": "7"}
PRODUCT = {"sku": "A-1", "name": "GTX Pro", "list_price": "4821.00", "currency": "CNY"}


async def upserted(client, *items, match_on):
    response = await client.post(
        "/sales/v1/products:upsert", json={"match_on": match_on, "items": list(items)}
    )
    assert response.status_code == 200, response.text
    return response.json()["results"]


@pytest.mark.capability("P-15")
async def test_a_catalogue_is_brought_up_to_date(client, session):
    there = await a_created_product(client, **PRODUCT)

    results = await upserted(
        client,
        {**PRODUCT, **KNOWN},
        {**PRODUCT, **KNOWN, "list_price": "4900.00"},
        {**PRODUCT, **KNOWN, "list_price": "4900.000000"},
        {**PRODUCT, "sku": "A-2"},
        match_on=["external_id", "sku"],
    )

    assert [result["outcome"] for result in results] == [
        "updated",
        "updated",
        "unchanged",
        "created",
    ]
    assert {result["id"] for result in results[:3]} == {there["id"]}
    assert len(await published(session)) == 4
    shown = (await client.get(f"/sales/v1/products/{there['id']}")).json()
    assert (shown["external_id"], shown["list_price"]) == ("7", "4900.00")


@pytest.mark.capability("P-15")
async def test_a_product_keeps_its_sku(client):
    there = await a_created_product(client, **PRODUCT, **KNOWN)

    (refused,) = await upserted(
        client, {**PRODUCT, **KNOWN, "sku": "A-2"}, match_on=["external_id"]
    )

    assert (refused["status"], refused["error"]["code"]) == (409, "sku_stays")
    assert refused["error"]["existing_id"] == there["id"]
