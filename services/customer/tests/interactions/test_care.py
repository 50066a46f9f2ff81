"""Links, tags and the next step of an interaction."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from common.access.rows import Rows, narrow
from common.testing.service import said
from customer.interactions import use_cases as interactions

from ..builders import a_created_customer, an_added_contact

SERVICES = Path(__file__).parents[3]
PATH = "/customer/v1/interactions"


async def logged(client, customer, **values):
    response = await client.post(
        PATH,
        json={
            "customer_id": customer["id"],
            "channel": "visit",
            "occurred_at": "2026-03-02T09:30:00Z",
            "subject": "现场考察",
            **values,
        },
    )
    assert response.status_code == 201, response.text
    return response.json()


@pytest.mark.capability("CUS-18")
async def test_an_interaction_has_people_and_links_and_is_found_by_them(client, session):
    customer = await a_created_customer(client)
    wang = await an_added_contact(client, customer)
    li = await an_added_contact(client, customer, name="李强")
    opportunity, partner, colleague = str(uuid4()), str(uuid4()), str(uuid4())

    interaction = await logged(
        client,
        customer,
        direction="inbound",
        contact_id=wang["id"],
        also_contact_ids=[li["id"], li["id"]],
        employee_ids=[colleague],
        opportunity_id=opportunity,
        with_partner_id=partner,
        content="要求报价",
        result="周五前报价",
        promised_on="2026-03-06",
    )
    await logged(client, customer)

    assert interaction["also_contact_ids"] == [li["id"]]
    found = (await client.get(PATH, params={"opportunity_id": opportunity})).json()["data"]
    assert [each["id"] for each in found] == [interaction["id"]]
    assert (found[0]["with_partner_id"], found[0]["promised_on"]) == (partner, "2026-03-06")
    (first, _) = await said(session, "customer.interaction.logged.v1")
    assert (first["opportunity_id"], first["direction"]) == (opportunity, "inbound")


@pytest.mark.capability("CUS-18")
async def test_who_else_was_there_works_at_the_customer(client):
    customer = await a_created_customer(client)
    stranger = await an_added_contact(client, await a_created_customer(client, name="海达"))

    response = await client.post(
        PATH,
        json={
            "customer_id": customer["id"],
            "channel": "visit",
            "occurred_at": "2026-03-02T09:30:00Z",
            "subject": "x",
            "also_contact_ids": [stranger["id"]],
        },
    )

    assert (response.status_code, response.json()["code"]) == (404, "contact_not_found")


@pytest.mark.capability("CUS-18")
async def test_a_link_is_set_and_taken_away_later(client, session):
    interaction = await logged(client, await a_created_customer(client))
    ticket = str(uuid4())
    path = f"{PATH}/{interaction['id']}:link"

    linked = (await client.post(path, json={"ticket_id": ticket})).json()
    same = (await client.post(path, json={"ticket_id": ticket})).json()
    cleared = (await client.post(path, json={"ticket_id": None})).json()

    assert (linked["ticket_id"], same["version"], cleared["ticket_id"]) == (ticket, 2, None)
    assert len(await said(session, "customer.interaction.linked.v1")) == 2


@pytest.mark.capability("CUS-21")
async def test_needs_and_problems_are_counted_by_tag(client, session, database):
    one, other = (
        await a_created_customer(client, owner_id=str(uuid4())),
        await a_created_customer(client, name="海达"),
    )
    await logged(client, one, needs=["Faster  Delivery", "faster delivery"], problems=["价格高"])
    later = await logged(client, one, occurred_at="2026-03-10T09:30:00Z")
    await logged(client, other, needs=["faster delivery"])
    await client.post(
        f"{PATH}/{later['id']}:tag", json={"needs": ["faster delivery"], "problems": []}
    )

    counts = (await client.get(f"{PATH}/tags")).json()
    early = (await client.get(f"{PATH}/tags", params={"until": "2026-03-03T00:00:00Z"})).json()

    assert counts == [
        {"kind": "need", "tag": "faster delivery", "interactions": 3, "customers": 2},
        {"kind": "problem", "tag": "价格高", "interactions": 1, "customers": 1},
    ]
    assert early[0]["interactions"] == 2
    found = (await client.get(PATH, params={"need": "Faster Delivery"})).json()
    assert len(found["data"]) == 3
    (tagged,) = await said(session, "customer.interaction.tagged.v1")
    assert tagged["needs"] == ["faster delivery"]
    # Counts are of what one may see.
    async with database.reading() as reading:
        narrow(reading, Rows(owner_id=UUID(one["owner_id"])))
        seen = await interactions.count_tags(reading, customer_id=None, since=None, until=None)
    assert [tag.interactions for tag in seen] == [2, 1]


@pytest.mark.capability("CUS-21")
@pytest.mark.parametrize(
    ("to", "service", "schema"),
    [("opportunity", "sales", "OpportunityOpen"), ("ticket", "service-desk", "TicketOpen")],
)
async def test_the_next_step_is_a_command_that_the_other_service_takes_once(
    client, to, service, schema
):
    customer = await a_created_customer(client)
    interaction = await logged(client, customer, needs=["报价"], problems=["交货晚"])

    step = (await client.get(f"{PATH}/{interaction['id']}/next-step", params={"to": to})).json()

    document = json.loads((SERVICES / service / "api" / "openapi.json").read_text("utf-8"))
    taken = document["components"]["schemas"][schema]
    assert "post" in document["paths"][step["path"]]
    assert set(step["body"]) <= set(taken["properties"])
    assert set(taken["required"]) <= set(step["body"])
    assert (step["body"]["customer_id"], step["body"]["external_id"]) == (
        customer["id"],
        interaction["id"],
    )
