import pytest

from ..builders import a_created_product, a_known_customer, an_opened_opportunity


@pytest.mark.capability("P-09")
async def test_a_saved_view_of_deals_holds_for_each_page(client, hear):
    customer_id = await a_known_customer(hear)
    product = await a_created_product(client)
    for day, customer in (("2026-06-30", customer_id), ("2026-05-31", customer_id)):
        await an_opened_opportunity(
            client,
            customer_id=customer,
            product_id=product["id"],
            expected_amount="48000.00",
            expected_close_on=day,
        )
    other = await a_known_customer(hear)
    await an_opened_opportunity(client, customer_id=other, product_id=product["id"])
    saved = await client.post(
        "/sales/v1/views",
        json={
            "name": "open deals of one customer",
            "list": "opportunities",
            "query": {"customer_id": customer_id, "is_open": "true"},
            "sort": "created_at",
            "columns": ["number", "expected_close_on"],
        },
    )
    assert saved.status_code == 201, saved.text
    view = {"view": saved.json()["id"], "limit": 1}

    first = (await client.get("/sales/v1/opportunities", params=view)).json()
    second = (
        await client.get("/sales/v1/opportunities", params=view | {"cursor": first["next_cursor"]})
    ).json()

    rows = first["data"] + second["data"]
    assert [row["expected_close_on"] for row in rows] == ["2026-06-30", "2026-05-31"]
    assert {key for row in rows for key in row} == {"id", "number", "expected_close_on"}
    assert not second["has_more"]
