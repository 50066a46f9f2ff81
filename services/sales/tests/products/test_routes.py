from datetime import UTC, datetime

import pytest

from common.testing.service import published, said
from sales.products import use_cases as products

from ..builders import a_created_product, posted


async def test_a_product_is_created_and_told(client, session):
    product = await a_created_product(client, sku="GTX-PRO", series="GTX", kind="training")

    (created,) = await said(session, "sales.product.created.v1")
    assert (created["product_id"], created["sku"], created["series"]) == (
        product["id"],
        "GTX-PRO",
        "GTX",
    )
    assert created["list_price"] == "4821.00"


async def test_a_stock_keeping_unit_names_one_product(client):
    first = await a_created_product(client, sku="GTX-PRO")

    response = await client.post(
        "/sales/v1/products",
        json={"sku": "GTX-PRO", "name": "x", "list_price": "1", "currency": "CNY"},
    )

    assert response.status_code == 409
    assert response.json()["code"] == "sku_taken"
    assert response.json()["existing_id"] == first["id"]


async def test_a_patch_changes_what_it_names(client, session):
    product = await a_created_product(client, series="GTX")

    response = await client.patch(
        f"/sales/v1/products/{product['id']}", json={"series": None, "state": "retired"}
    )

    assert response.status_code == 200
    assert (response.json()["series"], response.json()["state"]) == (None, "retired")
    assert await published(session) == ["sales.product.created.v1", "sales.product.updated.v1"]


async def test_a_required_field_cannot_be_cleared(client):
    product = await a_created_product(client)

    response = await client.patch(f"/sales/v1/products/{product['id']}", json={"name": None})

    assert response.status_code == 422


async def test_products_are_listed_by_name_and_found_by_a_part_of_it(client):
    await a_created_product(client, name="MG Special")
    wanted = await a_created_product(client, name="GTX Plus Pro")

    page = (await client.get("/sales/v1/products", params={"q": "plus"})).json()
    names = [row["name"] for row in (await client.get("/sales/v1/products")).json()["data"]]

    assert [row["id"] for row in page["data"]] == [wanted["id"]]
    assert names == ["GTX Plus Pro", "MG Special"]


async def test_figures_read_as_they_were_written(client):
    product = await a_created_product(client, list_price="55.5")

    shown = (await client.get(f"/sales/v1/products/{product['id']}")).json()

    assert product["list_price"] == shown["list_price"] == "55.5"


@pytest.mark.capability("SAL-13")
async def test_a_planned_state_is_shown_counts_at_once_and_is_taken_on(
    client, session, hear, database
):
    product = await a_created_product(client, state="planned")
    path = f"products/{product['id']}"
    planned = await posted(
        client, f"{path}:plan-state", 200, state="active", effective_on="2100-01-01", reason="new"
    )

    async with database.transaction() as work:
        early = await products.enter_planned_states(work, now=datetime(2099, 12, 30, tzinfo=UTC))
    async with database.transaction() as work:
        entered = await products.enter_planned_states(work, now=datetime(2100, 1, 1, tzinfo=UTC))

    shown = (await client.get(f"/sales/v1/{path}")).json()
    assert planned["state"] == "planned"
    assert planned["planned_states"] == [
        {"effective_on": "2100-01-01", "state": "active", "reason": "new"}
    ]
    assert (early, entered) == (0, 1)
    assert (shown["state"], shown["planned_states"]) == ("active", [])
    assert await published(session) == [
        "sales.product.created.v1",
        "sales.product.state_planned.v1",
        "sales.product.updated.v1",
    ]
