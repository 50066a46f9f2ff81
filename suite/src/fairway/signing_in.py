"""Signing in to the suite: who issues its tokens, and how the commands get theirs.

Unless the environment names another issuer, the channel service issues the tokens, every service
asks for one, and the commands sign in as the client `fairway-cli`, whose secret lies in the suite's
folder. With `fairway up --open` nobody is asked.
"""

import os
import secrets
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from pydantic import SecretStr

from common.db import Database
from fairway.home import home, keep_to_ourselves, read_running

if TYPE_CHECKING:
    from channel.sign_in.bootstrap import Bootstrapped

CLIENT = "fairway-cli"
"""The account of the commands; channel's bootstrap makes it."""
FIRST_ADMINISTRATOR = "admin"
"""The account that channel's bootstrap makes for a person."""
TOKENS = "/channel/v1/sign-in/token"
KEYS = "/channel/v1/sign-in/jwks"
REFRESHED_BEFORE_S = 30
PATIENCE_S = 30
"""How long a new account may take to reach every service."""


def _secret_file() -> Path:
    return home() / "cli-secret"


def _first_password_file() -> Path:
    return home() / "first-password"


def configure(url: str) -> None:
    """Have the services that start from here ask for tokens of the suite at this address.

    An issuer that the environment names already stays.
    """
    if os.environ.get("FAIRWAY_ISSUER"):
        return
    os.environ["FAIRWAY_ISSUER"] = url
    os.environ["FAIRWAY_JWKS_URL"] = f"{url}{KEYS}"
    # The keys are on this machine, whatever proxy leads out of it.
    host = httpx.URL(url).host
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), host)))


def leave_open() -> None:
    """Have the services that start from here ask nobody, whatever the environment says."""
    for name in ("FAIRWAY_ISSUER", "FAIRWAY_JWKS_URL"):
        os.environ.pop(name, None)


def issues_tokens(url: str) -> bool:
    """Whether the suite that this process starts at this address signs people in itself."""
    return os.environ.get("FAIRWAY_ISSUER") == url


async def prepare(database_url: str) -> "Bootstrapped":
    """Make what is missing to sign in, and the secret of the commands."""
    # Only here: every command would start half a second later for it.
    from channel.settings import Settings
    from channel.sign_in.bootstrap import bootstrap

    file = _secret_file()
    if not file.exists():
        keep_to_ourselves(file, secrets.token_urlsafe(32))
    database = Database("channel", database_url, pooled=False)
    try:
        return await bootstrap(
            database,
            Settings(database_url=SecretStr(database_url)),
            client_secret=SecretStr(file.read_text(encoding="ascii").strip()),
        )
    finally:
        await database.close()


def hand_over(password: SecretStr) -> None:
    """Leave the first administrator's password to whoever started this process in the background.

    In a file of ours and not in the log, where it would stay.
    """
    keep_to_ourselves(_first_password_file(), password.get_secret_value())


def take_over() -> SecretStr | None:
    """The password that was left; it is there once."""
    try:
        password = _first_password_file().read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    _first_password_file().unlink()
    return SecretStr(password)


class NoToken(httpx.RequestError):
    """The issuer gave no token; the text says what it answered."""


class CommandSignIn(httpx.Auth):
    """Brings a token to every request, and a new one before it ends.

    Without `credentials` the client is the one that `credentials_for` finds; where nobody is asked
    for a token, none is brought.
    """

    requires_response_body = True

    def __init__(self, url: str, credentials: tuple[str, str] | None = None) -> None:
        self._url = url
        self._credentials = credentials or credentials_for(url)
        self._token = ""
        self._good_until = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Ask for a token where the one at hand is missing or about to end; then the request."""
        if self._credentials is not None:
            if time.monotonic() > self._good_until - REFRESHED_BEFORE_S:
                self._keep((yield token_request(self._url, *self._credentials)))
            request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def _keep(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            raise NoToken(f"sign-in answered {answer.status_code}: {answer.text[:200]}")
        given = answer.json()
        self._token = given["access_token"]
        self._good_until = time.monotonic() + given["expires_in"]


def credentials_for(url: str) -> tuple[str, str] | None:
    """Id and secret of the client that the commands are at this address.

    FAIRWAY_CLIENT_ID (`fairway-cli`) with FAIRWAY_CLIENT_SECRET; or the suite's own, which go to the
    suite alone. None where there are none, as for a suite that asks nobody.
    """
    secret = os.environ.get("FAIRWAY_CLIENT_SECRET")
    if secret:
        return os.environ.get("FAIRWAY_CLIENT_ID") or CLIENT, secret
    url = url.rstrip("/")
    running = read_running()
    is_ours = issues_tokens(url) or (
        running is not None and running.issues_tokens and running.url == url
    )
    return (CLIENT, own_secret(home())) if is_ours else None


def own_secret(folder: Path) -> str:
    """The secret of the client `fairway-cli` of the suite in this folder."""
    return (folder / _secret_file().name).read_text(encoding="ascii").strip()


def token_request(url: str, client: str, secret: str) -> httpx.Request:
    """The request for a token of a client, to FAIRWAY_TOKEN_URL where another issuer gives them."""
    return httpx.Request(
        "POST",
        os.environ.get("FAIRWAY_TOKEN_URL") or f"{url.rstrip('/')}{TOKENS}",
        data={"grant_type": "client_credentials", "client_id": client, "client_secret": secret},
    )


def made_up_password() -> str:
    """A password of 120 random bits."""
    return secrets.token_urlsafe(15)


async def until_known(url: str) -> None:
    """Wait until every service knows the commands' account; raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    # One list of each service; what counts is that it is not 401.
    paths = (
        "/channel/v1/partners",
        "/customer/v1/customers",
        "/sales/v1/products",
        "/contract/v1/contracts",
        "/service-desk/v1/tickets",
        "/reporting/v1/reports",
    )
    async with httpx.AsyncClient(
        base_url=url, auth=CommandSignIn(url), timeout=10, trust_env=False
    ) as client:
        for path in paths:
            while (await client.get(path, params={})).status_code in (401, 403):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{path} does not accept the suite's own account")
