import pytest

from ..builders import a_created_customer


@pytest.mark.capability("P-09")
async def test_a_saved_view_filters_sorts_and_narrows_the_list_of_customers(client):
    for name, city in (("远航机电", "杭州"), ("宏达贸易", "杭州"), ("北方重工", "沈阳")):
        await a_created_customer(client, name=name, city=city)
    view = await client.post(
        "/customer/v1/views",
        json={
            "name": "杭州客户",
            "list": "customers",
            "query": {"city": "杭州", "include_deleted": "false"},
            "sort": "-created_at",
            "columns": ["name", "city"],
        },
    )
    assert view.status_code == 201, view.text

    listed = await client.get(
        "/customer/v1/customers", params={"view": view.json()["id"], "include": "total"}
    )

    assert listed.json()["total"] == 2
    rows = [{key: row[key] for key in row if key != "id"} for row in listed.json()["data"]]
    assert rows == [{"name": "宏达贸易", "city": "杭州"}, {"name": "远航机电", "city": "杭州"}]


@pytest.mark.parametrize(
    ("view", "pointer"),
    [
        ({"query": {"owner_id": "me"}}, "/query/owner_id"),
        ({"query": {"colour": "red"}}, "/query/colour"),
        ({"sort": "credit"}, "/sort"),
        ({"columns": ["deleted_by"]}, "/columns/0"),
    ],
)
@pytest.mark.capability("P-09")
async def test_a_view_of_customers_has_what_customers_have(client, view, pointer):
    refused = await client.post(
        "/customer/v1/views", json={"name": "x", "list": "customers"} | view
    )

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer
