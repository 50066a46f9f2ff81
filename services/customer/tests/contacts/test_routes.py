import pytest

from common.testing.service import published

from ..builders import a_created_customer, an_added_contact


@pytest.mark.capability("CUS-12")
async def test_a_new_primary_contact_takes_the_place_of_the_old_one(client):
    customer = await a_created_customer(client)
    old = await an_added_contact(client, customer, is_primary=True)

    new = await an_added_contact(client, customer, name="李强", is_primary=True)

    page = (
        await client.get("/customer/v1/contacts", params={"customer_id": customer["id"]})
    ).json()
    primary = {row["id"]: row["is_primary"] for row in page["data"]}
    assert primary == {old["id"]: False, new["id"]: True}


async def test_a_contact_of_nobody_is_refused(client, session):
    response = await client.post(
        "/customer/v1/contacts",
        json={"customer_id": "01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f", "name": "王芳"},
    )

    assert response.status_code == 404
    assert response.json()["code"] == "customer_not_found"
    assert await published(session) == []


async def test_a_removed_contact_is_gone(client):
    contact = await an_added_contact(client, await a_created_customer(client))
    path = f"/customer/v1/contacts/{contact['id']}"

    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path)).status_code == 204


async def test_the_supervisor_must_be_of_the_same_customer(client):
    contact = await an_added_contact(client, await a_created_customer(client))
    stranger = await an_added_contact(client, await a_created_customer(client, name="海达"))

    response = await client.patch(
        f"/customer/v1/contacts/{contact['id']}", json={"supervisor_id": stranger["id"]}
    )

    assert response.status_code == 422
    assert response.json()["code"] == "supervisor_elsewhere"
