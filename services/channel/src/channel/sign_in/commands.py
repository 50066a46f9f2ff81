"""What operators do with sign-in on the command line."""

import asyncio
import json
import secrets
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import typer
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from channel.accounts.use_cases import find_account, set_password
from channel.db import SERVICE
from channel.settings import Settings
from channel.sign_in.bootstrap import bootstrap
from channel.sign_in.keys import list_keys, rotate_keys
from channel.sign_in.model import SigningKey
from common.auth import LOCAL_OPERATOR
from common.clock import utc_now
from common.context import Context, working_in
from common.db import Database
from common.settings import ServiceSettings

keys_cli = typer.Typer(no_args_is_help=True, help="The keys that access tokens are signed with")


@keys_cli.command("list")
def show_keys() -> None:
    """List the keys, the newest first."""

    async def act(session: AsyncSession, _: Settings) -> Any:
        return [_shown(key) for key in await list_keys(session)]

    _print(_with_session(act))


@keys_cli.command("rotate")
def rotate() -> None:
    """Sign with a new key at once; tokens that the old one signed stay good until they expire."""

    async def act(session: AsyncSession, settings: Settings) -> Any:
        made = await rotate_keys(session, secret=settings.sealing_secret, now=utc_now())
        return _shown(made)

    _print(_with_session(act))


accounts_cli = typer.Typer(no_args_is_help=True, help="The accounts that sign in")


@accounts_cli.callback()
def _accounts() -> None:
    """The accounts that sign in."""


@accounts_cli.command("set-password")
def set_a_password(username: str) -> None:
    """Give a person another password, made up here and shown once."""
    password = SecretStr(secrets.token_urlsafe(15))

    async def act(session: AsyncSession, _: Settings) -> Any:
        account = await find_account(session, username)
        if account is None:
            raise typer.BadParameter(f"there is no account {username}")
        with working_in(Context(actor_id="operator")):
            await set_password(
                session, account.id, password=password, actor=LOCAL_OPERATOR, now=utc_now()
            )
        return {"username": account.username, "password": password.get_secret_value()}

    _print(_with_session(act))


async def set_up(settings: ServiceSettings) -> None:
    """Bootstrap sign-in; says the first administrator's password where one was made up."""
    assert isinstance(settings, Settings)
    database = Database(SERVICE, settings.dsn, pooled=False)
    try:
        made = await bootstrap(database, settings, client_secret=settings.client_secret)
    finally:
        await database.close()
    if made.password is not None:
        _print({"username": made.username, "password": made.password.get_secret_value()})


def _with_session(act: Callable[[AsyncSession, Settings], Awaitable[Any]]) -> Any:
    async def go() -> Any:
        settings = Settings()
        database = Database(SERVICE, settings.dsn, pooled=False)
        try:
            async with database.transaction() as session:
                return await act(session, settings)
        finally:
            await database.close()

    return asyncio.run(go())


def _shown(key: SigningKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "active_from": key.active_from,
        "retired_at": key.retired_at,
        "sealed": key.is_sealed,
    }


def _print(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")
