"""Handing over what somebody owned who left: batch by batch, however much it is.

A service that keeps things with an owner hears `EmployeeLeft: keep_handover`, and its worker works
the handovers off with the job `HandoverRunner([...])`, which is given a use case for each kind of thing,
and has a timer for `look_again`. Its migrations execute `V1`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common import context
from common.clock import utc_now
from common.db import Database
from common.errors import Invalid
from common.events import Consumed, Id
from common.ids import stable_hash

log = structlog.get_logger(__name__)

BATCH = 200
"""How many things change owners in one transaction."""
LOOK_AGAIN_EVERY_S = 6 * 3600

V1 = [
    """
    CREATE TABLE handovers (
        from_id uuid PRIMARY KEY,
        to_id uuid NOT NULL,
        to_department_id uuid,
        actor_id text,
        correlation_id text,
        causation_id text,
        traceparent text,
        moved integer NOT NULL DEFAULT 0,
        heard_at timestamptz NOT NULL DEFAULT now(),
        looked_at timestamptz,
        done_at timestamptz
    )
    """,
    "CREATE INDEX handovers_open ON handovers (heard_at, from_id) WHERE done_at IS NULL",
]
"""Statements of the first version, in order. A row stays when it is done: who came after whom.

`looked_at` is when it was done last, kept while it is looked at again.
"""


class OwnerHasLeft(Invalid):
    """Nothing new comes to somebody who has left: name another owner."""

    code = "owner_has_left"


class EmployeeLeft(Consumed):
    """Who left, and who takes over, if anybody; the other changes of employees are passed over."""

    type = "channel.employee.changed.v1"

    employee_id: Id
    state: str
    successor_id: Id | None = None
    successor_department_id: Id | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """What `from_id` owns goes to `to_id` and to their department, where it is known."""

    from_id: UUID
    to_id: UUID
    to_department_id: UUID | None
    now: datetime


HandOver = Callable[[AsyncSession, Handover, int], Awaitable[int]]
"""Gives at most so many things to the successor, and says how many there were.

Whatever it gave no longer belongs to who left, so that it does not find it again.
"""


async def keep_handover(session: AsyncSession, event: EmployeeLeft) -> None:
    """Write down that there is something to hand over; saying it again changes nothing."""
    if event.state != "left" or event.successor_id is None:
        return
    here = context.current()
    await session.execute(
        text("""
            INSERT INTO handovers (from_id, to_id, to_department_id,
                actor_id, correlation_id, causation_id, traceparent)
            VALUES (:from_id, :to_id, :to_department_id,
                :actor_id, :correlation_id, :causation_id, :traceparent)
            ON CONFLICT (from_id) DO NOTHING
        """),
        {
            "from_id": event.employee_id,
            "to_id": event.successor_id,
            "to_department_id": event.successor_department_id,
            "actor_id": here.actor_id,
            "correlation_id": here.correlation_id,
            "causation_id": here.causation_id,
            "traceparent": here.traceparent,
        },
    )


async def refuse_who_left(session: AsyncSession, employee_id: UUID, *, pointer: str) -> None:
    """Raise OwnerHasLeft when the employee is known to have left; `pointer` is where a request names
    them. Who is not known here is not refused: the word of them may be on its way."""
    found = await session.execute(
        text("SELECT 1 FROM access_employees WHERE id = :id AND state = 'left'"),
        {"id": employee_id},
    )
    if found.first() is not None:
        raise OwnerHasLeft(f"the employee {employee_id} has left", pointer=pointer)


async def look_again(session: AsyncSession) -> None:
    """Open every handover again, for what came to somebody after everything was handed over.

    A thing may take its owner from another service's copy that is a moment behind, or an import may
    name somebody who left long ago.
    """
    await session.execute(text("UPDATE handovers SET done_at = NULL WHERE done_at IS NOT NULL"))


_LOCK = stable_hash(b"fairway handovers") - 2**63
# One at a time: what is just being given to somebody who has left as well must be there when their
# own handover looks for it.
_TURN = text("""
    SELECT pg_try_advisory_xact_lock(:lock)
    WHERE EXISTS (SELECT FROM handovers WHERE done_at IS NULL)
""")
_TAKE = text("""
    SELECT * FROM handovers WHERE done_at IS NULL ORDER BY heard_at, from_id LIMIT 1 FOR UPDATE
""")
# The successor may have left meanwhile; then it is the successor's successor, and so on.
_SUCCESSOR = text("""
    WITH RECURSIVE chain AS (
        SELECT to_id, to_department_id, 1 AS step FROM handovers WHERE from_id = :from_id
        UNION
        SELECT next.to_id, next.to_department_id, chain.step + 1
        FROM handovers next JOIN chain ON next.from_id = chain.to_id
    )
    SELECT to_id, to_department_id FROM chain ORDER BY step DESC LIMIT 1
""")
_ADVANCE = text("""
    UPDATE handovers SET moved = moved + :moved,
        done_at = CASE WHEN :done THEN now() END,
        looked_at = CASE WHEN :done THEN now() ELSE looked_at END
    WHERE from_id = :from_id
""")


@dataclass(frozen=True)
class HandoverRunner:
    """The job of a worker that hands over; each step is one kind of thing.

    A batch is one transaction with its events and its count. A worker that is killed leaves the
    handover where its last batch ended.
    """

    steps: Sequence[HandOver]
    batch: int = BATCH

    async def __call__(self, database: Database) -> bool:
        """Hand over one batch of the oldest open handover; False when there is none."""
        async with database.transaction() as session:
            if not (await session.execute(_TURN, {"lock": _LOCK})).scalar():
                return False
            job = (await session.execute(_TAKE)).mappings().first()
            if job is None:
                return False
            moved = await self._hand_over(session, job)
            done = moved < self.batch
            await session.execute(
                _ADVANCE, {"from_id": job["from_id"], "moved": moved, "done": done}
            )
        if done and (moved or job["looked_at"] is None):
            log.info("handed over", from_id=str(job["from_id"]), moved=job["moved"] + moved)
        return True

    async def _hand_over(self, session: AsyncSession, job: Any) -> int:
        successor = (await session.execute(_SUCCESSOR, {"from_id": job["from_id"]})).one()
        handover = Handover(
            job["from_id"], successor.to_id, successor.to_department_id, now=utc_now()
        )
        because = context.Context(
            actor_id=job["actor_id"],
            correlation_id=job["correlation_id"],
            causation_id=job["causation_id"],
            traceparent=job["traceparent"],
        )
        moved = 0
        with context.working_in(because):
            for step in self.steps:
                if moved < self.batch:
                    moved += await step(session, handover, self.batch - moved)
        return moved
