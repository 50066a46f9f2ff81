"""Fixtures of a service's tests: its real app on a real, empty database, and events it hears.

A service's `tests/conftest.py` is
`database_url, database, client, session, hear = service_fixtures(ENTRY)`.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest_asyncio
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common import clock
from common.api_files import as_text, asyncapi_of, openapi_of
from common.cli import ServiceEntry
from common.db import Database
from common.ids import new_id
from common.messaging.consumers import Consumers
from common.messaging.envelope import CONTENT_TYPE, aggregate_type_of, decode
from common.messaging.inbox import Inbox, Received
from common.migrations import upgrade
from common.settings import ServiceSettings
from common.testing.databases import truncate_all
from common.testing.pytest_plugin import MakeDatabase

_made: dict[str, str] = {}


def settings_for(entry: ServiceEntry, database_url: str, **more: Any) -> ServiceSettings:
    """The service's settings for a test."""
    return entry.settings(DATABASE_URL=database_url, **more)


class Hearing:
    """Hands events to the service as its worker would, one transaction each.

    `await hear("sales.order.confirmed.v1", customer_id=…)`; versions of a subject count up from 1.
    """

    def __init__(self, entry: ServiceEntry, database: Database) -> None:
        self._inbox = Inbox(database, Consumers(entry.package, entry.consumers))
        self._versions: dict[tuple[str, UUID], int] = defaultdict(int)

    async def __call__(
        self,
        event_type: str,
        *,
        subject: UUID | None = None,
        at: datetime | None = None,
        **data: Any,
    ) -> Received:
        """Apply an event with this data; raises what its handler raises."""
        subject = subject or new_id()
        key = aggregate_type_of(event_type), subject
        self._versions[key] += 1
        received = received_event(
            event_type, subject=subject, version=self._versions[key], at=at, data=data
        )
        await self._inbox.apply([received])
        return received

    async def again(self, received: Received) -> None:
        """Deliver the same event a second time."""
        await self._inbox.apply([received])


def received_event(
    event_type: str,
    *,
    subject: UUID,
    version: int,
    data: dict[str, Any],
    at: datetime | None = None,
    event_id: UUID | None = None,
) -> Received:
    """An event as it would come from the bus."""
    body = to_json(
        {
            "specversion": "1.0",
            "id": event_id or new_id(),
            "source": f"/fairway/{event_type.split('.', 1)[0].replace('_', '-')}",
            "type": event_type,
            "subject": subject,
            "time": (at or clock.utc_now()).isoformat(),
            "datacontenttype": "application/json",
            "aggregatetype": aggregate_type_of(event_type),
            "aggregateversion": version,
            "data": data,
        }
    )
    return Received(body, decode(body, CONTENT_TYPE))


def service_fixtures(entry: ServiceEntry) -> tuple[Any, Any, Any, Any, Any]:
    """The fixtures `database_url`, `database`, `client`, `session` and `hear` of a service."""

    @pytest_asyncio.fixture
    async def database_url(make_database: MakeDatabase) -> str:
        async def migrate(url: str) -> None:
            await upgrade(url, entry.migrations)

        url = _made.get(entry.package)
        if url is None:
            url = _made[entry.package] = await make_database(entry.package, migrate)
        else:
            await truncate_all(url)
        return url

    @pytest_asyncio.fixture
    async def database(database_url: str) -> AsyncIterator[Database]:
        held = Database(entry.package, database_url, pool_size=8)
        yield held
        await held.close()

    @pytest_asyncio.fixture
    async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
        app = entry.create_app(settings_for(entry, database.dsn), database)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as held:
            yield held

    @pytest_asyncio.fixture
    async def session(database: Database) -> AsyncIterator[AsyncSession]:
        async with database.reading() as held:
            yield held

    @pytest_asyncio.fixture
    async def hear(database: Database) -> Hearing:
        return Hearing(entry, database)

    return database_url, database, client, session, hear


async def published(session: AsyncSession) -> list[str]:
    """The wire names of everything said, in the order it was said."""
    rows = await session.execute(text("SELECT type FROM event_log ORDER BY seq"))
    return [row.type for row in rows]


async def said(session: AsyncSession, event_type: str) -> list[dict[str, Any]]:
    """The data of every event of this type, in order."""
    rows = await session.execute(
        text("SELECT body FROM event_log WHERE type = :type ORDER BY seq"), {"type": event_type}
    )
    return [decode(row.body).data for row in rows]


def promises(entry: ServiceEntry, services: Path) -> list[Callable[[], None]]:
    """What a service's `tests/test_api.py` checks; each check raises AssertionError.

    The checked-in `api/` files are what the code generates, and every field this service reads of
    an event is promised by the producer's checked-in `asyncapi.json`.
    """
    folder = services / entry.package.replace("_", "-") / "api"
    consumers = Consumers(entry.package, entry.consumers)

    def api_files_are_up_to_date() -> None:
        app = entry.create_app(settings_for(entry, "postgresql://nobody@localhost/none"), None)
        for name, generated in (
            ("openapi.json", as_text(openapi_of(app))),
            ("asyncapi.json", as_text(asyncapi_of(entry.package, entry.events, consumers))),
        ):
            checked_in = (folder / name).read_text(encoding="utf-8")
            assert checked_in == generated, f"{folder / name} is out of date: run `make api`"

    return [api_files_are_up_to_date, *_reading_promises(entry, services)]


def _reading_promises(entry: ServiceEntry, services: Path) -> list[Callable[[], None]]:
    checks: list[Callable[[], None]] = []
    for consumed in entry.consumers:
        if consumed.type == "*":
            continue
        producer = consumed.type.split(".", 1)[0].replace("_", "-")
        source = services / producer / "api" / "asyncapi.json"

        def is_still_promised(consumed: Any = consumed, source: Path = source) -> None:
            promised = json.loads(source.read_text(encoding="utf-8"))["components"]["messages"]
            assert consumed.type in promised, f"{consumed.type} is no longer said: see {source}"
            message = promised[consumed.type]
            consumed.model_validate(message["examples"][0]["payload"])
            offered = message["payload"]
            for name, field in consumed.model_fields.items():
                assert name in offered["properties"], f"{consumed.type} has no field {name}"
                if field.is_required():
                    assert name in offered.get("required", ()), (
                        f"{consumed.type}.{name} is optional there and required here"
                    )

        is_still_promised.__name__ = f"{consumed.type} is still promised"
        checks.append(is_still_promised)
    return checks
