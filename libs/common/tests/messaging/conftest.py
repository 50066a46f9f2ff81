from collections.abc import AsyncIterator

import pytest_asyncio

from common.db import Database
from common.testing.databases import truncate_all
from common.testing.pytest_plugin import MakeDatabase

from .harness import CONSUMER, PRODUCER, make_tables

_made: dict[str, str] = {}


async def _database(make_database: MakeDatabase, name: str) -> Database:
    url = _made.get(name)
    if url is None:
        url = _made[name] = await make_database(f"messaging_{name}", make_tables)
    else:
        await truncate_all(url)
    return Database(name, url, pool_size=12)


@pytest_asyncio.fixture
async def producer(make_database: MakeDatabase) -> AsyncIterator[Database]:
    database = await _database(make_database, PRODUCER)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def consumer_database(make_database: MakeDatabase) -> AsyncIterator[Database]:
    database = await _database(make_database, CONSUMER)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def state_machine_databases(make_database: MakeDatabase) -> tuple[str, str]:
    """URLs of a producer's and a consumer's database that a state machine may empty."""
    return (
        await make_database("messaging_machine", make_tables),
        await make_database("messaging_machine", make_tables),
    )
