import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from channel.__main__ import ENTRY
from channel.consumers import CONSUMERS
from common.access.tokens import KeySet
from common.messaging.consumers import Consumers
from common.messaging.envelope import decode
from common.messaging.inbox import Inbox, Received
from common.testing.service import settings_for

from ..builders import PASSWORD, a_joined_employee, an_onboarded_partner, an_opened_account

ME = "/channel/v1/me"
SIGN_IN = "/channel/v1/sign-in"
ISSUER = "https://fairway.test"


@pytest_asyncio.fixture
async def guarded(desk, database):
    """The same service, which asks for its own tokens, as a client without one."""
    settings = settings_for(
        ENTRY, database.dsn, FAIRWAY_ISSUER=ISSUER, FAIRWAY_JWKS_URL=f"{ISSUER}{SIGN_IN}/jwks"
    )
    app = ENTRY.create_app(settings, database)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:

        async def fetch():
            return (await client.get(f"{SIGN_IN}/jwks")).raise_for_status().json()

        app.state.accounts.keys = KeySet(fetch)
        yield client


async def _hear_everything(database):
    """What the service said of accounts and roles arrives at itself."""
    consumers = Consumers("channel", CONSUMERS)
    async with database.reading() as session:
        rows = (await session.execute(text("SELECT type, body FROM event_log ORDER BY seq"))).all()
    await Inbox(database, consumers).apply(
        [Received(row.body, decode(row.body)) for row in rows if row.type in consumers.types]
    )


async def _bearer(client, username):
    response = await client.post(
        f"{SIGN_IN}/token",
        data={"grant_type": "password", "username": username, "password": PASSWORD},
    )
    return {"Authorization": f"Bearer {response.json()['access_token']}"}


async def _role_ids(client, code):
    return [(await client.get(f"/channel/v1/roles?code={code}")).json()["data"][0]["id"]]


async def test_an_open_installation_knows_its_operator_and_no_account(client):
    me = (await client.get(ME)).json()

    assert (me["id"], me["account"], me["rights"]) == ("local-operator", None, ["*"])


@pytest.mark.capability("X-02")
async def test_who_is_signed_in_sees_account_employee_roles_and_rights(client, guarded, database):
    employee = await a_joined_employee(client, name="王芳")
    account = await an_opened_account(
        client,
        username="fang.wang",
        employee_id=employee["id"],
        role_ids=await _role_ids(client, "service_agent"),
    )
    await _hear_everything(database)

    me = (await guarded.get(ME, headers=await _bearer(guarded, "fang.wang"))).json()

    assert (me["id"], me["account"]["username"]) == (account["id"], "fang.wang")
    assert (me["employee"]["number"], me["partner"]) == (employee["number"], None)
    assert [(role["code"], role["scope"]) for role in me["roles"]] == [("service_agent", "all")]
    assert me["rights"] == ["customer.*.read", "customer.*.see-personal-data", "service-desk.*"]


@pytest.mark.capability("X-05")
async def test_somebody_of_a_partner_sees_which(client, guarded, database):
    partner = await an_onboarded_partner(client, name="宁波海达")
    await an_opened_account(
        client,
        username="dealer",
        partner_id=partner["id"],
        role_ids=await _role_ids(client, "dealer"),
    )
    await _hear_everything(database)

    me = (await guarded.get(ME, headers=await _bearer(guarded, "dealer"))).json()

    assert (me["partner"]["id"], me["partner"]["name"]) == (partner["id"], "宁波海达")
    assert me["employee"] is None


@pytest.mark.capability("X-05")
async def test_accounts_and_roles_are_for_administrators(client, guarded, database):
    await an_opened_account(client, username="fang.wang", role_ids=await _role_ids(client, "sales"))
    await an_opened_account(
        client, username="boss", role_ids=await _role_ids(client, "administrator")
    )
    await _hear_everything(database)

    async def statuses(**headers):
        return [
            (await guarded.get(f"/channel/v1/{path}", headers=headers)).status_code
            for path in ("me", "accounts", "roles")
        ]

    assert await statuses() == [401, 401, 401]
    assert await statuses(**await _bearer(guarded, "fang.wang")) == [200, 403, 403]
    assert await statuses(**await _bearer(guarded, "boss")) == [200, 200, 200]


@pytest.mark.capability("X-02")
async def test_a_refresh_token_is_no_access_token(client, guarded, database):
    await an_opened_account(client, username="fang.wang")
    await _hear_everything(database)
    tokens = (
        await guarded.post(
            f"{SIGN_IN}/token",
            data={"grant_type": "password", "username": "fang.wang", "password": PASSWORD},
        )
    ).json()

    answers = [
        await guarded.get(ME, headers={"Authorization": f"Bearer {tokens[name]}"})
        for name in ("access_token", "refresh_token")
    ]

    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.capability("X-02")
@pytest.mark.parametrize("verb", ["disable", "revoke-sessions"])
async def test_who_was_disabled_or_signed_out_is_refused_with_the_token_they_have(
    client, guarded, database, verb
):
    account = await an_opened_account(client, username="fang.wang")
    await _hear_everything(database)
    bearer = await _bearer(guarded, "fang.wang")

    before = await guarded.get(ME, headers=bearer)
    await client.post(f"/channel/v1/accounts/{account['id']}:{verb}")
    await _hear_everything(database)
    # What a process has looked up is good for some seconds: as if they had passed.
    guarded._transport.app.state.accounts._known.clear()
    after = await guarded.get(ME, headers=bearer)

    assert (before.status_code, after.status_code) == (200, 401)


@pytest.mark.capability("X-02")
async def test_a_person_changes_their_password_and_signs_in_again(client, guarded, database, desk):
    await an_opened_account(client, username="fang.wang")
    await _hear_everything(database)
    tokens = (await desk.sign_in("fang.wang", PASSWORD)).json()
    bearer = await _bearer(guarded, "fang.wang")
    other = "another long password"

    async def change(current, new, **headers):
        body = {"current_password": current, "password": new}
        response = await guarded.post(f"{ME}:set-password", json=body, headers=headers)
        return response.status_code, response.json().get("code") if response.content else None

    assert await change(PASSWORD, other) == (401, "not_signed_in")
    assert await change("wrong", other, **bearer) == (403, "current_password_wrong")
    assert await change(PASSWORD, "short", **bearer) == (422, "password_too_weak")
    keyed = {**bearer, "Idempotency-Key": "k1"}
    assert await change(PASSWORD, other, **keyed) == (204, None)
    statuses = [(await desk.sign_in("fang.wang", word)).status_code for word in (PASSWORD, other)]
    assert statuses == [401, 200]
    assert (await desk.refresh(tokens["refresh_token"])).status_code == 401


@pytest.mark.capability("X-02")
async def test_who_is_signed_in_guesses_the_present_password_ten_times_only(
    client, guarded, database
):
    await an_opened_account(client, username="fang.wang")
    await _hear_everything(database)
    bearer = await _bearer(guarded, "fang.wang")

    statuses = [
        (
            await guarded.post(
                f"{ME}:set-password",
                json={"current_password": "wrong", "password": "another long password"},
                headers=bearer,
            )
        ).status_code
        for _ in range(11)
    ]

    assert statuses == [403] * 10 + [429]


async def test_the_operator_of_an_open_installation_has_no_password(client):
    response = await client.post(
        f"{ME}:set-password",
        json={"current_password": PASSWORD, "password": "another long password"},
    )

    assert (response.status_code, response.json()["code"]) == (403, "current_password_wrong")


async def test_the_metadata_of_an_installation_with_a_name_does_not_follow_the_host(guarded):
    metadata = (await guarded.get(f"{SIGN_IN}/metadata", headers={"Host": "evil.example"})).json()

    assert metadata["issuer"] == ISSUER
    assert metadata["token_endpoint"] == f"{ISSUER}{SIGN_IN}/token"
