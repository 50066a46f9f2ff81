from uuid import uuid4

import pytest

from common.testing.service import published, said

from ..builders import an_onboarded_partner, an_open_territory

TERRITORIES = "/channel/v1/territories"


async def test_a_territory_is_opened_and_told_as_a_region(client, session):
    territory = await an_open_territory(client, code="CN-ZJ", name="浙江", english_name="Zhejiang")

    (told,) = await said(session, "channel.territory.changed.v1")
    assert told["territory_id"] == told["region_id"] == territory["id"]
    assert (told["code"], told["english_name"], told["state"]) == ("CN-ZJ", "Zhejiang", "active")


async def test_a_code_names_one_territory(client):
    first = await an_open_territory(client, code="CN-ZJ")

    created = await client.post(TERRITORIES, json={"code": "CN-ZJ", "name": "另一个"})
    other = await an_open_territory(client, code="CN-JS")
    renamed = await client.patch(f"{TERRITORIES}/{other['id']}", json={"code": "CN-ZJ"})

    assert [created.json()["existing_id"], renamed.json()["existing_id"]] == [first["id"]] * 2


@pytest.mark.capability("CHN-02")
async def test_the_tree_of_territories_has_no_circle(client, session):
    country = await an_open_territory(client, code="CN", name="中国")
    province = await an_open_territory(client, code="CN-ZJ", name="浙江", parent_id=country["id"])
    city = await an_open_territory(client, code="CN-ZJ-NB", name="宁波", parent_id=province["id"])

    subtree = (await client.get(f"{TERRITORIES}/{country['id']}/subtree")).json()
    circle = await client.patch(f"{TERRITORIES}/{country['id']}", json={"parent_id": city["id"]})

    assert [(row["code"], row["depth"]) for row in subtree] == [
        ("CN", 0),
        ("CN-ZJ", 1),
        ("CN-ZJ-NB", 2),
    ]
    assert circle.json()["code"] == "territory_cycle"
    assert len(await published(session)) == 3


async def test_a_territory_above_that_nobody_knows_is_refused(client):
    response = await client.post(
        TERRITORIES, json={"code": "X", "name": "无", "parent_id": str(uuid4())}
    )

    assert response.status_code == 422
    assert response.json()["code"] == "territory_unknown"


@pytest.mark.capability("CHN-02")
async def test_a_territory_closes_when_no_partner_works_there(client):
    territory = await an_open_territory(client)
    partner = await an_onboarded_partner(client, region_id=territory["id"])
    path = f"{TERRITORIES}/{territory['id']}"

    refused = await client.post(f"{path}:close")
    await client.post(f"/channel/v1/partners/{partner['id']}:end", json={"reason": "合同到期"})
    closed = await client.post(f"{path}:close")
    registered = await client.post(
        "/channel/v1/partners",
        json={"name": "另一家", "kind": "agent", "region_id": territory["id"]},
    )

    assert (refused.status_code, refused.json()["partners"]) == (409, 1)
    assert closed.json()["state"] == "closed"
    assert registered.json()["code"] == "territory_unknown"
    assert (await client.post(f"{path}:reopen")).json()["state"] == "active"


async def test_the_list_is_searched_and_filtered(client):
    top = await an_open_territory(client, code="CN", name="中国", english_name="China")
    below = await an_open_territory(client, code="ZJ", name="浙江", parent_id=top["id"])

    for query, wanted in (("q=chi", top), ("top=true", top), (f"parent_id={top['id']}", below)):
        page = (await client.get(f"{TERRITORIES}?{query}")).json()
        assert [row["id"] for row in page["data"]] == [wanted["id"]]
