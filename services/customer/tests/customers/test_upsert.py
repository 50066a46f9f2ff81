import asyncio

import pytest

from common.testing.service import published

from ..builders import a_created_customer

CREATED, UPDATED = "customer.customer.created.v1", "customer.customer.updated.v1"
KNOWN = {"external_source": "crm", "external_id": "A-1"}

pytestmark = pytest.mark.capability("P-15")


async def upserted(client, *items, match_on=("external_id", "number")):
    response = await client.post(
        "/customer/v1/customers:upsert", json={"match_on": list(match_on), "items": list(items)}
    )
    assert response.status_code == 200, response.text
    return response.json()["results"]


async def the_customer(client, result):
    return (await client.get(f"/customer/v1/customers/{result['id']}")).json()


async def test_one_file_sent_again_and_again_creates_updates_and_leaves_alone(client, session):
    (first,) = await upserted(client, {"name": "远航机电", "city": "宁波", **KNOWN})
    (second,) = await upserted(client, {"name": "远航机电", "city": "上海", **KNOWN})
    (third,) = await upserted(client, {"name": "远航机电", **KNOWN})

    assert [(each["status"], each["outcome"]) for each in (first, second, third)] == [
        (201, "created"),
        (200, "updated"),
        (200, "unchanged"),
    ]
    assert first["id"] == second["id"] == third["id"]
    assert (await the_customer(client, first))["city"] == "上海"
    assert await published(session) == [CREATED, UPDATED]


async def test_the_first_key_that_fits_wins_and_the_other_system_is_remembered(client):
    one = await a_created_customer(client, name="甲", **KNOWN)
    other = await a_created_customer(client, name="乙")

    by_number, clash = await upserted(
        client,
        {"name": "乙", "number": other["number"], "external_source": "crm", "external_id": "B"},
        {"name": "甲", "number": other["number"], **KNOWN},
    )
    (by_its_new_key,) = await upserted(
        client,
        {"name": "丙", "external_source": "crm", "external_id": "B"},
        match_on=["external_id"],
    )

    assert (by_number["id"], by_number["outcome"]) == (other["id"], "updated")
    assert clash["error"]["code"] == "customer_number_stays"
    assert clash["error"]["existing_id"] == one["id"]
    assert by_its_new_key["id"] == other["id"]


async def test_what_cannot_be_recognised_is_refused_and_not_doubled(client, session):
    nothing, unknown, no_customer = await upserted(
        client, {"name": "甲"}, {"name": "甲", "number": "C2020-000001"}, {"name": ""}
    )

    assert nothing["error"]["code"] == "nothing_to_match_on"
    assert unknown["error"]["code"] == "customer_number_not_known"
    assert no_customer["status"] == 422
    assert await published(session) == []


@pytest.mark.parametrize("match_on", [[], ["name"], ["number", "number"], None])
async def test_only_keys_that_name_one_customer_may_be_matched_on(client, match_on):
    response = await client.post(
        "/customer/v1/customers:upsert",
        json={"match_on": match_on, "items": [{"name": "甲", **KNOWN}]},
    )

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"].startswith("/match_on")


async def test_ten_at_once_make_one_customer(client, session):
    answers = await asyncio.gather(
        *(upserted(client, {"name": "远航机电", **KNOWN}) for _ in range(10))
    )

    outcomes = [result["outcome"] for (result,) in answers]
    assert sorted(outcomes) == ["created"] + ["unchanged"] * 9
    assert await published(session) == [CREATED]
