"""Signing in to the suite: who issues its tokens, and how the commands get theirs.

With `fairway up --sign-in` the channel service issues the tokens, every service asks for one, and
the commands sign in as the client `fairway-cli`, whose secret lies in the suite's folder.
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
from fairway.home import home

if TYPE_CHECKING:
    from channel.sign_in.bootstrap import Bootstrapped

CLIENT = "fairway-cli"
"""The account of the commands; channel's bootstrap makes it."""
TOKENS = "/channel/v1/sign-in/token"
KEYS = "/channel/v1/sign-in/jwks"
REFRESHED_BEFORE_S = 30
PATIENCE_S = 30
"""How long a new account may take to reach every service."""


def _secret_file() -> Path:
    return home() / "cli-secret"


def is_configured() -> bool:
    """Whether the services of this process ask for tokens."""
    return bool(os.environ.get("FAIRWAY_ISSUER"))


def configure(url: str) -> None:
    """Have the services that start from here ask for tokens of the suite at this address.

    An issuer that the environment names already stays.
    """
    os.environ.setdefault("FAIRWAY_ISSUER", url)
    os.environ.setdefault("FAIRWAY_JWKS_URL", f"{url}{KEYS}")


async def prepare(database_url: str) -> "Bootstrapped":
    """Make what is missing to sign in, and the secret of the commands."""
    # Only here: every command would start half a second later for it.
    from channel.settings import Settings
    from channel.sign_in.bootstrap import bootstrap

    file = _secret_file()
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32), encoding="ascii")
    database = Database("channel", database_url, pooled=False)
    try:
        return await bootstrap(
            database,
            Settings(database_url=SecretStr(database_url)),
            client_secret=SecretStr(file.read_text(encoding="ascii").strip()),
        )
    finally:
        await database.close()


class NoToken(httpx.RequestError):
    """The issuer gave no token; the text says what it answered."""


class CommandSignIn(httpx.Auth):
    """Brings a token to every request, and a new one before it ends.

    The client is FAIRWAY_CLIENT_ID with FAIRWAY_CLIENT_SECRET, or the suite's own. A suite that
    does not ask for tokens has no secret in its folder, and then none is brought.
    """

    requires_response_body = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._token = ""
        self._good_until = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Ask for a token where the one at hand is missing or about to end; then the request."""
        credentials = own_credentials()
        if credentials is not None:
            if time.monotonic() > self._good_until - REFRESHED_BEFORE_S:
                self._keep((yield token_request(self._url, *credentials)))
            request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def _keep(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            raise NoToken(f"sign-in answered {answer.status_code}: {answer.text[:200]}")
        given = answer.json()
        self._token = given["access_token"]
        self._good_until = time.monotonic() + given["expires_in"]


def own_credentials() -> tuple[str, str] | None:
    """Id and secret of the client that the commands are; None where nobody asks for them."""
    client, secret = (os.environ.get(f"FAIRWAY_CLIENT_{name}") for name in ("ID", "SECRET"))
    if client and secret:
        return client, secret
    file = _secret_file()
    return (CLIENT, file.read_text(encoding="ascii").strip()) if file.exists() else None


def token_request(url: str, client: str, secret: str) -> httpx.Request:
    """The request for a token of a client."""
    return httpx.Request(
        "POST",
        f"{url.rstrip('/')}{TOKENS}",
        data={"grant_type": "client_credentials", "client_id": client, "client_secret": secret},
    )


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
