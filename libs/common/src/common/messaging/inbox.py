"""Applying events: each exactly once, in the order of its aggregate's versions, for ever.

The memory is one row an aggregate, its last applied version, written in the transaction of the
effect. There is no list of seen ids and so no window after which a repetition would count again:
what is not newer than the last version has been applied.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common import clock
from common.db import Database
from common.messaging import metrics
from common.messaging.consumers import Consumers
from common.messaging.envelope import Envelope, decode

AggregateKey = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Received:
    """An event that came in: its bytes and what they say."""

    body: bytes
    envelope: Envelope

    @property
    def version(self) -> int:
        """The event's place in its aggregate's history, from 1."""
        return self.envelope.aggregateversion


class VersionConflict(Exception):
    """Two different events claim one version of an aggregate: a producer was set back in time."""


# The update that changes nothing takes the row's lock whether it was there or not.
_CLAIM = text("""
    INSERT INTO consumer_aggregate AS c (aggregate_type, aggregate_id, last_version)
    SELECT t, i, 0 FROM unnest(CAST(:types AS text[]), CAST(:ids AS uuid[])) AS a (t, i)
    ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET last_version = c.last_version
    RETURNING c.aggregate_type, c.aggregate_id, c.last_version, c.last_event_id,
        (SELECT json_object_agg(i.aggregate_version, i.state) FROM inbox_event i
         WHERE i.aggregate_type = c.aggregate_type AND i.aggregate_id = c.aggregate_id) AS stored
""")
_ADVANCE = text("""
    UPDATE consumer_aggregate AS c SET last_version = a.v, last_event_id = a.e
    FROM unnest(CAST(:types AS text[]), CAST(:ids AS uuid[]), CAST(:versions AS integer[]),
        CAST(:event_ids AS uuid[])) AS a (t, i, v, e)
    WHERE c.aggregate_type = a.t AND c.aggregate_id = a.i
""")
_STORE = text("""
    INSERT INTO inbox_event AS i (aggregate_type, aggregate_id, aggregate_version, event_id, type,
        state, attempts, next_attempt_at, error_class, last_error, body)
    VALUES (:aggregate_type, :aggregate_id, :version, :event_id, :type, :state, :attempts,
        clock_timestamp() + make_interval(secs => CAST(:wait_s AS float8)),
        :error_class, :last_error, :body)
    ON CONFLICT (aggregate_type, aggregate_id, aggregate_version) DO UPDATE SET
        state = excluded.state, attempts = excluded.attempts,
        next_attempt_at = excluded.next_attempt_at,
        error_class = excluded.error_class, last_error = excluded.last_error
        WHERE excluded.state <> 'gap' AND i.event_id = excluded.event_id
""")
_STORED_RUN = text("""
    SELECT i.aggregate_version, i.body, c.last_version
    FROM inbox_event i JOIN consumer_aggregate c
      ON c.aggregate_type = i.aggregate_type AND c.aggregate_id = i.aggregate_id
     AND i.aggregate_version > c.last_version
    WHERE i.aggregate_type = :type AND i.aggregate_id = :id AND i.state = 'gap'
    ORDER BY i.aggregate_version LIMIT 100
""")
_TAKE_BASE = text("""
    UPDATE consumer_aggregate c SET last_version = held.oldest - 1
    FROM (
        SELECT aggregate_type, aggregate_id, min(aggregate_version) AS oldest FROM inbox_event
        WHERE aggregate_type = :aggregate OR starts_with(aggregate_type, :aggregate || '.')
        GROUP BY aggregate_type, aggregate_id
    ) AS held
    WHERE c.aggregate_type = held.aggregate_type AND c.aggregate_id = held.aggregate_id
      AND c.last_version = 0 AND held.oldest > 1
    RETURNING c.aggregate_type, c.aggregate_id
""")
_FORGET = text("""
    DELETE FROM inbox_event
    WHERE aggregate_type = :type AND aggregate_id = :id
      AND aggregate_version = ANY(CAST(:versions AS integer[]))
""")


@dataclass(slots=True)
class _Position:
    """Where an aggregate stands, and how far the present transaction brings it."""

    last: int
    last_event_id: UUID | None
    stored: dict[int, str]
    forget: list[int] = field(default_factory=list)
    moved: bool = False


class Inbox:
    """The receiving side of one service."""

    def __init__(self, database: Database, consumers: Consumers) -> None:
        self._database = database
        self.consumers = consumers

    async def apply(
        self, received: Sequence[Received], *, retrying: bool = False
    ) -> list[AggregateKey]:
        """Apply what is new of `received`, in one transaction; store what lies behind a gap.

        `retrying`: these events may be stored already and are tried again.
        Returns the aggregates whose next event lies in store. Raises what a handler raised; then
        nothing of the batch was applied.
        """
        started = time.perf_counter()
        service = self.consumers.service
        async with self._database.transaction() as session:
            positions = await _claim(session, received)
            applicable: list[Envelope] = []
            for item in received:
                position = positions[item.envelope.aggregate]
                if await self._is_next(session, item, position, retrying):
                    self.consumers.check_supported(item.envelope)
                    applicable.append(item.envelope)
            await self.consumers.apply(session, applicable)
            await _advance(session, positions)
        now = clock.utc_now()
        for envelope in applicable:
            metrics.INBOX_APPLIED.labels(service, envelope.type).inc()
            metrics.END_TO_END.labels(service, envelope.type).observe(
                max(0.0, (now - envelope.time).total_seconds())
            )
        metrics.PROCESS_DURATION.labels(service, "rabbitmq", f"{service}.inbox").observe(
            time.perf_counter() - started
        )
        return [
            key
            for key, position in positions.items()
            if position.stored.get(position.last + 1) == "gap"
        ]

    async def _is_next(
        self, session: AsyncSession, item: Received, position: _Position, retrying: bool
    ) -> bool:
        """Whether to apply the event now; what comes too early is stored, what came before is not.

        Raises VersionConflict.
        """
        version = item.version
        if version == position.last and position.last_event_id not in (None, item.envelope.id):
            raise VersionConflict(
                f"version {version} of {item.envelope.aggregatetype} was another event"
            )
        repeated = version <= position.last or (version in position.stored and not retrying)
        if repeated:
            metrics.INBOX_DUPLICATES.labels(self.consumers.service, item.envelope.type).inc()
            return False
        if version > position.last + 1:
            await store(session, item, state="gap")
            position.stored.setdefault(version, "gap")
            return False
        if version in position.stored:
            position.forget.append(version)
        position.last, position.last_event_id, position.moved = version, item.envelope.id, True
        return True

    async def stored_run(self, key: AggregateKey) -> list[Received]:
        """The stored events that could be applied now, one after the other, at most a hundred."""
        async with self._database.reading() as session:
            rows = (await session.execute(_STORED_RUN, {"type": key[0], "id": key[1]})).all()
        return [
            Received(row.body, decode(row.body))
            for place, row in enumerate(rows, start=1)
            if row.aggregate_version == row.last_version + place
        ]

    async def take_oldest_as_base(self, aggregate: str) -> list[AggregateKey]:
        """Go on from the oldest event that is held, where no version was ever applied.

        `aggregate`: as `sales.quote`, or `sales` for all of a service. Returns the aggregates whose
        next event lies in store now.
        """
        async with self._database.transaction() as session:
            rows = await session.execute(_TAKE_BASE, {"aggregate": aggregate})
            return [(row.aggregate_type, row.aggregate_id) for row in rows]

    async def park(
        self, item: Received, error: BaseException, *, state: str, attempts: int
    ) -> None:
        """Store an event that could not be applied, in a transaction of its own.

        A `retry` is tried again after a wait that doubles from 5 s up to 15 min.
        """
        wait_s = min(5.0 * 2 ** max(0, attempts - TRIES_IN_PLACE), 900.0)
        wait_s *= 0.8 + 0.4 * random.random()  # noqa: S311 - jitter
        async with self._database.transaction() as session:
            await store(
                session,
                item,
                state=state,
                attempts=attempts,
                wait_s=wait_s if state == "retry" else None,
                error=error,
            )


TRIES_IN_PLACE = 3
"""Quick attempts before an event goes on the retry schedule."""


async def store(
    session: AsyncSession,
    item: Received,
    *,
    state: str,
    attempts: int = 0,
    wait_s: float | None = None,
    error: BaseException | None = None,
) -> None:
    """Keep an event that cannot be applied now; a row that is there is brought up to date."""
    await session.execute(
        _STORE,
        {
            "aggregate_type": item.envelope.aggregatetype,
            "aggregate_id": item.envelope.subject,
            "version": item.version,
            "event_id": item.envelope.id,
            "type": item.envelope.type,
            "state": state,
            "attempts": attempts,
            "wait_s": wait_s,
            "error_class": None if error is None else type(error).__name__,
            # PostgreSQL has no NUL in a text, and this must not fail.
            "last_error": None if error is None else str(error)[:2000].replace("\0", "\ufffd"),
            "body": item.body,
        },
    )


async def _claim(
    session: AsyncSession, received: Sequence[Received]
) -> dict[AggregateKey, _Position]:
    """Lock the aggregates, in one order for everybody, and say where they stand."""
    keys = sorted({item.envelope.aggregate for item in received})
    rows = await session.execute(
        _CLAIM, {"types": [key[0] for key in keys], "ids": [key[1] for key in keys]}
    )
    positions = {}
    for row in rows:
        stored = {int(version): state for version, state in (row.stored or {}).items()}
        positions[row.aggregate_type, row.aggregate_id] = _Position(
            row.last_version, row.last_event_id, stored
        )
    return positions


async def _advance(session: AsyncSession, positions: dict[AggregateKey, _Position]) -> None:
    moved = [(key, position) for key, position in positions.items() if position.moved]
    if moved:
        await session.execute(
            _ADVANCE,
            {
                "types": [key[0] for key, _ in moved],
                "ids": [key[1] for key, _ in moved],
                "versions": [position.last for _, position in moved],
                "event_ids": [position.last_event_id for _, position in moved],
            },
        )
    for key, position in moved:
        if position.forget:
            await session.execute(
                _FORGET, {"type": key[0], "id": key[1], "versions": position.forget}
            )
