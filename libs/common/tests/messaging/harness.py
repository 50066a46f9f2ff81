"""A producer and a consumer of one event each, on real databases, for the tests of messaging.

The consumer writes what it applied into `effects`, in order, so that loss, repetition and disorder
can be counted.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

import asyncpg
from pydantic import Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped

from common.aggregate import Aggregate
from common.audit import schema as audit
from common.db import Database, Tables, new_metadata
from common.errors import Conflict
from common.events import Consumed, Event
from common.messaging.consumer import Consumer
from common.messaging.consumers import Consumers, ConsumersTable
from common.messaging.inbox import Inbox
from common.messaging.outbox import record
from common.messaging.relay import Relay
from common.messaging.schema import V1
from common.messaging.topology import Subscription, subscription_of
from common.messaging.transport import Transport

PRODUCER, CONSUMER = "sales", "contract"


class Base(Tables, DeclarativeBase):
    metadata = new_metadata()


class Counter(Aggregate, Base):
    """An aggregate that only counts."""

    __tablename__ = "counters"

    value: Mapped[int]


class Counted(Event):
    """A counter went up."""

    type = "sales.counter.counted.v1"

    value: Annotated[int, Field(examples=[1])]
    note: str = Field("", examples=["x"])


class CountedHeard(Consumed):
    type = "sales.counter.counted.v1"

    value: int
    note: str = ""


class PoisonError(Exception):
    """What the handler raises on demand."""


async def make_tables(url: str) -> None:
    """The tables of both sides, in whichever database."""
    connection = await asyncpg.connect(url)
    try:
        for statement in (*V1, *audit.V1):
            await connection.execute(statement)
        await connection.execute("""
            CREATE TABLE counters (id uuid PRIMARY KEY, value int NOT NULL, version int NOT NULL,
                created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
            CREATE TABLE effects (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                aggregate_id uuid NOT NULL, version int NOT NULL, event_id uuid NOT NULL);
        """)
    finally:
        await connection.close()


async def count_up(
    database: Database, counter_id: UUID | None = None, *, times: int = 1, note: str = ""
) -> UUID:
    """One transaction in which a counter goes up so many times; returns its id."""
    async with database.transaction() as session:
        if counter_id is None:
            counter = Counter(value=0)
            session.add(counter)
        else:
            found = await session.get(Counter, counter_id, with_for_update=True)
            assert found is not None
            counter = found
        for _ in range(times):
            counter.value += 1
            record(session, counter, Counted(value=counter.value, note=note))
    return counter.id


@dataclass
class Effects:
    """What the consumer did: pairs of aggregate and version, in the order of their commits."""

    pairs: list[tuple[UUID, int]]

    @property
    def versions(self) -> dict[UUID, list[int]]:
        found: dict[UUID, list[int]] = {}
        for aggregate_id, version in self.pairs:
            found.setdefault(aggregate_id, []).append(version)
        return found

    def disorder(self) -> list[UUID]:
        """Aggregates whose versions are not exactly 1..n in order: lost, repeated or disordered."""
        return [
            aggregate_id
            for aggregate_id, versions in self.versions.items()
            if versions != list(range(1, len(versions) + 1))
        ]


async def effects_in(database: Database) -> Effects:
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT aggregate_id, version FROM effects ORDER BY place")
        )
        return Effects([(row.aggregate_id, row.version) for row in rows])


@dataclass
class Behaviour:
    """How the consumer's handler behaves; a test changes it while it runs."""

    refuse_notes: set[str] = field(default_factory=set)
    raise_on: Callable[[CountedHeard], Exception | None] = lambda event: None
    calls: int = 0

    async def apply(self, session: AsyncSession, event: CountedHeard) -> None:
        """The handler."""
        self.calls += 1
        if event.note in self.refuse_notes:
            raise Conflict(f"refused: {event.note}")
        failure = self.raise_on(event)
        if failure is not None:
            raise failure
        await session.execute(
            text(
                "INSERT INTO effects (aggregate_id, version, event_id)"
                " VALUES (:id, :version, :event)"
            ),
            {
                "id": event.subject,
                "version": event.envelope.aggregateversion,
                "event": event.envelope.id,
            },
        )

    @property
    def table(self) -> ConsumersTable:
        return {CountedHeard: self.apply}


def subscriptions() -> tuple[Subscription, Subscription]:
    """Of the producer, which hears nothing, and of the consumer."""
    return subscription_of(PRODUCER, []), subscription_of(CONSUMER, [CountedHeard.type])


@contextlib.asynccontextmanager
async def running(*parts: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run relays and consumers while the block lasts."""
    tasks = [asyncio.ensure_future(part()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def a_consumer(
    database: Database, behaviour: Behaviour, transport: Transport
) -> tuple[Inbox, Consumer]:
    inbox = Inbox(database, Consumers(CONSUMER, behaviour.table))
    return inbox, Consumer(database, inbox, transport)


def a_relay(database: Database, transport: Transport) -> Relay:
    relay = Relay(PRODUCER, database.dsn, transport)
    database.on_said = relay.nudge
    return relay


async def eventually(
    condition: Callable[[], Awaitable[bool]], *, within_s: float = 20, what: str = "it"
) -> None:
    """Wait until the condition holds; raises AssertionError after `within_s`."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.03)


async def waiting_states(database: Database) -> dict[str, int]:
    """How many events wait in the consumer's store, by state."""
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT state, count(*) AS n FROM inbox_event GROUP BY state")
        )
        return {row.state: row.n for row in rows}


async def pending(database: Database) -> int:
    """Events the bus has not confirmed."""
    async with database.reading() as session:
        count: int = (
            await session.execute(text("SELECT count(*) FROM outbox_pending"))
        ).scalar_one()
    return count


def all_pairs(ids: Sequence[UUID], versions: int) -> set[tuple[UUID, int]]:
    return {(aggregate_id, version) for aggregate_id in ids for version in range(1, versions + 1)}
