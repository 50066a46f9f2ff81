"""Merging customers through the API, and undoing it."""

from uuid import uuid4

import pytest

from common.testing.service import published

from ..builders import a_created_customer, an_added_contact
from ..transactions.builders import an_order, confirmed

pytestmark = [pytest.mark.capability("CUS-09"), pytest.mark.capability("N9")]

CUSTOMERS = "/customer/v1/customers"


async def merge(client, survivor, *others, **more):
    response = await client.post(
        f"{CUSTOMERS}/{survivor['id']}:merge",
        json={"customer_ids": [other["id"] for other in others], **more},
    )
    assert response.status_code == 200, response.text
    return response.json()


async def unmerge(client, survivor, merged, **more):
    response = await client.post(
        f"{CUSTOMERS}/{survivor['id']}:unmerge", json={"merge_id": merged["id"], **more}
    )
    assert response.status_code == 200, response.text
    return response.json()


async def shown(client, customer):
    return (await client.get(f"{CUSTOMERS}/{customer['id']}")).json()


async def contacts_of(client, customer):
    found = await client.get("/customer/v1/contacts", params={"customer_id": customer["id"]})
    return {contact["name"]: contact for contact in found.json()["data"]}


async def test_the_survivor_keeps_its_values_is_filled_up_and_gets_what_is_chosen(client):
    survivor = await a_created_customer(client, name="远航机电", city="杭州")
    other = await a_created_customer(
        client, name="远航集团", city="宁波", phone="0571-88886666", annual_revenue="10.5"
    )

    await merge(client, survivor, other, choices={"name": other["id"]})

    after = await shown(client, survivor)
    assert (after["name"], after["city"]) == ("远航集团", "杭州")
    assert (after["phone"], after["annual_revenue"]) == ("0571-88886666", "10.500000")


async def test_somebody_who_bought_stays_somebody_who_bought(client):
    survivor = await a_created_customer(client)
    other = await a_created_customer(client, status="active")

    await merge(client, survivor, other)

    assert (await shown(client, survivor))["status"] == "active"


async def test_a_preview_says_what_the_merge_does_and_changes_nothing(client, session):
    survivor = await a_created_customer(client)
    other = await a_created_customer(client, city="宁波")
    await an_added_contact(client, other)
    before = await published(session)

    response = await client.post(
        f"{CUSTOMERS}/{survivor['id']}:preview-merge", json={"customer_ids": [other["id"]]}
    )

    preview = response.json()
    assert preview["result"]["city"] == "宁波"
    assert preview["changes"] == [
        {"field": "city", "value": "宁波", "from_customer_id": other["id"]}
    ]
    assert preview["moves"] == {"contacts": 1, "interactions": 0, "subsidiaries": 0}
    assert await published(session) == before
    assert (await shown(client, survivor))["city"] is None


async def test_an_old_id_leads_to_the_survivor_and_takes_no_writes(client):
    first, second, third = [await a_created_customer(client, name=f"远航{n}") for n in "一二三"]
    await merge(client, second, first)
    await merge(client, third, second)

    read = await client.get(f"{CUSTOMERS}/{first['id']}/subsidiaries")
    followed = await client.get(f"{CUSTOMERS}/{first['id']}", follow_redirects=True)
    written = await client.patch(f"{CUSTOMERS}/{first['id']}", json={"city": "杭州"})
    added = await client.post(
        "/customer/v1/contacts", json={"customer_id": first["id"], "name": "王芳"}
    )

    assert read.status_code == 307
    assert read.headers["location"] == f"{CUSTOMERS}/{third['id']}/subsidiaries"
    assert followed.json()["id"] == third["id"]
    assert (written.status_code, written.json()["code"]) == (409, "customer_merged")
    assert written.json()["existing_id"] == added.json()["existing_id"] == third["id"]


async def test_what_is_merged_is_not_merged_again_nor_merged_into(client):
    survivor, other, third = [await a_created_customer(client) for _ in range(3)]
    await merge(client, survivor, other)

    again = await client.post(
        f"{CUSTOMERS}/{third['id']}:merge", json={"customer_ids": [other["id"]]}
    )
    into = await client.post(
        f"{CUSTOMERS}/{other['id']}:merge", json={"customer_ids": [third["id"]]}
    )
    itself = await client.post(
        f"{CUSTOMERS}/{third['id']}:merge", json={"customer_ids": [third["id"]]}
    )
    await client.delete(f"{CUSTOMERS}/{third['id']}")
    deleted = await client.post(
        f"{CUSTOMERS}/{survivor['id']}:merge", json={"customer_ids": [third["id"]]}
    )

    assert [again.status_code, into.status_code] == [409, 409]
    assert itself.json()["code"] == "merge_with_itself"
    assert deleted.status_code == 404


async def test_an_order_of_a_merged_customer_makes_the_survivor_active(client, hear):
    survivor, other = [await a_created_customer(client) for _ in range(2)]
    await merge(client, survivor, other)

    await confirmed(hear, an_order(other))

    assert (await shown(client, survivor))["status"] == "active"


async def test_undoing_gives_back_what_was_given_for_the_others_and_nothing_else(client):
    survivor = await a_created_customer(client, name="远航机电")
    other = await a_created_customer(client, name="远航集团", city="宁波")
    child = await a_created_customer(client, name="远航宁波", parent_id=other["id"])
    mine = await an_added_contact(client, survivor, name="王芳", is_primary=True)
    await an_added_contact(client, other, name="李雷", is_primary=True)
    merged = await merge(client, survivor, other)
    between = await contacts_of(client, survivor)
    assert [between[name]["is_primary"] for name in ("王芳", "李雷")] == [True, False]
    assert (await shown(client, child))["parent_id"] == survivor["id"]

    await client.patch(f"/customer/v1/contacts/{between['李雷']['id']}", json={"position": "总监"})
    await an_added_contact(client, survivor, name="韩梅")
    undone = await unmerge(client, survivor, merged)

    kept, back = await contacts_of(client, survivor), await contacts_of(client, other)
    assert (sorted(kept), sorted(back)) == (["王芳", "韩梅"], ["李雷"])
    assert kept["王芳"]["id"] == mine["id"]
    assert (back["李雷"]["is_primary"], back["李雷"]["position"]) == (True, "总监")
    assert (await shown(client, child))["parent_id"] == other["id"]
    assert undone["conflicts"] == []
    assert (await shown(client, survivor))["city"] is None
    for customer in (survivor, other):
        after = await shown(client, customer)
        changed = {name for name in after if after[name] != customer[name]}
        assert changed <= {"version", "updated_at", "possible_duplicates"}, changed


@pytest.mark.parametrize(("edited_fields", "city"), [("keep", "上海"), ("restore", None)])
async def test_a_field_edited_since_is_asked_about(client, edited_fields, city):
    survivor = await a_created_customer(client)
    other = await a_created_customer(client, city="宁波", phone="0571-88886666")
    merged = await merge(client, survivor, other)
    await client.patch(f"{CUSTOMERS}/{survivor['id']}", json={"city": "上海"})

    undone = await unmerge(client, survivor, merged, edited_fields=edited_fields)

    assert undone["conflicts"] == [
        {"field": "city", "before": None, "merged": "宁波", "now": "上海"}
    ]
    after = await shown(client, survivor)
    assert (after["city"], after["phone"]) == (city, None)


async def test_a_merge_is_undone_once_and_the_later_one_first(client):
    first, second, third = [await a_created_customer(client) for _ in range(3)]
    inner = await merge(client, second, first)
    outer = await merge(client, third, second)
    request = {"merge_id": inner["id"]}

    too_early = await client.post(f"{CUSTOMERS}/{second['id']}:unmerge", json=request)
    await unmerge(client, third, outer)
    await unmerge(client, second, inner)
    again = await client.post(f"{CUSTOMERS}/{second['id']}:unmerge", json=request)
    unknown = await client.post(
        f"{CUSTOMERS}/{second['id']}:unmerge", json={"merge_id": str(uuid4())}
    )

    assert (too_early.status_code, too_early.json()["code"]) == (409, "customer_merged")
    assert (await shown(client, first))["id"] == first["id"]
    assert (again.status_code, again.json()["code"]) == (409, "merge_is_undone")
    assert unknown.status_code == 404


async def test_a_parent_that_is_merged_into_its_subsidiary_leaves_it_its_own_parent(client):
    top = await a_created_customer(client, name="集团")
    parent = await a_created_customer(client, name="远航", parent_id=top["id"])
    survivor = await a_created_customer(client, name="远航机电", parent_id=parent["id"])

    merged = await merge(client, survivor, parent)
    assert (await shown(client, survivor))["parent_id"] == top["id"]
    await unmerge(client, survivor, merged)

    assert (await shown(client, survivor))["parent_id"] == parent["id"]


async def test_a_circle_in_the_group_is_refused(client):
    top = await a_created_customer(client, name="集团")
    between = await a_created_customer(client, name="远航", parent_id=top["id"])
    survivor = await a_created_customer(client, name="远航机电", parent_id=between["id"])

    response = await client.post(
        f"{CUSTOMERS}/{survivor['id']}:merge", json={"customer_ids": [top["id"]]}
    )

    assert (response.status_code, response.json()["code"]) == (409, "group_would_be_a_circle")


async def test_the_merge_is_told_and_audited(client, session):
    survivor, other = [await a_created_customer(client) for _ in range(2)]

    merged = await merge(client, survivor, other, reason="同一家公司")
    await unmerge(client, survivor, merged)

    said = await published(session)
    assert said[-4:] == [
        "customer.customer.deleted.v1",
        "customer.customer.merged.v1",
        "customer.customer.restored.v1",
        "customer.customer.unmerged.v1",
    ]
    trail = await client.get("/customer/v1/audit-entries", params={"record_id": other["id"]})
    changes = [entry["changes"].get("merged_into_id") for entry in trail.json()["data"]]
    assert [None, survivor["id"]] in changes
    assert [survivor["id"], None] in changes
    (kept,) = (await client.get(f"{CUSTOMERS}/{survivor['id']}/merges")).json()
    assert (kept["merged_by"], kept["reason"]) == (merged["merged_by"], "同一家公司")
    assert kept["unmerged_at"] is not None
