"""Nobody gives what they do not have, to others or to themselves: at the channel service."""

import time
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from common.ids import new_id

from .conftest import Guard, Guarded

pytestmark = pytest.mark.capability("X-05")

ROLES, ACCOUNTS = "/channel/v1/roles", "/channel/v1/accounts"
PASSWORD = "three-quiet-herons-7"
MANAGING = ("channel.accounts.write", "channel.accounts.read", "channel.roles.write")


@pytest.fixture
async def channel(guard: Guard):
    return await guard("channel")


@pytest.fixture
async def administrator(channel: Guarded) -> httpx.AsyncClient:
    client, _ = await channel.signed_in("*")
    return client


async def role(client: httpx.AsyncClient, *rights: str, scope: str = "all") -> str:
    code = f"r{new_id().hex[:20]}"
    made = await client.post(
        ROLES, json={"code": code, "name": code, "rights": list(rights), "scope": scope}
    )
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def opened(client: httpx.AsyncClient, *roles: str, **facts):
    return await client.post(
        ACCOUNTS, json={"username": f"u{new_id().hex[:20]}", "role_ids": list(roles), **facts}
    )


async def account(client: httpx.AsyncClient, *roles: str, **facts) -> str:
    made = await opened(client, *roles, **facts)
    assert made.status_code == 201, made.text
    return made.json()["id"]


def is_beyond(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["code"] == "beyond_own_rights"


async def test_who_writes_roles_defines_none_with_rights_of_others(channel, administrator):
    manager, _ = await channel.signed_in(*MANAGING, "sales.*")
    ours, everything = (
        await role(administrator, "sales.quotes.read"),
        await role(administrator, "*"),
    )
    new = {"code": "mine", "name": "我", "rights": ["*"], "scope": "all"}

    assert is_beyond(await manager.post(ROLES, json=new))
    assert is_beyond(await manager.post(ROLES, json={**new, "rights": ["sales.*", "customer.*"]}))
    assert is_beyond(await manager.patch(f"{ROLES}/{ours}", json={"rights": ["channel.*"]}))
    assert is_beyond(await manager.patch(f"{ROLES}/{everything}", json={"rights": ["sales.*"]}))
    assert is_beyond(await manager.patch(f"{ROLES}/{everything}", json={"name": "我的"}))
    allowed = await manager.patch(f"{ROLES}/{ours}", json={"rights": ["sales.*.write"]})
    assert allowed.status_code == 200, allowed.text


async def test_a_role_is_everybodys_so_rights_over_some_rows_are_not_enough(channel, administrator):
    manager, _ = await channel.signed_in(*MANAGING, "sales.*", scope="subtree")
    ours = await role(administrator, "sales.*", scope="own")

    assert is_beyond(await manager.patch(f"{ROLES}/{ours}", json={"rights": ["sales.*.read"]}))
    assert is_beyond(
        await manager.post(
            ROLES, json={"code": "x", "name": "x", "rights": ["sales.*"], "scope": "own"}
        )
    )


async def test_who_writes_accounts_gives_only_roles_they_could_have(channel, administrator):
    manager, _ = await channel.signed_in(*MANAGING, "sales.*")
    selling, buying = (
        await role(administrator, "sales.*.read"),
        await role(administrator, "customer.*"),
    )
    plain = await account(manager, selling)

    refused = await opened(manager, selling, buying)

    assert is_beyond(refused)
    assert refused.json()["right"] == "customer.*"
    assert is_beyond(await manager.patch(f"{ACCOUNTS}/{plain}", json={"role_ids": [buying]}))


@pytest.mark.parametrize(
    "verb", ["set-password", "renew-secret", "disable", "enable", "revoke-sessions"]
)
async def test_who_may_less_does_nothing_to_the_account_of_an_administrator(
    channel, administrator, verb
):
    manager, _ = await channel.signed_in(*MANAGING)
    kind = "client" if verb == "renew-secret" else "person"
    everything = await role(administrator, "*")
    await account(administrator, everything)
    strong = await account(administrator, everything, kind=kind)
    body = {"json": {"password": PASSWORD}} if verb == "set-password" else {}

    assert is_beyond(await manager.post(f"{ACCOUNTS}/{strong}:{verb}", **body))
    assert is_beyond(await manager.patch(f"{ACCOUNTS}/{strong}", json={"username": "mine"}))
    assert (await administrator.post(f"{ACCOUNTS}/{strong}:{verb}", **body)).status_code == 200


async def test_nobody_changes_their_own_roles_place_or_partner(channel, administrator):
    everything = await role(administrator, "*")
    own = await account(administrator, everything)
    # The service tells itself what it wrote; here the account is heard of with the same id.
    heard = await channel.role("*")
    await channel.account(heard, account_id=UUID(own))
    me = channel.client(UUID(own), iat=int(time.time()) + 2)

    for change in (
        {"role_ids": []},
        {"region_ids": [str(new_id())]},
        {"partner_id": str(new_id())},
    ):
        refused = await me.patch(f"{ACCOUNTS}/{own}", json=change)
        assert (refused.status_code, refused.json()["code"]) == (403, "own_roles"), change
    renamed = await me.patch(f"{ACCOUNTS}/{own}", json={"username": "somebody.else"})
    assert renamed.status_code == 200, renamed.text
    assert (await me.patch(f"{ACCOUNTS}/{own}", json={"role_ids": [everything]})).status_code == 200


async def test_over_some_rows_only_the_people_below_are_given_to(channel, administrator):
    org = {}
    for name, kind, parent in (
        ("top", "hq", None),
        ("east", "branch", "top"),
        ("west", "branch", "top"),
    ):
        made = await administrator.post(
            "/channel/v1/departments",
            json={"name": name, "kind": kind, "parent_id": org.get(parent)},
        )
        assert made.status_code == 201, made.text
        org[name] = made.json()["id"]
        await channel.department(
            parent_id=UUID(org[parent]) if parent else None, department_id=UUID(org[name])
        )
    people = {}
    for name in ("east", "west"):
        made = await administrator.post(
            "/channel/v1/employees", json={"name": name, "department_id": org[name]}
        )
        people[name] = made.json()["id"]
    boss = await channel.employee(UUID(org["east"]))
    manager = channel.client(
        await channel.account(
            await channel.role(*MANAGING),
            await channel.role("sales.*", scope="subtree"),
            employee_id=boss,
        )
    )
    near, wide = (
        await role(administrator, "sales.*", scope="department"),
        await role(administrator, "sales.*", scope="all"),
    )

    assert (await opened(manager, near, employee_id=people["east"])).status_code == 201
    assert is_beyond(await opened(manager, near, employee_id=people["west"]))
    assert is_beyond(await opened(manager, wide, employee_id=people["east"]))


async def test_an_account_of_a_partner_handles_accounts_of_that_partner_only(
    channel, administrator
):
    partners = []
    for name in ("宁波海达", "苏州恒力"):
        made = await administrator.post(
            "/channel/v1/partners", json={"name": name, "kind": "dealer"}
        )
        assert made.status_code == 201, made.text
        partners.append(made.json()["id"])
    selling = await role(administrator, "sales.*", scope="all")
    dealer, _ = await channel.signed_in(*MANAGING, "sales.*", partner_id=partners[0])
    nobodys = await account(administrator)

    assert (await opened(dealer, selling, partner_id=partners[0])).status_code == 201
    other = await opened(dealer, selling, partner_id=partners[1])
    assert (other.status_code, other.json()["code"]) == (422, "partner_unknown")
    assert is_beyond(await opened(dealer))
    assert is_beyond(await dealer.post(f"{ACCOUNTS}/{nobodys}:disable"))


@pytest.mark.capability("X-02")
async def test_the_last_administrator_stays_whichever_way_they_would_go(channel, administrator):
    everything = await role(administrator, "*")
    department = await administrator.post(
        "/channel/v1/departments", json={"name": "总部", "kind": "hq"}
    )
    employee = await administrator.post(
        "/channel/v1/employees",
        json={"name": "王芳", "department_id": department.json()["id"]},
    )
    person = employee.json()["id"]
    last = await account(administrator, everything, employee_id=person)

    for method, path, body in (
        ("POST", f"{ACCOUNTS}/{last}:disable", None),
        ("PATCH", f"{ACCOUNTS}/{last}", {"role_ids": []}),
        ("PATCH", f"{ROLES}/{everything}", {"scope": "own"}),
        ("POST", f"/channel/v1/employees/{person}:leave", {}),
    ):
        refused = await administrator.request(method, path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator"), path
    async with channel.database.reading() as session:
        state = await session.execute(text("SELECT state FROM employees"))
    assert state.scalar_one() == "active"
