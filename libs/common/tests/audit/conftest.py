from collections.abc import AsyncIterator

import pytest_asyncio

from common.db import Database
from common.testing.databases import truncate_all
from common.testing.pytest_plugin import MakeDatabase

from .harness import make_tables

_made: list[str] = []


@pytest_asyncio.fixture
async def parcels(make_database: MakeDatabase) -> AsyncIterator[Database]:
    if _made:
        await truncate_all(_made[0])
    else:
        _made.append(await make_database("audit", make_tables))
    held = Database("sales", _made[0], pool_size=4)
    yield held
    await held.close()
