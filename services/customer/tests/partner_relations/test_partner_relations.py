import asyncio
from uuid import uuid4

import pytest

from common.testing.service import said

from ..builders import a_created_customer

pytestmark = pytest.mark.capability("CUS-49")

RELATIONS = "/customer/v1/partner-relations"


async def begin(client, customer, partner, role, valid_from="2026-01-01"):
    return await client.post(
        RELATIONS,
        json={
            "customer_id": customer["id"],
            "of_partner_id": partner,
            "role": role,
            "valid_from": valid_from,
        },
    )


async def test_the_end_customers_of_a_partner_are_known_with_their_days(client, session):
    partner = str(uuid4())
    old, new = await a_created_customer(client), await a_created_customer(client, name="海达")
    first = (await begin(client, old, partner, "end_customer")).json()
    await client.post(f"{RELATIONS}/{first['id']}:end", json={"valid_until": "2026-03-31"})
    await begin(client, new, partner, "end_customer", "2026-04-01")

    async def on(day):
        page = await client.get(RELATIONS, params={"of_partner_id": partner, "on": day})
        return [row["customer_id"] for row in page.json()["data"]]

    assert await on("2026-03-31") == [old["id"]]
    assert await on("2026-04-01") == [new["id"]]
    again = await client.post(f"{RELATIONS}/{first['id']}:end", json={"valid_until": "2026-05-01"})
    assert (again.status_code, again.json()["code"]) == (409, "partner_relation_ended")
    told = await said(session, "customer.partner_relation.changed.v1")
    assert [each["valid_until"] for each in told] == [None, "2026-03-31", None]


async def test_a_party_is_one_customer_and_one_partner(client):
    partner = str(uuid4())
    one, other = await a_created_customer(client), await a_created_customer(client, name="海达")

    answers = await asyncio.gather(
        *(begin(client, customer, partner, "same_party") for customer in (one, other))
    )
    another = await begin(client, one, str(uuid4()), "same_party")
    winner = one if answers[0].status_code == 201 else other
    twice = await begin(client, winner, partner, "same_party")

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert another.status_code == (409 if winner is one else 201)
    assert twice.json()["code"] in ("partner_relation_there", "party_taken")


async def test_what_a_merged_customer_was_to_a_partner_the_survivor_is(client):
    partner = str(uuid4())
    survivor, twin = await a_created_customer(client), await a_created_customer(client, name="远航")
    await begin(client, twin, partner, "end_customer")

    merged = await client.post(
        f"/customer/v1/customers/{survivor['id']}:merge", json={"customer_ids": [twin["id"]]}
    )

    page = await client.get(RELATIONS, params={"of_partner_id": partner})
    assert merged.status_code in (200, 201), merged.text
    assert [row["customer_id"] for row in page.json()["data"]] == [survivor["id"]]
