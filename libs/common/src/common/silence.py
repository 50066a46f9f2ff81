"""Notices a database that has fallen silent, and gives up the connections to it.

A server that is suspended, or that went away behind a network without a word, neither answers nor
hangs up: who waits for it waits for ever. A statement may well take long, so the clock alone cannot
tell; after a while the server is asked for something new, and only its silence ends the waiting.
"""

import asyncio
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

PATIENCE_S = 2.0
ANSWERS_WITHIN_S = 2.0
_STARTING_OR_STOPPING = "57P"


class SilenceWatch:
    """Watches the connections of an engine that are in use.

    Whoever waits on a connection that is given up gets the error of a lost connection.
    """

    def __init__(self, engine: AsyncEngine, dsn: str) -> None:
        self._dsn = dsn
        self._in_use_since: dict[ConnectionPoolEntry, float] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        event.listen(engine.sync_engine, "checkout", self._taken)
        event.listen(engine.sync_engine, "checkin", self._given_back)

    def close(self) -> None:
        """Stop watching, until a connection is taken again."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._asking is not None:
            self._asking.cancel()
        self._alarm = self._asking = None
        self._in_use_since.clear()

    def _taken(self, _: object, entry: ConnectionPoolEntry, __: object) -> None:
        loop = asyncio.get_running_loop()
        self._in_use_since[entry] = loop.time()
        if self._alarm is None and self._asking is None:
            self._alarm = loop.call_later(PATIENCE_S, self._look)

    def _given_back(self, _: object, entry: ConnectionPoolEntry) -> None:
        self._in_use_since.pop(entry, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._alarm = None
        if not self._in_use_since:
            return
        longest = next(iter(self._in_use_since.values()))
        if (wait_s := longest + PATIENCE_S - loop.time()) > 0:
            self._alarm = loop.call_later(wait_s, self._look)
        else:
            self._asking = loop.create_task(self._ask())

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        if not await _answers(self._dsn):
            for entry, since in list(self._in_use_since.items()):
                connection: Any = entry.driver_connection
                if since <= asked_at - PATIENCE_S and connection is not None:
                    connection.terminate()
        self._asking = None
        self._alarm = loop.call_later(PATIENCE_S, self._look)


async def _answers(dsn: str) -> bool:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            connection = await asyncpg.connect(dsn)
            await connection.close()
    except asyncpg.PostgresError as error:
        return not (error.sqlstate or "").startswith(_STARTING_OR_STOPPING)
    except (OSError, asyncpg.InterfaceError):
        return False
    return True
