import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from channel.accounts import use_cases as accounts
from common.auth import LOCAL_OPERATOR
from common.clock import utc_now
from common.testing.service import published, said

from ..builders import (
    PASSWORD,
    a_defined_role,
    a_joined_employee,
    a_registered_partner,
    an_administrator,
    an_open_territory,
    an_opened_account,
)

ACCOUNTS = "/channel/v1/accounts"


@pytest.mark.capability("X-02")
async def test_an_account_is_opened_for_an_employee_and_told(client, session):
    employee = await a_joined_employee(client)
    region = await an_open_territory(client)
    role = await a_defined_role(client)

    account = await an_opened_account(
        client,
        username="Fang.Wang",
        employee_id=employee["id"],
        region_ids=[region["id"]],
        role_ids=[role["id"]],
    )

    (told,) = await said(session, "channel.account.changed.v1")
    assert (told["account_id"], told["username"], told["kind"], told["state"]) == (
        account["id"],
        "Fang.Wang",
        "person",
        "active",
    )
    assert (told["employee_id"], told["role_ids"], told["region_ids"]) == (
        employee["id"],
        [role["id"]],
        [region["id"]],
    )
    assert told["tokens_from"].endswith(".000000Z")


@pytest.mark.capability("X-02")
async def test_a_password_is_in_no_answer_event_audit_entry_kept_request_or_log(
    client, session, capfd
):
    created = await client.post(
        ACCOUNTS,
        json={"username": "fang.wang", "password": PASSWORD},
        headers={"Idempotency-Key": "k1"},
    )
    path = f"{ACCOUNTS}/{created.json()['id']}"
    other = "another long password"
    answers = [
        created,
        await client.post(f"{path}:set-password", json={"password": other}),
        await client.get(path),
        await client.get(ACCOUNTS),
        await client.get("/channel/v1/audit-entries"),
        await client.post(f"{path}:set-password", json={"password": "Password1234"}),
        await client.post(f"{path}:set-password", json={"password": other * 20}),
    ]

    tables = ["event_log", "idempotency_keys", "audit_entries", "sign_in_attempts"]
    kept = [(await session.execute(text(f"SELECT * FROM {name}"))).all() for name in tables]
    logged = "".join(capfd.readouterr())
    written = "".join(response.text for response in answers) + repr(kept) + logged
    assert created.status_code == 201
    for secret in (PASSWORD, other, "Password1234", "argon2"):
        assert secret not in written
    assert not kept[1]


@pytest.mark.capability("X-02")
async def test_the_secret_of_a_client_is_shown_once(client, session):
    account = await an_opened_account(client, kind="client", username="erp")
    path = f"{ACCOUNTS}/{account['id']}"

    renewed = await client.post(f"{path}:renew-secret", headers={"Idempotency-Key": "k1"})
    again = await client.post(f"{path}:renew-secret", headers={"Idempotency-Key": "k1"})

    secrets = {account["client_secret"], *(r.json()["client_secret"] for r in (renewed, again))}
    assert len(secrets) == 3
    assert min(map(len, secrets)) >= 43
    assert renewed.headers["cache-control"] == "no-store"
    assert "client_secret" not in (await client.get(path)).json()
    kept = (await session.execute(text("SELECT body FROM event_log"))).all()
    assert not any(secret in repr(kept) for secret in secrets)


@pytest.mark.parametrize(
    ("values", "code", "pointer"),
    [
        ({"password": "Password1234"}, "password_too_weak", "/password"),
        ({"kind": "client", "password": PASSWORD}, "password_of_client", "/password"),
        ({"employee_id": str(uuid4())}, "employee_unknown", "/employee_id"),
        ({"partner_id": str(uuid4())}, "partner_unknown", "/partner_id"),
        ({"region_ids": [str(uuid4())]}, "territory_unknown", "/region_ids/0"),
        ({"role_ids": [str(uuid4())]}, "role_unknown", "/role_ids/0"),
        ({"kind": "robot"}, "not_valid", "/kind"),
        ({"username": "王 芳"}, "not_valid", "/username"),
        ({"secret_hash": "x"}, "not_valid", "/secret_hash"),
        ({"state": "disabled"}, "not_valid", "/state"),
    ],
)
async def test_what_does_not_fit_is_named(client, session, values, code, pointer):
    response = await client.post(ACCOUNTS, json={"username": "fang.wang", **values})

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert response.json()["errors"][0]["pointer"] == pointer
    assert await published(session) == []


@pytest.mark.capability("X-05")
async def test_an_account_of_an_employee_and_a_partner_is_refused(client):
    employee = await a_joined_employee(client)
    partner = await a_registered_partner(client)
    account = await an_opened_account(client, partner_id=partner["id"])

    both = {"employee_id": employee["id"]}
    created = await client.post(
        ACCOUNTS, json={"username": "two", "partner_id": partner["id"], **both}
    )
    changed = await client.patch(f"{ACCOUNTS}/{account['id']}", json=both)

    assert [created.json()["code"], changed.json()["code"]] == ["account_of_two"] * 2


@pytest.mark.capability("X-02")
async def test_a_username_is_taken_in_whichever_case(client):
    first = await an_opened_account(client, username="fang.wang")
    second = await an_opened_account(client, username="qiang.li")

    created = await client.post(ACCOUNTS, json={"username": "FANG.wang"})
    renamed = await client.patch(f"{ACCOUNTS}/{second['id']}", json={"username": "Fang.Wang"})
    own = await client.patch(f"{ACCOUNTS}/{first['id']}", json={"username": "Fang.Wang"})

    assert [created.json()["existing_id"], renamed.json()["existing_id"]] == [first["id"]] * 2
    assert own.json()["username"] == "Fang.Wang"


@pytest.mark.capability("X-05")
async def test_other_roles_take_the_tokens_back(client, session):
    account = await an_opened_account(client)
    role = await a_defined_role(client)

    changed = await client.patch(f"{ACCOUNTS}/{account['id']}", json={"role_ids": [role["id"]]})

    assert changed.json()["tokens_from"] > account["tokens_from"]
    assert (await said(session, "channel.account.changed.v1"))[-1]["role_ids"] == [role["id"]]


@pytest.mark.capability("X-02")
@pytest.mark.parametrize(
    "change",
    [("post", ":disable", None), ("patch", "", {"role_ids": []}), ("patch", "", "partner")],
    ids=["disabled", "stripped", "given to a partner"],
)
async def test_the_last_administrator_stays(client, session, change):
    method, verb, body = change
    if body == "partner":
        body = {"partner_id": (await a_registered_partner(client))["id"]}
    administrator = await an_administrator(client)
    await an_administrator(client, kind="client")
    path = f"{ACCOUNTS}/{administrator['id']}{verb}"

    refused = await client.request(method, path, json=body)
    await an_administrator(client)
    allowed = await client.request(method, path, json=body)

    assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")
    assert allowed.status_code == 200


@pytest.mark.capability("X-02")
async def test_of_two_administrators_who_disable_each_other_one_stays(client, database):
    first, second = [await an_administrator(client) for _ in range(2)]

    async with database.transaction() as session:
        await accounts.disable_account(
            session, UUID(first["id"]), actor=LOCAL_OPERATOR, now=utc_now()
        )
        other = asyncio.create_task(client.post(f"{ACCOUNTS}/{second['id']}:disable"))
        answered, _ = await asyncio.wait({other}, timeout=0.5)

    assert not answered
    assert (await other).json()["code"] == "last_administrator"


async def test_disabling_and_enabling_again_say_so_once(client, session):
    account = await an_opened_account(client)
    path = f"{ACCOUNTS}/{account['id']}"

    states = [
        (await client.post(f"{path}:{verb}")).json()["state"]
        for verb in ("disable", "disable", "enable", "enable")
    ]

    assert states == ["disabled", "disabled", "active", "active"]
    assert len(await said(session, "channel.account.changed.v1")) == 3


async def test_an_account_nobody_knows_is_not_found(client):
    for verb in ("", ":disable", ":enable", ":renew-secret", ":revoke-sessions"):
        method = "post" if verb else "get"
        response = await client.request(method, f"{ACCOUNTS}/{uuid4()}{verb}")
        assert (response.status_code, response.json()["code"]) == (404, "account_not_found")


async def test_the_list_is_searched_and_filtered(client):
    role = await a_defined_role(client)
    partner = await a_registered_partner(client)
    wanted = await an_opened_account(
        client, username="dealer1", partner_id=partner["id"], role_ids=[role["id"]]
    )
    await an_opened_account(client, username="erp", kind="client")

    for query in (
        "q=deal",
        "kind=person",
        f"partner_id={partner['id']}",
        f"role_id={role['id']}",
    ):
        page = (await client.get(f"{ACCOUNTS}?{query}")).json()
        assert [row["id"] for row in page["data"]] == [wanted["id"]]
