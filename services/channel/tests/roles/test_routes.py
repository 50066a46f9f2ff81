import asyncio

import pytest

from common.testing.service import published, said

from ..builders import a_defined_role, an_administrator, an_opened_account

ROLES = "/channel/v1/roles"
ACCOUNTS = "/channel/v1/accounts"


@pytest.mark.capability("X-05")
async def test_a_role_is_defined_and_told_with_its_rights_and_scope(client, session):
    role = await a_defined_role(
        client,
        code="pricing",
        english_name="Pricing",
        rights=["sales.price-lists.write", "sales.*.read", "sales.*.read"],
        scope="department",
    )

    (told,) = await said(session, "channel.role.changed.v1")
    assert role["rights"] == ["sales.*.read", "sales.price-lists.write"]
    assert (told["role_id"], told["code"], told["scope"]) == (role["id"], "pricing", "department")
    assert (told["rights"], told["state"]) == (role["rights"], "active")


@pytest.mark.capability("X-05")
@pytest.mark.parametrize(
    "values",
    [
        {"rights": ["sales"]},
        {"rights": ["Sales.quotes.read"]},
        {"rights": ["sales.quotes.read.all"]},
        {"rights": ["sales quotes read"]},
        {"rights": [""]},
        {"rights": []},
        {"scope": "everywhere"},
        {"code": "With Space"},
        {"state": "active"},
    ],
)
async def test_rights_and_scope_that_nobody_could_have_are_refused(client, session, values):
    role = {"code": "x", "name": "无", "rights": ["sales.*.read"], "scope": "all", **values}

    response = await client.post(ROLES, json=role)

    assert response.status_code == 422
    assert await published(session) == []


async def test_a_code_names_one_role_also_after_its_removal(client):
    role = await a_defined_role(client, code="pricing")
    await client.delete(f"{ROLES}/{role['id']}")

    again = await client.post(
        ROLES, json={"code": "pricing", "name": "无", "rights": ["*"], "scope": "own"}
    )

    assert (again.status_code, again.json()["existing_id"]) == (409, role["id"])


@pytest.mark.capability("X-05")
async def test_a_change_of_rights_is_told(client, session):
    role = await a_defined_role(client)

    changed = await client.patch(
        f"{ROLES}/{role['id']}", json={"rights": ["sales.*"], "scope": "own"}
    )
    same = await client.patch(f"{ROLES}/{role['id']}", json={"rights": ["sales.*"]})

    assert (changed.json()["rights"], changed.json()["version"]) == (["sales.*"], 2)
    assert same.json()["version"] == 2
    assert (await said(session, "channel.role.changed.v1"))[-1]["scope"] == "own"


@pytest.mark.capability("X-05")
async def test_a_role_is_removed_when_no_account_has_it(client, session):
    role = await a_defined_role(client)
    account = await an_opened_account(client, role_ids=[role["id"]])

    refused = await client.delete(f"{ROLES}/{role['id']}")
    await client.patch(f"{ACCOUNTS}/{account['id']}", json={"role_ids": []})
    removed = [(await client.delete(f"{ROLES}/{role['id']}")).status_code for _ in range(2)]
    given = await client.patch(f"{ACCOUNTS}/{account['id']}", json={"role_ids": [role["id"]]})

    assert (refused.status_code, refused.json()["code"]) == (409, "role_in_use")
    assert removed == [204, 204]
    assert (given.status_code, given.json()["code"]) == (422, "role_unknown")
    assert (await said(session, "channel.role.changed.v1"))[-1]["state"] == "removed"
    restored = await client.post(f"{ROLES}/{role['id']}:restore")
    assert restored.json()["state"] == "active"


async def test_a_role_is_not_given_while_it_is_removed(client):
    role = await a_defined_role(client)
    account = await an_opened_account(client)

    removed, given = await asyncio.gather(
        client.delete(f"{ROLES}/{role['id']}"),
        client.patch(f"{ACCOUNTS}/{account['id']}", json={"role_ids": [role["id"]]}),
    )

    assert {removed.status_code, given.status_code} in ({204, 422}, {409, 200})


@pytest.mark.capability("X-05")
@pytest.mark.parametrize("changes", [{"rights": ["sales.*"]}, {"scope": "own"}])
async def test_the_role_of_the_last_administrator_keeps_everything(client, changes):
    account = await an_administrator(client)
    path = f"{ROLES}/{account['role_ids'][0]}"

    refused = await client.patch(path, json=changes)
    await an_administrator(client)
    allowed = await client.patch(path, json=changes)

    assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")
    assert allowed.status_code == 200


async def test_the_list_is_searched_and_filtered(client):
    reader = await a_defined_role(client, name="只读", english_name="Reader")
    await a_defined_role(client, name="定价", scope="own")

    for query in ("q=read", "scope=all", f"code={reader['code']}"):
        page = (await client.get(f"{ROLES}?{query}")).json()
        assert [row["id"] for row in page["data"]] == [reader["id"]]
    first = (await client.get(f"{ROLES}?limit=1&sort=-code")).json()
    second = (await client.get(f"{ROLES}?limit=1&sort=-code&cursor={first['next_cursor']}")).json()
    assert second["data"][0]["id"] == reader["id"]
