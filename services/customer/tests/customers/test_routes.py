from uuid import uuid4

import pytest

from common.testing.service import published, said

from ..builders import a_created_customer


@pytest.mark.capability("CUS-01")
async def test_a_customer_is_created_with_a_number_and_told(client, session):
    response = await client.post(
        "/customer/v1/customers", json={"name": "  远航机电  ", "industry": "manufacturing"}
    )

    assert response.status_code == 201
    customer = response.json()
    assert customer["name"] == "远航机电"
    assert customer["number"].startswith("C")
    assert response.headers["location"] == f"/customer/v1/customers/{customer['id']}"
    assert (await said(session, "customer.customer.created.v1"))[0]["customer_id"] == customer["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("email", "nobody"), ("phone", "abc"), ("employee_count", -1), ("nmae", "x")],
)
async def test_a_field_that_does_not_fit_is_named_and_nothing_is_written(
    client, session, field, value
):
    response = await client.post("/customer/v1/customers", json={"name": "远航", field: value})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == f"/{field}"
    assert await published(session) == []


async def test_an_external_id_names_one_customer(client):
    first = await a_created_customer(client, external_source="erp", external_id="4711")

    response = await client.post(
        "/customer/v1/customers",
        json={"name": "另一家", "external_source": "erp", "external_id": "4711"},
    )

    assert response.status_code == 409
    assert response.json()["existing_id"] == first["id"]


async def test_a_patch_changes_what_it_names_and_null_clears(client):
    customer = await a_created_customer(client, city="杭州", phone="0571-88886666")

    response = await client.patch(
        f"/customer/v1/customers/{customer['id']}", json={"city": None, "status": "active"}
    )

    assert response.status_code == 200
    changed = response.json()
    assert (changed["city"], changed["status"], changed["phone"]) == (
        None,
        "active",
        "0571-88886666",
    )
    assert changed["version"] == 2


async def test_a_parent_that_would_close_a_circle_is_refused(client):
    top = await a_created_customer(client, name="集团")
    below = await a_created_customer(client, name="子公司", parent_id=top["id"])

    response = await client.patch(
        f"/customer/v1/customers/{top['id']}", json={"parent_id": below["id"]}
    )

    assert response.status_code == 422
    assert response.json()["code"] == "parent_cycle"


async def test_a_parent_nobody_knows_is_refused(client):
    response = await client.post(
        "/customer/v1/customers", json={"name": "子公司", "parent_id": str(uuid4())}
    )

    assert response.status_code == 422
    assert response.json()["code"] == "parent_not_found"


async def test_subsidiaries_are_found_at_any_depth(client):
    top = await a_created_customer(client, name="集团")
    middle = await a_created_customer(client, name="分公司", parent_id=top["id"])
    bottom = await a_created_customer(client, name="办事处", parent_id=middle["id"])

    response = await client.get(f"/customer/v1/customers/{top['id']}/subsidiaries")

    assert {row["id"] for row in response.json()} == {middle["id"], bottom["id"]}


async def test_a_deleted_customer_is_gone_until_it_is_restored(client, session):
    customer = await a_created_customer(client)
    path = f"/customer/v1/customers/{customer['id']}"

    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.post(f"{path}:restore")).status_code == 200
    assert await published(session) == [
        "customer.customer.created.v1",
        "customer.customer.deleted.v1",
        "customer.customer.restored.v1",
    ]


async def test_a_transfer_is_told_with_its_reason(client, session):
    customer = await a_created_customer(client)
    owner = str(uuid4())

    response = await client.post(
        f"/customer/v1/customers/{customer['id']}:transfer",
        json={"owner_id": owner, "department_id": None, "reason": "区域调整"},
    )

    assert response.json()["owner_id"] == owner
    assert (await said(session, "customer.customer.transferred.v1"))[0]["reason"] == "区域调整"


async def test_a_walk_over_the_pages_sees_every_customer_once(client):
    for number in range(7):
        await a_created_customer(client, name=f"客户 {number % 3}")

    seen, path = [], "/customer/v1/customers?limit=2&sort=name&include=total"
    cursor = ""
    while True:
        page = (await client.get(path + cursor)).json()
        assert page["total"] == 7
        seen += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert len(seen) == len(set(seen)) == 7


async def test_a_search_finds_by_part_of_the_name(client):
    wanted = await a_created_customer(client, name="杭州远航机电有限公司")
    await a_created_customer(client, name="宁波海达")

    page = (await client.get("/customer/v1/customers", params={"q": "远航"})).json()

    assert [row["id"] for row in page["data"]] == [wanted["id"]]


async def test_a_repeated_request_with_its_key_has_one_effect(client, session):
    headers = {"Idempotency-Key": "order-4711"}

    first = await client.post("/customer/v1/customers", json={"name": "远航"}, headers=headers)
    second = await client.post("/customer/v1/customers", json={"name": "远航"}, headers=headers)

    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert len(await published(session)) == 1


async def test_an_unknown_parameter_is_refused(client):
    response = await client.get("/customer/v1/customers?colour=red")

    assert response.status_code == 422
    assert response.json()["code"] == "unknown_parameter"
