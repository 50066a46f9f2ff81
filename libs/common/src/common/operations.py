"""What operators do to the messaging: look, retry, skip, discard, replay.

Each act is one transaction, says what it would do unless told to do it, is bounded, may be
repeated, and leaves a row in `operator_action`.
"""

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import aio_pika
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.db import Database
from common.messaging.envelope import Undecodable, decode
from common.messaging.topology import Subscription

_PARKED = text("""
    SELECT event_id, type, aggregate_id, aggregate_version, state, attempts, error_class,
        last_error, received_at, next_attempt_at, redriven
    FROM inbox_event
    WHERE (CAST(:states AS text[]) IS NULL OR state = ANY(CAST(:states AS text[])))
      AND (CAST(:event_id AS uuid) IS NULL OR event_id = CAST(:event_id AS uuid))
    ORDER BY received_at LIMIT :limit
""")
_REDRIVE = text("""
    UPDATE inbox_event SET state = 'retry', next_attempt_at = clock_timestamp(), attempts = 0,
        redriven = redriven + 1
    WHERE event_id = ANY(CAST(:ids AS uuid[])) AND state IN ('dead', 'unsupported', 'retry')
    RETURNING event_id
""")
# The first event of an aggregate may have failed: then nothing is known of it yet.
_KNOW = text("""
    INSERT INTO consumer_aggregate (aggregate_type, aggregate_id, last_version)
    SELECT aggregate_type, aggregate_id, 0 FROM inbox_event
    WHERE event_id = ANY(CAST(:ids AS uuid[]))
    ON CONFLICT DO NOTHING
""")
# Passing over an event counts its version as applied, so that the aggregate can go on. One that
# waits for an earlier one is not passed over: nobody would ever deliver it again.
_SKIP = text("""
    WITH next AS (
        SELECT i.aggregate_type, i.aggregate_id, i.aggregate_version, i.event_id
        FROM consumer_aggregate c JOIN inbox_event i
          ON i.aggregate_type = c.aggregate_type AND i.aggregate_id = c.aggregate_id
         AND i.aggregate_version = c.last_version + 1
        WHERE i.event_id = ANY(CAST(:ids AS uuid[]))
        FOR UPDATE
    ), gone AS (
        DELETE FROM inbox_event i USING next WHERE i.event_id = next.event_id
    )
    UPDATE consumer_aggregate c
    SET last_version = next.aggregate_version, last_event_id = next.event_id
    FROM next
    WHERE c.aggregate_type = next.aggregate_type AND c.aggregate_id = next.aggregate_id
    RETURNING next.event_id
""")
_LEVELS = text("""
    SELECT
        (SELECT count(*) FROM outbox_pending) AS outbox_pending,
        (SELECT coalesce(extract(epoch FROM now() - min(recorded_at)), 0)::float8
         FROM outbox_pending) AS outbox_oldest_s,
        (SELECT count(*) FROM inbox_event WHERE state IN ('gap', 'retry')) AS inbox_waiting,
        (SELECT count(*) FROM inbox_event WHERE state IN ('dead', 'unsupported')) AS inbox_dead
""")
_OUTBOX = text("""
    SELECT p.seq, e.event_id, e.type, e.aggregate_id, e.aggregate_version, p.attempts,
        p.next_attempt_at, p.last_error, p.recorded_at
    FROM outbox_pending p
    JOIN event_log e ON e.xid = p.xid AND e.seq = p.seq AND e.recorded_at = p.recorded_at
    ORDER BY p.seq LIMIT :limit
""")
_UNBLOCK = text("""
    UPDATE outbox_pending SET next_attempt_at = NULL WHERE next_attempt_at IS NOT NULL
    RETURNING seq
""")
_REPUBLISH = text("""
    INSERT INTO outbox_pending (seq, xid, recorded_at, part, aggregate_id)
    SELECT seq, xid, recorded_at, part, aggregate_id FROM event_log
    WHERE recorded_at >= CAST(:since AS timestamptz)
      AND (CAST(:aggregates AS text[]) IS NULL OR aggregate_type = ANY(CAST(:aggregates AS text[])))
    ORDER BY seq LIMIT :limit
    ON CONFLICT (seq) DO NOTHING RETURNING seq
""")
_COUNT_SINCE = text("""
    SELECT count(*) FROM event_log
    WHERE recorded_at >= CAST(:since AS timestamptz)
      AND (CAST(:aggregates AS text[]) IS NULL OR aggregate_type = ANY(CAST(:aggregates AS text[])))
""")
_NOTE = text("""
    INSERT INTO operator_action (actor, action, subject, reason)
    VALUES (:actor, :action, :subject, :reason)
""")


async def levels(database: Database) -> dict[str, Any]:
    """How much waits: unconfirmed events and their age in seconds, unapplied and parked ones."""
    async with database.reading() as session:
        return dict((await session.execute(_LEVELS)).mappings().one())


async def list_outbox(database: Database, limit: int = 50) -> list[dict[str, Any]]:
    """What the bus has not confirmed, oldest first."""
    async with database.reading() as session:
        rows = await session.execute(_OUTBOX, {"limit": limit})
        return [dict(row) for row in rows.mappings()]


async def unblock_outbox(database: Database) -> int:
    """Try refused events again now; returns how many."""
    async with database.transaction() as session:
        count = len((await session.execute(_UNBLOCK)).all())
        await _note(session, "outbox unblock", f"{count} events")
    return count


async def republish(
    database: Database,
    *,
    since: datetime,
    aggregates: Sequence[str] | None = None,
    limit: int = 1_000_000,
    dry_run: bool = True,
) -> int:
    """Send again what was said since a moment, for a broker that lost its data.

    What the consumers have applied they recognise by its version. Returns how many events.
    """
    values = {"since": since, "aggregates": list(aggregates) if aggregates else None}
    async with database.transaction() as session:
        if dry_run:
            count: int = (await session.execute(_COUNT_SINCE, values)).scalar_one()
            return min(count, limit)
        rows = await session.execute(_REPUBLISH, {**values, "limit": limit})
        count = len(rows.all())
        await _note(session, "republish", f"{count} events since {since}")
    return count


async def list_parked(
    database: Database,
    *,
    states: Sequence[str] | None = None,
    event_id: UUID | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Events received and not applied, oldest first, with the reason."""
    async with database.reading() as session:
        rows = await session.execute(
            _PARKED,
            {"states": list(states) if states else None, "event_id": event_id, "limit": limit},
        )
        return [dict(row) for row in rows.mappings()]


async def redrive_parked(
    database: Database, event_ids: Sequence[UUID], *, reason: str | None = None
) -> list[UUID]:
    """Put parked events back on the retry schedule, due at once; twice is as good as once."""
    async with database.transaction() as session:
        rows = await session.execute(_REDRIVE, {"ids": list(event_ids)})
        done = [row.event_id for row in rows]
        await _note(session, "parked redrive", _ids(done), reason)
    return done


async def skip_parked(database: Database, event_ids: Sequence[UUID], *, reason: str) -> list[UUID]:
    """Pass over parked events for good: their effect is given up, later ones go on.

    Returns those that were; an event that waits for an earlier one stays where it is.
    """
    ids = {"ids": list(event_ids)}
    done: list[UUID] = []
    async with database.transaction() as session:
        await session.execute(_KNOW, ids)
        while rows := (await session.execute(_SKIP, ids)).all():
            done += [row.event_id for row in rows]
        await _note(session, "parked skip", _ids(done), reason)
    return done


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message the consumer could not even store, and why."""

    message_id: str | None
    type: str | None
    reason: str
    bytes: int
    excerpt: str


async def peek_dead(url: str, subscription: Subscription, limit: int = 20) -> list[DeadLetter]:
    """Look at the dead letter queue; everything stays in it."""
    found: list[DeadLetter] = []
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        # Closing the channel gives every unacknowledged message back, in its order.
        channel = await connection.channel()
        queue = await channel.declare_queue(subscription.dead, passive=True)
        while len(found) < limit:
            message = await queue.get(fail=False)
            if message is None:
                break
            found.append(
                DeadLetter(
                    message.message_id,
                    message.type,
                    _why_dead(message),
                    len(message.body),
                    message.body[:120].decode(errors="replace"),
                )
            )
    return found


async def redrive_dead(
    url: str,
    subscription: Subscription,
    *,
    limit: int = 1000,
    database: Database | None = None,
) -> int:
    """Move the dead letters that are there now back to the inbox queue; returns how many.

    A letter leaves the dead queue only after the broker has confirmed its copy, so an interruption
    leaves it in both places, never in neither, and the inbox removes the repetition. `database`:
    where the act is noted.
    """
    moved = 0
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        queue = await channel.declare_queue(subscription.dead, passive=True)
        # What dies again on the way must not go round in a circle.
        limit = min(limit, queue.declaration_result.message_count or 0)
        while moved < limit:
            message = await queue.get(fail=False)
            if message is None:
                break
            await channel.default_exchange.publish(
                aio_pika.Message(
                    message.body,
                    content_type=message.content_type,
                    message_id=message.message_id,
                    type=message.type,
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    headers={"x-redriven": 1},
                ),
                routing_key=subscription.inbox,
                mandatory=True,
            )
            await message.ack()
            moved += 1
    if database is not None:
        async with database.transaction() as session:
            await _note(session, "dlq redrive", f"{moved} messages")
    return moved


async def discard_dead(
    url: str, subscription: Subscription, database: Database, *, limit: int, reason: str
) -> int:
    """Remove dead letters for good; returns how many."""
    dropped = 0
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(subscription.dead, passive=True)
        while dropped < limit:
            message = await queue.get(fail=False)
            if message is None:
                break
            async with database.transaction() as session:
                await _note(session, "dlq discard", str(message.message_id), reason)
            await message.ack()
            dropped += 1
    return dropped


def _why_dead(message: aio_pika.abc.AbstractIncomingMessage) -> str:
    try:
        decode(message.body, message.content_type)
    except Undecodable as reason:
        return str(reason)
    deaths: Any = (message.headers or {}).get("x-death") or [{}]
    return f"broker: {deaths[0].get('reason', 'unknown')}"


async def _note(
    session: AsyncSession, action: str, subject: str, reason: str | None = None
) -> None:
    await session.execute(
        _NOTE,
        {"actor": _operator(), "action": action, "subject": subject, "reason": reason},
    )


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a user without a name.
        return f"uid {os.getuid()}"


def _ids(ids: Sequence[UUID]) -> str:
    return ", ".join(map(str, ids)) or "nothing"
