"""The service desk on a real database, with the policy that its migration brings."""

import runpy

import asyncpg
import pytest_asyncio

from common.testing.service import service_fixtures
from service_desk.__main__ import ENTRY
from service_desk.db import MIGRATIONS

emptied_database_url, database, client, session, hear = service_fixtures(ENTRY)
SEED = runpy.run_path(str(MIGRATIONS / "versions" / "0002_tickets.py"))["SEED"]


@pytest_asyncio.fixture
async def database_url(emptied_database_url):
    connection = await asyncpg.connect(emptied_database_url)
    try:
        for statement in SEED:
            await connection.execute(statement)
    finally:
        await connection.close()
    return emptied_database_url
