"""Making every projection anew from the event history."""

from itertools import groupby

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from common import merges
from common.messaging.consumers import Consumers, ConsumersTable
from reporting.db import SERVICE
from reporting.event_log.model import KeptEvent
from reporting.event_log.use_cases import envelope_of
from reporting.projections.model import PROJECTIONS
from reporting.projections.use_cases import REBUILD_LOCK

AT_ONCE = 1000
"""Events applied together."""

MERGES = frozenset({merges.CustomersMerged.type, merges.CustomersUnmerged.type})
"""Applied by themselves: what was said before and after one may name different customers."""


async def rebuild_projections(session: AsyncSession, projected: ConsumersTable) -> int:
    """Empty the projections and apply every kept event again; returns how many there were.

    All in the session's transaction: readers see the old figures until it commits, and events that
    come in meanwhile wait. `projected` says which handler applies which event.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": REBUILD_LOCK})
    for table in PROJECTIONS:
        # TRUNCATE would be faster, and would make every reader wait until the end.
        await session.execute(delete(table))
    await merges.forget(session)
    consumers = Consumers(SERVICE, projected)
    applied, last_seq = 0, 0
    while True:
        page = select(*KeptEvent.__table__.columns).where(KeptEvent.seq > last_seq)
        rows = (await session.execute(page.order_by(KeptEvent.seq).limit(AT_ONCE))).all()
        if not rows:
            return applied
        for _, events in groupby(rows, lambda row: row.type in MERGES):
            await consumers.apply(session, [envelope_of(row) for row in events])
        applied, last_seq = applied + len(rows), rows[-1].seq
