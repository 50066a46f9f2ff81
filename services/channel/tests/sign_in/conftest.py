"""An installation where people can sign in."""

from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest_asyncio
from pydantic import SecretStr

from channel.settings import Settings
from channel.sign_in.bootstrap import bootstrap
from channel.sign_in.use_cases import SignIn
from common.clock import utc_now
from common.db import Database

SIGN_IN = "/channel/v1/sign-in"


@dataclass
class Desk:
    """Where the tests sign in: over HTTP, or at another time than now."""

    client: httpx.AsyncClient
    database: Database
    settings: Settings

    async def ask(self, **form: str) -> httpx.Response:
        """What the token endpoint answers."""
        return await self.client.post(f"{SIGN_IN}/token", data=form)

    async def sign_in(self, username: str, password: str, **form: str) -> httpx.Response:
        """What it answers a person."""
        return await self.ask(grant_type="password", username=username, password=password, **form)

    async def refresh(self, refresh_token: str, **form: str) -> httpx.Response:
        """What it answers a refresh token."""
        return await self.ask(grant_type="refresh_token", refresh_token=refresh_token, **form)

    async def claims(self, access_token: str, **options: Any) -> dict[str, Any]:
        """The claims of a token, verified as another service would, with the published keys."""
        jwks = jwt.PyJWKSet.from_dict((await self.client.get(f"{SIGN_IN}/jwks")).json())
        return jwt.decode(
            access_token,
            jwks[jwt.get_unverified_header(access_token)["kid"]],
            algorithms=["ES256"],
            audience="fairway",
            issuer="fairway",
            leeway=2,
            **options,
        )

    def at(self, now: Any) -> SignIn:
        """The same place at another time, for use cases."""
        return SignIn(self.database, self.settings, now, "192.0.2.1")


@pytest_asyncio.fixture
async def settings(database):
    return Settings(DATABASE_URL=database.dsn)


@pytest_asyncio.fixture
async def desk(client: httpx.AsyncClient, database: Database, settings: Settings) -> Desk:
    await bootstrap(database, settings, client_secret=SecretStr("the secret of the command line"))
    return Desk(client, database, settings)


@pytest_asyncio.fixture
async def now() -> Any:
    return utc_now()
