"""Keeping events, finding them again, and saying how fresh the figures are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from common.messaging.envelope import Envelope
from common.pagination import Page, PageRequest, paginate
from reporting.event_log.model import KeptEvent
from reporting.recordsets import Row, insert_into, write

SEEN_EVERY_S = 15
"""How often a worker says that it lives."""
MISSED_AFTER_S = 60
"""A worker that was silent for so long is taken to be gone."""
SETTLED_AFTER_S = 10
"""When nothing was applied for so long and nothing waits, everything received is applied."""

_EVENTS = cast(Table, KeptEvent.__table__)
_KEEP = insert_into(_EVENTS, frozenset({"seq", "received_at"}))
_SCOPE = ("owner_id", "department_id", "partner_id", "region_id")
_FRESHNESS = text("""
    SELECT newest.time, newest.received_at,
        (SELECT min(received_at) FROM inbox_event) AS waiting_since,
        (SELECT seen_at FROM worker_seen WHERE id = 1) AS worker_seen_at
    FROM (SELECT time, received_at FROM events ORDER BY time DESC, event_id DESC LIMIT 1) AS newest
""")


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh the figures are.

    `as_of` is the time of the newest event in them. `lag_seconds` is the largest of: how long that
    event took from being said to being applied, while events come in (0 once none came for ten
    seconds); the age of the oldest event that was received and is not applied; and, when no worker
    was seen for a minute, how long ago that was. Both are None before the first event.
    """

    as_of: datetime | None = None
    lag_seconds: float | None = None


async def keep_events(session: AsyncSession, envelopes: Sequence[Envelope]) -> None:
    """Keep these events, in this order."""
    await write(session, _KEEP, [_row_of(envelope) for envelope in envelopes])


async def list_events(
    session: AsyncSession,
    page: PageRequest,
    *,
    event_type: str | None,
    aggregate_id: UUID | None,
    correlation_id: str | None,
    since: datetime | None,
) -> Page[KeptEvent]:
    """A page of events, the latest said first."""
    query = select(KeptEvent)
    if event_type is not None:
        query = query.where(KeptEvent.type == event_type)
    if aggregate_id is not None:
        query = query.where(KeptEvent.aggregate_id == aggregate_id)
    if correlation_id is not None:
        query = query.where(KeptEvent.correlation_id == correlation_id)
    if since is not None:
        query = query.where(KeptEvent.time >= since)
    return await paginate(
        session,
        query,
        page,
        id_column=KeptEvent.event_id,
        sort_keys={"time": KeptEvent.time},
        default_sort="-time",
    )


async def find_freshness(session: AsyncSession, *, now: datetime) -> Freshness:
    """How fresh the figures are at `now`."""
    found = (await session.execute(_FRESHNESS)).one_or_none()
    if found is None:
        return Freshness()
    lags = [0.0]
    if (now - found.received_at).total_seconds() <= SETTLED_AFTER_S:
        lags.append((found.received_at - found.time).total_seconds())
    if found.waiting_since is not None:
        lags.append((now - found.waiting_since).total_seconds())
    if found.worker_seen_at is not None:
        unseen_s = (now - found.worker_seen_at).total_seconds()
        lags.append(unseen_s if unseen_s > MISSED_AFTER_S else 0.0)
    return Freshness(found.time, round(max(lags), 3))


async def prepare_partitions(session: AsyncSession) -> None:
    """Make the partitions of this month and the two after it."""
    await session.execute(text("SELECT ensure_events_partitions(2)"))


async def note_worker_seen(session: AsyncSession) -> None:
    """Write down that a worker lives."""
    await session.execute(
        text("""
            INSERT INTO worker_seen (id, seen_at) VALUES (1, clock_timestamp())
            ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
        """)
    )


def envelope_of(row: Any) -> Envelope:
    """The event of a row of `events`, for applying it again."""
    return Envelope.model_construct(
        specversion="1.0",
        id=row.event_id,
        source=row.source,
        type=row.type,
        subject=row.aggregate_id,
        time=row.time,
        data=row.data,
        aggregatetype=row.aggregate_type,
        aggregateversion=row.version,
        correlationid=row.correlation_id,
        causationid=row.causation_id,
        actorid=row.actor_id,
    )


def _row_of(envelope: Envelope) -> Row:
    data = envelope.data
    row: Row = {
        "event_id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "aggregate_type": envelope.aggregatetype,
        "aggregate_id": envelope.subject,
        "version": envelope.aggregateversion,
        "time": envelope.time,
        "correlation_id": envelope.correlationid,
        "causation_id": envelope.causationid,
        "actor_id": envelope.actorid,
        "trace_id": _trace_id(envelope.traceparent),
        "data": data,
    }
    for name in _SCOPE:
        row[name] = _id_or_none(data.get(name))
    return row


def _trace_id(traceparent: str | None) -> str | None:
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) == 4 else None


def _id_or_none(value: Any) -> UUID | None:
    """Scope ids stand in data that only their readers check."""
    try:
        return UUID(value)
    except (TypeError, ValueError, AttributeError):
        return None
