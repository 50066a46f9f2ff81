"""Comparing all customers with each other, and deciding about what is found."""

import pytest

from customer.duplicates.use_cases import groups_of, scan_on

from ..builders import a_created_customer, an_added_contact

GROUPS, SCANS = "/customer/v1/duplicate-groups", "/customer/v1/duplicate-scans"

pytestmark = pytest.mark.capability("C-01")


async def scan(client, database):
    response = await client.post(SCANS)
    assert response.status_code == 202, response.text
    while await scan_on(database):
        pass
    return (await client.get(response.headers["operation-location"])).json()


async def groups(client):
    return (await client.get(GROUPS)).json()["data"]


async def test_a_scan_finds_groups_with_their_reasons_and_says_how_far_it_is(client, database):
    one = await a_created_customer(client, name="杭州远航机电有限公司", phone="13800138000")
    two = await a_created_customer(client, name="远航机电（杭州）有限公司")
    three = await a_created_customer(client, name="别的名字")
    await an_added_contact(client, three, mobile_phone="138 0013 8000")
    await a_created_customer(client, name="上海大众")

    started = (await client.post(SCANS)).json()
    again = await client.post(SCANS)
    await scan_on(database)
    half = (await client.get(f"{SCANS}/{started['id']}")).json()
    while await scan_on(database):
        pass
    done = (await client.get(f"{SCANS}/{started['id']}")).json()

    assert (again.status_code, again.json()["existing_id"]) == (409, started["id"])
    assert (started["progress"], half["done"], half["state"]) == (0, 5, "running")
    assert (done["state"], done["progress"], done["pairs"], done["groups"]) == (
        "succeeded",
        1,
        2,
        1,
    )
    (group,) = await groups(client)
    assert group["size"] == 3
    told = {
        frozenset((pair["one"]["id"], pair["other"]["id"])): pair["reasons"][0]["field"]
        for pair in group["pairs"]
    }
    assert told == {
        frozenset((one["id"], two["id"])): "name",
        frozenset((one["id"], three["id"])): "phone",
    }


async def test_what_was_said_to_be_no_duplicate_is_not_shown_again(client, database):
    for name in ("远航机电", "远航机电有限公司"):
        await a_created_customer(client, name=name)
    await scan(client, database)
    (group,) = await groups(client)

    dismissed = await client.post(f"{GROUPS}/{group['id']}:dismiss", json={})
    at_once = await groups(client)
    again = await scan(client, database)

    assert dismissed.status_code == 204
    assert (at_once, again["pairs"], await groups(client)) == ([], 0, [])


async def test_what_was_merged_is_no_group_any_more(client, database):
    one, two = [await a_created_customer(client, name="远航机电") for _ in range(2)]
    await scan(client, database)

    await client.post(
        f"/customer/v1/customers/{one['id']}:merge", json={"customer_ids": [two["id"]]}
    )

    assert await groups(client) == []
    assert (await scan(client, database))["groups"] == 0


def test_groups_reach_as_far_as_the_pairs():
    assert sorted(map(sorted, groups_of([(1, 2), (3, 4), (2, 5), (6, 3)]))) == [
        [1, 2, 5],
        [3, 4, 6],
    ]
