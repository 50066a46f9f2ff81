import asyncio
import json

import pytest
from pydantic import SecretStr, ValidationError
from typer.testing import CliRunner

from channel.__main__ import ENTRY
from channel.accounts.passwords import PasswordTooWeak
from channel.roles.built_in import BUILT_IN
from channel.settings import Settings
from channel.sign_in.bootstrap import bootstrap
from channel.sign_in.commands import set_up
from common.cli import service_cli
from common.testing.service import published, said

from ..builders import PASSWORD

ACCOUNTS = "/channel/v1/accounts"
SECRET = "the secret of the command line"


@pytest.mark.capability("X-02")
async def test_a_new_installation_has_an_administrator_who_signs_in(client, database, settings):
    made = await bootstrap(database, settings)

    assert made.password is not None
    response = await client.post(
        "/channel/v1/sign-in/token",
        data={
            "grant_type": "password",
            "username": made.username,
            "password": made.password.get_secret_value(),
        },
    )
    assert response.status_code == 200
    assert len(made.password.get_secret_value()) >= 20


@pytest.mark.capability("X-02")
async def test_repeating_it_changes_nothing_and_shows_no_password(database, settings, session):
    await bootstrap(database, settings, client_secret=SecretStr(SECRET))
    first = await published(session)

    again = await bootstrap(database, settings, client_secret=SecretStr(SECRET))

    assert again.password is None
    assert await published(session) == first


@pytest.mark.capability("X-05")
async def test_the_built_in_roles_are_there_and_stay_as_they_were_changed(
    client, database, settings, session
):
    await bootstrap(database, settings)
    roles = {row["code"]: row for row in (await client.get("/channel/v1/roles")).json()["data"]}
    await client.patch(f"/channel/v1/roles/{roles['sales']['id']}", json={"scope": "subtree"})
    await client.delete(f"/channel/v1/roles/{roles['dealer']['id']}")

    await bootstrap(database, settings)

    after = {row["code"]: row for row in (await client.get("/channel/v1/roles")).json()["data"]}
    assert set(roles) == {
        *("administrator", "channel_manager", "regional_manager", "sales"),
        *("service_agent", "finance", "dealer", "reader"),
    }
    assert (after["sales"]["scope"], after["dealer"]["state"]) == ("subtree", "removed")
    assert len(await said(session, "channel.role.changed.v1")) == 10


@pytest.mark.capability("X-05")
async def test_a_built_in_role_that_nobody_changed_is_brought_up_to_date(
    client, database, settings, monkeypatch
):
    await bootstrap(database, settings)
    finance = next(role for role in BUILT_IN if role.code == "finance")
    dealer = next(role for role in BUILT_IN if role.code == "dealer")
    rows = {row["code"]: row for row in (await client.get("/channel/v1/roles")).json()["data"]}
    await client.patch(f"/channel/v1/roles/{rows['dealer']['id']}", json={"name": "代理"})

    for release in ("sales.receipts.reverse", "sales.receipts.close"):
        monkeypatch.setattr(finance, "rights", [release])
        monkeypatch.setattr(dealer, "rights", [release])
        await bootstrap(database, settings)

    after = {row["code"]: row for row in (await client.get("/channel/v1/roles")).json()["data"]}
    assert after["finance"]["rights"] == ["sales.receipts.close"]
    assert after["dealer"]["rights"] == rows["dealer"]["rights"]


@pytest.mark.capability("X-02")
async def test_the_password_of_the_administrator_can_be_given(client, database, settings):
    given = settings.model_copy(update={"admin_password": SecretStr(PASSWORD)})

    made = await bootstrap(database, given)

    response = await client.post(
        "/channel/v1/sign-in/token",
        data={"grant_type": "password", "username": "admin", "password": PASSWORD},
    )
    assert (made.password, response.status_code) == (None, 200)


async def test_a_weak_password_is_given_to_no_administrator(database, settings, session):
    weak = settings.model_copy(update={"admin_password": SecretStr("admin")})

    with pytest.raises(PasswordTooWeak):
        await bootstrap(database, weak)
    assert await published(session) == []


async def test_who_has_made_another_administrator_is_given_no_second_one(
    client, database, settings
):
    await bootstrap(database, settings)
    (account,) = (await client.get(ACCOUNTS)).json()["data"]
    await client.patch(f"{ACCOUNTS}/{account['id']}", json={"username": "fang.wang"})

    await bootstrap(database, settings)

    rows = (await client.get(ACCOUNTS)).json()["data"]
    assert [row["username"] for row in rows] == ["fang.wang"]


@pytest.mark.capability("X-02")
async def test_the_command_line_signs_in_with_the_secret_it_was_given_last(
    client, database, settings
):
    async def status(secret: str) -> int:
        response = await client.post(
            "/channel/v1/sign-in/token",
            data={
                "grant_type": "client_credentials",
                "client_id": "fairway-cli",
                "client_secret": secret,
            },
        )
        return response.status_code

    await bootstrap(database, settings, client_secret=SecretStr(SECRET))
    assert await status(SECRET) == 200
    await bootstrap(database, settings, client_secret=SecretStr("another secret"))
    assert (await status(SECRET), await status("another secret")) == (401, 200)


@pytest.mark.capability("X-02")
def test_setup_shows_the_first_password_once_and_keys_are_rotated(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("AMQP_URL", raising=False)
    cli = service_cli(ENTRY)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    first, second = run("setup"), run("setup")
    rotated = json.loads(run("keys", "rotate"))
    listed = json.loads(run("keys", "list"))

    assert json.loads(first)["username"] == "admin"
    assert len(json.loads(first)["password"]) >= 20
    assert second == ""
    assert [key["retired_at"] is None for key in listed] == [True, False]
    assert listed[0] == rotated
    assert "private" not in json.dumps(listed)


def test_the_settings_are_those_of_channel(settings):
    assert isinstance(settings, Settings)
    assert (settings.refresh_idle_hours, settings.refresh_days) == (12, 30)


@pytest.mark.capability("X-02")
async def test_setup_makes_the_client_of_the_commands_where_its_secret_is_given(
    client, database, settings
):
    given = "a secret of the command line, long enough"

    await set_up(settings.model_copy(update={"client_secret": SecretStr(given)}))

    response = await client.post(
        "/channel/v1/sign-in/token",
        data={
            "grant_type": "client_credentials",
            "client_id": "fairway-cli",
            "client_secret": given,
        },
    )
    assert response.status_code == 200
    with pytest.raises(ValidationError, match="at least 32"):
        Settings(DATABASE_URL="postgresql://localhost/channel", FAIRWAY_CLIENT_SECRET="short")


@pytest.mark.capability("X-02")
async def test_an_operator_gives_the_administrator_another_password(
    client, database, settings, database_url, monkeypatch
):
    made = await bootstrap(database, settings)
    assert made.password is not None
    monkeypatch.setenv("DATABASE_URL", database_url)

    done = await asyncio.to_thread(
        CliRunner().invoke, service_cli(ENTRY), ["accounts", "set-password", "admin"]
    )

    async def status(password: str) -> int:
        response = await client.post(
            "/channel/v1/sign-in/token",
            data={"grant_type": "password", "username": "admin", "password": password},
        )
        return response.status_code

    assert done.exit_code == 0, done.output
    assert await status(made.password.get_secret_value()) == 401
    assert await status(json.loads(done.stdout)["password"]) == 200


async def test_nobody_who_is_not_there_is_given_a_password(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)

    done = await asyncio.to_thread(
        CliRunner().invoke, service_cli(ENTRY), ["accounts", "set-password", "nobody"]
    )

    assert done.exit_code == 2
    assert "no account nobody" in done.output
