import asyncio
import base64
from datetime import datetime, timedelta
from uuid import UUID

import jwt
import pytest
from sqlalchemy import text

from channel.accounts import use_cases as accounts
from channel.sign_in import use_cases as sign_in
from channel.sign_in.use_cases import RefreshTokenRefused
from common.auth import LOCAL_OPERATOR
from common.testing.service import said

from ..builders import (
    PASSWORD,
    a_joined_employee,
    an_onboarded_partner,
    an_opened_account,
)

ACCOUNTS = "/channel/v1/accounts"
SIGN_IN = "/channel/v1/sign-in"
SECRET = "the secret of the command line"


@pytest.mark.capability("X-02")
async def test_a_person_signs_in_and_the_token_says_who_and_not_what_they_may(client, desk):
    account = await an_opened_account(client, username="fang.wang")

    response = await desk.sign_in("Fang.Wang", PASSWORD)

    tokens = response.json()
    claims = await desk.claims(tokens["access_token"])
    header = jwt.get_unverified_header(tokens["access_token"])
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 300)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert set(claims) == {
        *("iss", "aud", "sub", "sid", "client_id", "iat", "nbf", "exp", "jti"),
    }
    assert (claims["sub"], claims["client_id"]) == (account["id"], "fairway")
    assert claims["exp"] - claims["iat"] == 300
    assert UUID(claims["sid"])


@pytest.mark.capability("X-02")
async def test_a_wrong_password_an_unknown_user_and_a_disabled_one_read_the_same(client, desk):
    await an_opened_account(client, username="fang.wang")
    gone = await an_opened_account(client, username="gone")
    await an_opened_account(client, username="unready", password=None)
    await client.post(f"{ACCOUNTS}/{gone['id']}:disable")

    answers = [
        await desk.sign_in("fang.wang", "wrong horse battery"),
        await desk.sign_in("nobody", PASSWORD),
        await desk.sign_in("gone", PASSWORD),
        await desk.sign_in("unready", PASSWORD),
        await desk.sign_in("fairway-cli", SECRET),
    ]

    bodies = [
        {
            name: value
            for name, value in answer.json().items()
            if name not in ("request_id", "trace_id")
        }
        for answer in answers
    ]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert all(body == bodies[0] for body in bodies)
    assert (bodies[0]["code"], bodies[0]["error"]) == ("sign_in_failed", "invalid_grant")


@pytest.mark.capability("X-02")
@pytest.mark.parametrize("way", ["form", "header"])
async def test_a_client_signs_in_with_its_secret_and_gets_no_refresh_token(client, desk, way):
    account = await an_opened_account(client, kind="client", username="erp")
    secret = account["client_secret"]
    if way == "form":
        response = await desk.ask(
            grant_type="client_credentials", client_id="erp", client_secret=secret
        )
    else:
        basic = base64.b64encode(f"erp:{secret}".encode()).decode()
        response = await client.post(
            f"{SIGN_IN}/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {basic}"},
        )

    tokens = response.json()
    claims = await desk.claims(tokens["access_token"])
    assert "refresh_token" not in tokens
    assert (claims["sub"], claims["client_id"]) == (account["id"], "erp")


async def test_a_client_with_a_wrong_or_an_old_secret_is_refused(client, desk):
    account = await an_opened_account(client, kind="client", username="erp")
    await client.post(f"{ACCOUNTS}/{account['id']}:renew-secret")

    for secret in ("wrong", account["client_secret"]):
        response = await desk.ask(
            grant_type="client_credentials", client_id="erp", client_secret=secret
        )
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "x"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "x"}, "invalid_request"),
    ],
)
async def test_a_request_that_is_not_understood_says_so_in_the_words_of_oauth(desk, form, error):
    response = await desk.ask(**form)

    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.capability("X-02")
async def test_a_refresh_token_is_good_for_one_use(client, desk):
    await an_opened_account(client, username="fang.wang")
    first = (await desk.sign_in("fang.wang", PASSWORD)).json()

    second = (await desk.refresh(first["refresh_token"])).json()

    before, after = [await desk.claims(t["access_token"]) for t in (first, second)]
    assert second["refresh_token"] != first["refresh_token"]
    assert (after["sid"], after["sub"]) == (before["sid"], before["sub"])
    assert after["jti"] != before["jti"]


@pytest.mark.capability("X-02")
async def test_a_refresh_token_used_again_ends_the_session_and_is_told(client, desk, session):
    account = await an_opened_account(client, username="fang.wang")
    first = (await desk.sign_in("fang.wang", PASSWORD)).json()
    second = (await desk.refresh(first["refresh_token"])).json()

    reused = await desk.refresh(first["refresh_token"])
    newest = await desk.refresh(second["refresh_token"])

    claims = await desk.claims(second["access_token"])
    (told,) = await said(session, "channel.session.revoked.v1")
    assert [answer.status_code for answer in (reused, newest)] == [401, 401]
    assert reused.json()["error"] == "invalid_grant"
    assert (told["session_id"], told["account_id"]) == (claims["sid"], account["id"])


@pytest.mark.capability("X-02")
async def test_of_two_who_use_a_refresh_token_at_once_one_gets_tokens_and_nobody_keeps_them(
    client, desk, session
):
    await an_opened_account(client, username="fang.wang")
    tokens = (await desk.sign_in("fang.wang", PASSWORD)).json()

    answers = await asyncio.gather(*(desk.refresh(tokens["refresh_token"]) for _ in range(5)))

    lucky = [answer.json() for answer in answers if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]
    assert (await desk.refresh(lucky[0]["refresh_token"])).status_code == 401
    assert len(await said(session, "channel.session.revoked.v1")) == 1


async def test_a_refresh_token_is_good_at_the_client_it_was_given_to(client, desk):
    await an_opened_account(client, username="fang.wang")
    tokens = (await desk.sign_in("fang.wang", PASSWORD, client_id="app")).json()

    other = await desk.refresh(tokens["refresh_token"], client_id="another")

    assert other.status_code == 401
    assert (await desk.refresh(tokens["refresh_token"], client_id="app")).status_code == 200


@pytest.mark.capability("X-02")
async def test_a_refresh_token_that_nobody_uses_ends_after_twelve_hours(client, desk, now):
    await an_opened_account(client, username="fang.wang")
    tokens = (await desk.sign_in("fang.wang", PASSWORD)).json()

    with pytest.raises(RefreshTokenRefused):
        await sign_in.refresh(
            desk.at(now + timedelta(hours=12, minutes=1)),
            refresh_token=tokens["refresh_token"],
            client_id=None,
        )
    await sign_in.refresh(
        desk.at(now + timedelta(hours=11, minutes=59)),
        refresh_token=tokens["refresh_token"],
        client_id=None,
    )


@pytest.mark.capability("X-02")
async def test_however_often_it_is_refreshed_a_session_ends_after_thirty_days(client, desk, now):
    await an_opened_account(client, username="fang.wang")
    token = (await desk.sign_in("fang.wang", PASSWORD)).json()["refresh_token"]

    for hours in range(11, 30 * 24, 11):
        at = desk.at(now + timedelta(hours=hours))
        refreshed = await sign_in.refresh(at, refresh_token=token, client_id=None)
        assert refreshed.refresh_token is not None
        token = refreshed.refresh_token
    with pytest.raises(RefreshTokenRefused):
        await sign_in.refresh(
            desk.at(now + timedelta(days=30, minutes=1)), refresh_token=token, client_id=None
        )


@pytest.mark.capability("X-02")
@pytest.mark.parametrize(
    ("verb", "body"),
    [
        (":disable", None),
        (":revoke-sessions", None),
        (":set-password", {"password": "another long password"}),
    ],
)
async def test_who_is_disabled_revoked_or_has_another_password_is_signed_out(
    client, desk, session, verb, body
):
    account = await an_opened_account(client, username="fang.wang")
    tokens = (await desk.sign_in("fang.wang", PASSWORD)).json()
    path = f"{ACCOUNTS}/{account['id']}"

    await client.post(f"{path}{verb}", json=body)

    claims = await desk.claims(tokens["access_token"])
    told = (await said(session, "channel.account.changed.v1"))[-1]
    (revoked,) = await said(session, "channel.session.revoked.v1")
    assert (await desk.refresh(tokens["refresh_token"])).status_code == 401
    assert revoked["session_id"] == claims["sid"]
    assert claims["iat"] < _seconds(told["tokens_from"])


@pytest.mark.capability("X-02")
async def test_who_signs_in_right_after_a_new_password_gets_a_token_that_is_good(
    client, desk, session
):
    account = await an_opened_account(client, username="fang.wang")
    other = "another long password"

    await client.post(f"{ACCOUNTS}/{account['id']}:set-password", json={"password": other})
    old = await desk.sign_in("fang.wang", PASSWORD)
    new = await desk.sign_in("fang.wang", other)

    told = (await said(session, "channel.account.changed.v1"))[-1]
    claims = await desk.claims(new.json()["access_token"])
    assert old.status_code == 401
    assert claims["iat"] >= _seconds(told["tokens_from"])


@pytest.mark.capability("X-02")
async def test_a_password_that_is_changed_while_it_is_looked_at_is_not_good_any_more(
    client, desk, monkeypatch
):
    account = await an_opened_account(client, username="fang.wang")
    looked_at = sign_in.is_secret

    async def meanwhile_changed(secret: str, kept: str | None) -> bool:
        is_right = await looked_at(secret, kept)
        body = {"password": "another long password"}
        await client.post(f"{ACCOUNTS}/{account['id']}:set-password", json=body)
        return is_right

    monkeypatch.setattr(sign_in, "is_secret", meanwhile_changed)

    assert (await desk.sign_in("fang.wang", PASSWORD)).status_code == 401


@pytest.mark.capability("X-05")
async def test_other_roles_do_not_end_the_session_but_its_access_tokens(client, desk, session):
    account = await an_opened_account(client, username="fang.wang")
    tokens = (await desk.sign_in("fang.wang", PASSWORD)).json()
    roles = (await client.get("/channel/v1/roles?code=sales")).json()["data"]

    await client.patch(f"{ACCOUNTS}/{account['id']}", json={"role_ids": [roles[0]["id"]]})

    moved = _seconds((await said(session, "channel.account.changed.v1"))[-1]["tokens_from"])
    new = (await desk.refresh(tokens["refresh_token"])).json()
    assert (await desk.claims(tokens["access_token"]))["iat"] < moved
    assert (await desk.claims(new["access_token"]))["iat"] >= moved


@pytest.mark.capability("X-02")
async def test_an_employee_who_left_does_not_sign_in_or_refresh(client, desk):
    employee = await a_joined_employee(client)
    await an_opened_account(client, username="fang.wang", employee_id=employee["id"])
    tokens = (await desk.sign_in("fang.wang", PASSWORD)).json()

    left = await client.post(f"/channel/v1/employees/{employee['id']}:leave", json={})

    assert left.status_code == 200, left.text
    assert (await desk.sign_in("fang.wang", PASSWORD)).status_code == 401
    assert (await desk.refresh(tokens["refresh_token"])).status_code == 401


async def test_somebody_of_a_partner_that_ended_does_not_sign_in(client, desk):
    partner = await an_onboarded_partner(client)
    await an_opened_account(client, username="dealer", partner_id=partner["id"])
    assert (await desk.sign_in("dealer", PASSWORD)).status_code == 200

    await client.post(f"/channel/v1/partners/{partner['id']}:end", json={"reason": "合同到期"})

    assert (await desk.sign_in("dealer", PASSWORD)).status_code == 401


@pytest.mark.capability("X-02")
@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
async def test_signing_out_ends_the_session_and_is_told_once(client, desk, session, which):
    await an_opened_account(client, username="fang.wang")
    tokens = (await desk.sign_in("fang.wang", PASSWORD)).json()

    answers = [
        await client.post(f"{SIGN_IN}/revoke", data={"token": tokens[which]}) for _ in range(2)
    ]

    claims = await desk.claims(tokens["access_token"])
    (told,) = await said(session, "channel.session.revoked.v1")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (await desk.refresh(tokens["refresh_token"])).status_code == 401
    assert told["session_id"] == claims["sid"]
    assert _seconds(told["until"]) > claims["exp"]


async def test_who_signs_out_while_the_account_is_disabled_waits_for_it(
    client, desk, database, session, now
):
    account = await an_opened_account(client, username="fang.wang")
    tokens = (await desk.sign_in("fang.wang", PASSWORD)).json()

    async with database.transaction() as disabling:
        await accounts.get_account(disabling, UUID(account["id"]), lock=True)
        signing_out = asyncio.create_task(
            client.post(f"{SIGN_IN}/revoke", data={"token": tokens["refresh_token"]})
        )
        answered, _ = await asyncio.wait({signing_out}, timeout=0.5)
        await accounts.disable_account(
            disabling, UUID(account["id"]), actor=LOCAL_OPERATOR, now=now
        )

    assert not answered
    assert (await signing_out).status_code == 200
    assert len(await said(session, "channel.session.revoked.v1")) == 1


@pytest.mark.parametrize("token", ["", "nothing", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
async def test_signing_out_with_any_other_text_changes_nothing(client, desk, session, token):
    response = await client.post(f"{SIGN_IN}/revoke", data={"token": token})

    assert response.status_code in (200, 422)
    assert await said(session, "channel.session.revoked.v1") == []


async def test_a_token_that_somebody_else_signed_ends_no_session(client, desk, session):
    await an_opened_account(client, username="fang.wang")
    tokens = (await desk.sign_in("fang.wang", PASSWORD)).json()
    claims = await desk.claims(tokens["access_token"])
    header = jwt.get_unverified_header(tokens["access_token"])
    forged = jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": header["kid"]})

    await client.post(f"{SIGN_IN}/revoke", data={"token": forged})

    assert await said(session, "channel.session.revoked.v1") == []


@pytest.mark.capability("X-02")
async def test_no_table_holds_a_token_that_could_be_used(client, desk, session):
    await an_opened_account(client, username="fang.wang")

    response = await client.post(
        f"{SIGN_IN}/token",
        data={"grant_type": "password", "username": "fang.wang", "password": PASSWORD},
        headers={"Idempotency-Key": "k1"},
    )

    tokens = response.json()
    tables = ("refresh_tokens", "sign_in_sessions", "idempotency_keys", "event_log")
    kept = repr([(await session.execute(text(f"SELECT * FROM {name}"))).all() for name in tables])
    assert tokens["refresh_token"] not in kept
    assert tokens["access_token"].rsplit(".", 1)[1] not in kept


async def test_the_metadata_names_the_endpoints(client, desk):
    metadata = (await client.get(f"{SIGN_IN}/metadata")).json()

    assert metadata["issuer"] == "fairway"
    assert metadata["token_endpoint"] == "http://test/channel/v1/sign-in/token"
    assert metadata["jwks_uri"].endswith("/channel/v1/sign-in/jwks")
    assert "refresh_token" in metadata["grant_types_supported"]


async def test_what_is_over_is_forgotten(client, desk, session, database, now):
    await an_opened_account(client, username="fang.wang")
    await desk.sign_in("fang.wang", PASSWORD)
    await desk.sign_in("fang.wang", "wrong horse battery")

    async with database.transaction() as writing:
        await sign_in.forget_what_is_over(writing, now=now + timedelta(days=31))

    for table in ("sign_in_sessions", "refresh_tokens", "sign_in_attempts"):
        assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar() == 0
    assert (await desk.sign_in("fang.wang", PASSWORD)).status_code == 200


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
