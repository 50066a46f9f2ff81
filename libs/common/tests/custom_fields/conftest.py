"""The crates as an app of their own."""

import httpx
import pytest_asyncio

from common.app import create_app
from common.db import Database
from common.settings import ServiceSettings

from ..shop.db import MIGRATIONS, SERVICE
from . import crates


def app_on(database):
    return create_app(
        SERVICE,
        title="Crates",
        routers=crates.ROUTERS,
        settings=ServiceSettings(DATABASE_URL=database.dsn),
        migrations=MIGRATIONS,
        policy=crates.POLICY,
        database=database,
    )


def client_of(database):
    transport = httpx.ASGITransport(app=app_on(database))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest_asyncio.fixture
async def client(database):
    async with client_of(database) as held:
        yield held


@pytest_asyncio.fixture
async def elsewhere(database_url):
    """A client of another process of the same service, which remembers for itself."""
    database = Database(SERVICE, database_url)
    async with client_of(database) as held:
        yield held
    await database.close()
