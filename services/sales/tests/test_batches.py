import pytest

from common.testing.service import published


@pytest.mark.capability("P-15")
@pytest.mark.parametrize(
    ("path", "good", "event"),
    [
        ("leads", {"name": "远航机电", "source": "fair"}, "sales.lead.captured.v1"),
        (
            "opportunities",
            {"name": "设备采购", "opened_on": "2026-01-05"},
            "sales.opportunity.opened.v1",
        ),
        (
            "products",
            {"sku": "A-1", "name": "GTX Pro", "list_price": "1.00", "currency": "CNY"},
            "sales.product.created.v1",
        ),
    ],
)
async def test_what_is_posted_alone_is_posted_together(client, session, path, good, event):
    known = {"external_source": "crm", "external_id": "7"}
    other = {**good, "sku": "A-2"} if "sku" in good else good
    items = [{**good, **known}, {**other, **known}, {**good, "colour": "red"}]

    response = await client.post(f"/sales/v1/{path}:batch", json={"items": items})

    results = response.json()["results"]
    assert response.status_code == 200
    assert [result["status"] for result in results] == [201, 409, 422]
    assert await published(session) == [event]
    assert (await client.get(f"/sales/v1/{path}/{results[0]['id']}")).status_code == 200
