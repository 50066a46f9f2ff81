"""A service behind a real HTTP server, in a thread with an event loop of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from common.db import Database
from common.local_processes import free_port
from common.testing.sign_in import guarded_app

from ..access.conftest import Guarded

STARTED_WITHIN_S = 20


@contextmanager
def served(guarded: Guarded) -> Iterator[str]:
    """The address of the service, over the database and the accounts of `guarded`."""
    database = Database(guarded.entry.package, guarded.database.dsn, pool_size=4)
    app = guarded_app(guarded.entry, database, guarded.issuer)
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, lifespan="off", log_level="warning")
    )

    async def serve() -> None:
        await server.serve()
        await database.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    ready = threading.Event()
    for _ in range(STARTED_WITHIN_S * 50):
        if server.started:
            break
        ready.wait(0.02)
    assert server.started
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(STARTED_WITHIN_S)
