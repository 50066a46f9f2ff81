"""Subscribing later: the events said before this service listened come from the producer's feed.

When CONSUMERS gains an aggregate, its past versions were never delivered here. The queue is bound
first, then the feed is applied, then the queue is consumed: what stands in both is removed by its
version. The feed is in the order of transactions, not of versions, so its events may wait for each
other as those from the bus do.
"""

import structlog
from sqlalchemy import text

from common.db import Database
from common.messaging.consumer import LARGEST_BATCH, Consumer
from common.messaging.envelope import decode
from common.messaging.feed import FeedClient, FeedCursor
from common.messaging.inbox import Received

log = structlog.get_logger(__name__)

_KNOWN = text("SELECT aggregate_type FROM subscription WHERE caught_up_at IS NOT NULL")
_BEGIN = text("""
    INSERT INTO subscription (aggregate_type) VALUES (:aggregate)
    ON CONFLICT (aggregate_type) DO UPDATE SET aggregate_type = excluded.aggregate_type
    RETURNING cursor_xid, cursor_seq
""")
_MOVE = text("""
    UPDATE subscription SET cursor_xid = :xid, cursor_seq = :seq WHERE aggregate_type = :aggregate
""")
_DONE = text("UPDATE subscription SET caught_up_at = now() WHERE aggregate_type = :aggregate")


async def catch_up(database: Database, consumer: Consumer, feeds: FeedClient) -> list[str]:
    """Bring every newly subscribed aggregate up to date; returns which were new.

    Resumes where it was interrupted; an event that cannot be applied is parked. Raises Unavailable
    when a producer does not answer.
    """
    wanted = consumer.subscription.aggregates
    async with database.transaction() as session:
        known = {row.aggregate_type for row in await session.execute(_KNOWN)}
    fresh = sorted(wanted - known)
    for aggregate in fresh:
        await _catch_up_one(database, consumer, feeds, aggregate)
    return fresh


async def _catch_up_one(
    database: Database, consumer: Consumer, feeds: FeedClient, aggregate: str
) -> None:
    async with database.transaction() as session:
        begun = (await session.execute(_BEGIN, {"aggregate": aggregate})).one()
    service, _, kind = aggregate.partition(".")
    applied = 0
    start = FeedCursor(begun.cursor_xid, begun.cursor_seq)
    async for bodies, cursor in feeds.pages(service, [aggregate] if kind else None, start):
        received = [Received(body, decode(body)) for body in bodies]
        for first in range(0, len(received), LARGEST_BATCH):
            await consumer.apply_history(received[first : first + LARGEST_BATCH])
        applied += len(received)
        async with database.transaction() as session:
            await session.execute(
                _MOVE, {"aggregate": aggregate, "xid": cursor.xid, "seq": cursor.seq}
            )
    await consumer.go_on_from_oldest(aggregate)
    async with database.transaction() as session:
        await session.execute(_DONE, {"aggregate": aggregate})
    if applied:
        log.info("caught up from the feed", aggregate=aggregate, events=applied)
