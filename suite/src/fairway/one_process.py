"""The suite in one process: six apps, six workers, one in-process bus, real PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
from starlette.types import ASGIApp

from common.cli import ServiceEntry
from common.db import Database
from common.messaging.consumers import Consumers
from common.messaging.in_process import InProcessBus
from common.worker import Worker
from fairway.database import DatabaseServer
from fairway.services import path_of

API_CONNECTIONS, WORKER_CONNECTIONS = 8, 10
CONSUMING_WITHIN_S = 60


@asynccontextmanager
async def apps(
    entries: Sequence[ServiceEntry], server: DatabaseServer
) -> AsyncIterator[dict[str, ASGIApp]]:
    """Run the workers while the block lasts; yields the apps by the first segment of their paths.

    Leaving the block drains: relays finish their wave, inboxes their transactions.
    """
    bus = InProcessBus()
    amqp_url = os.environ.get("AMQP_URL")
    made: dict[str, ASGIApp] = {}
    databases: list[Database] = []
    feeds: dict[str, httpx.AsyncBaseTransport] = {}
    settings = {
        entry.package: entry.settings(DATABASE_URL=server.url(entry.package)) for entry in entries
    }
    for entry in entries:
        database = Database(entry.package, server.url(entry.package), pool_size=API_CONNECTIONS)
        databases.append(database)
        app = entry.create_app(settings[entry.package], database)
        made[path_of(entry.package)] = app
        feeds[entry.package] = httpx.ASGITransport(app=app)
    # All inboxes are bound before any relay speaks.
    transports = {
        entry.package: bus.transport(Consumers(entry.package, entry.consumers).subscription)
        for entry in entries
    }
    stop = asyncio.Event()
    running: list[asyncio.Task[None]] = []
    consuming: list[asyncio.Event] = []
    for entry, database in zip(entries, databases, strict=True):
        worker: Worker = entry.create_worker(
            settings[entry.package],
            database=Database(
                entry.package, server.url(entry.package), pool_size=WORKER_CONNECTIONS
            ),
            transport=None if amqp_url else transports[entry.package],
            feed_transports=feeds,
        )
        database.on_said = worker.nudge
        consuming.append(worker.consuming)
        running.append(asyncio.create_task(worker.run(stop)))
    try:
        # Before all inboxes are open the bus takes nothing, and who speaks has to try again.
        try:
            async with asyncio.timeout(CONSUMING_WITHIN_S):
                await asyncio.gather(*(event.wait() for event in consuming))
        except TimeoutError:
            raise TimeoutError("a worker does not consume; see the logs above") from None
        yield made
    finally:
        stop.set()
        await asyncio.gather(*running, return_exceptions=True)
        for database in databases:
            await database.close()
