import asyncio
from uuid import uuid4

import pytest

from common.testing.service import published, said

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


@pytest.mark.capability("CUS-12")
async def test_nobody_is_supervised_by_whom_they_supervise(client):
    customer = await a_created_customer(client)
    top = await an_added_contact(client, customer)
    middle = await an_added_contact(client, customer, supervisor_id=top["id"])
    bottom = await an_added_contact(client, customer, supervisor_id=middle["id"])

    refused = await client.patch(
        f"/customer/v1/contacts/{top['id']}", json={"supervisor_id": bottom["id"]}
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "supervisor_circle")


@pytest.mark.capability("CUS-12")
async def test_two_who_each_make_the_other_the_supervisor_do_not_close_a_circle(client):
    customer = await a_created_customer(client)
    one, other = [await an_added_contact(client, customer) for _ in range(2)]

    answers = await asyncio.gather(
        *(
            client.patch(f"/customer/v1/contacts/{a['id']}", json={"supervisor_id": b["id"]})
            for a, b in ((one, other), (other, one))
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 422]


@pytest.mark.capability("CUS-12")
async def test_a_contact_who_moves_keeps_the_history_and_leaves_the_supervisors(client, session):
    before = await a_created_customer(client)
    after = await a_created_customer(client, name="海达")
    boss = await an_added_contact(client, before)
    mover = await an_added_contact(
        client, before, supervisor_id=boss["id"], is_primary=True, employee_id=str(uuid4())
    )
    below = await an_added_contact(client, before, supervisor_id=mover["id"])
    path = f"/customer/v1/contacts/{mover['id']}"

    answer = await client.post(
        f"{path}:move", json={"customer_id": after["id"], "reason": "换了单位"}
    )
    again = await client.post(f"{path}:move", json={"customer_id": after["id"], "reason": "again"})

    moved = answer.json()
    assert answer.status_code == 200, answer.text
    assert (moved["customer_id"], moved["supervisor_id"], moved["is_primary"]) == (
        after["id"],
        None,
        False,
    )
    assert moved["employee_id"] == mover["employee_id"]
    (move,) = (await client.get(f"{path}/moves")).json()
    assert (move["from_customer_id"], move["to_customer_id"], move["reason"]) == (
        before["id"],
        after["id"],
        "换了单位",
    )
    left = (await client.get(f"/customer/v1/contacts/{below['id']}")).json()
    assert left["supervisor_id"] is None
    assert (again.status_code, again.json()["code"]) == (409, "contact_already_there")
    (told,) = await said(session, "customer.contact.moved.v1")
    assert told["from_customer_id"] == before["id"]


@pytest.mark.capability("N19")
@pytest.mark.parametrize("typed", ["stf", "shantianfang", "dtf", "田芳"])
async def test_a_contact_is_found_by_every_reading_of_the_name(client, typed):
    customer = await a_created_customer(client)
    await an_added_contact(client, customer, name="单田芳")
    await an_added_contact(client, customer, name="李强")

    page = (await client.get("/customer/v1/contacts", params={"q": typed})).json()

    assert [row["name"] for row in page["data"]] == ["单田芳"]
