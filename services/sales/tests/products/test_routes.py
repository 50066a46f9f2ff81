from common.testing.service import published, said

from ..builders import a_created_product


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
