"""From the bus to the inbox: lanes that apply what comes in batches, and what happens on failure.

An event is acknowledged when its effect, or its place in the parking lot, is committed. Nothing is
ever retried by giving it back to the broker: that would count as a delivery, lose the order, and
during an outage of the database send good events to the dead letters.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import structlog
from pydantic import ValidationError
from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from common.db import Database
from common.errors import NotFound, Refusal
from common.ids import stable_hash
from common.messaging import metrics
from common.messaging.consumers import Unsupported
from common.messaging.envelope import Undecodable, decode
from common.messaging.inbox import (
    TRIES_IN_PLACE,
    AggregateKey,
    Inbox,
    Received,
    VersionConflict,
)
from common.messaging.transport import Delivery, Transport

log = structlog.get_logger(__name__)

LANES = 2
LARGEST_BATCH = 250
LINGER_S = 0.004
LINGERS_FROM = 8
MOST_ATTEMPTS = 12
MOST_CONFLICTS = 20
QUICK_RETRY_S = 0.05
SWEEP_EVERY_S = 0.5
MOST_RETRIES_A_SWEEP = 100
CRASH_WAIT_S = 30.0
SUSPECT_FROM = 3
"""So many times delivered without an end, an event may be what ended the process."""
SUSPECT_LINGER_S, LONGEST_SUSPECT_LINGER_S = 0.2, 2.0

# An attempt is counted before it is made, because the event may kill the process; and one event at
# a time, because then only it is counted. After such an end it waits, and the others go on.
_CLAIM_DUE = text("""
    UPDATE inbox_event SET attempts = attempts + 1,
        next_attempt_at = clock_timestamp() + make_interval(secs => CAST(:crash_wait_s AS float8))
    WHERE (aggregate_type, aggregate_id, aggregate_version) = (
        SELECT aggregate_type, aggregate_id, aggregate_version FROM inbox_event
        WHERE state = 'retry' AND next_attempt_at <= clock_timestamp()
        ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING body, attempts
""")
_TURN_HAS_COME = text("""
    SELECT i.event_id FROM inbox_event i
    JOIN consumer_aggregate c ON c.aggregate_type = i.aggregate_type
     AND c.aggregate_id = i.aggregate_id AND i.aggregate_version = c.last_version + 1
    WHERE i.state = 'gap' AND coalesce(i.next_attempt_at, '-infinity') <= clock_timestamp()
    LIMIT 100
""")
_CLAIM_ITS_TURN = text("""
    UPDATE inbox_event SET attempts = attempts + 1,
        next_attempt_at = clock_timestamp() + make_interval(secs => CAST(:crash_wait_s AS float8))
    WHERE event_id = :event_id AND state = 'gap' RETURNING body, attempts
""")
_OVERTAKEN = text("""
    DELETE FROM inbox_event i USING consumer_aggregate c
    WHERE c.aggregate_type = i.aggregate_type AND c.aggregate_id = i.aggregate_id
      AND i.aggregate_version <= c.last_version AND i.state IN ('gap', 'retry')
""")
_LEVELS = text("""
    SELECT state, count(*) AS events,
        extract(epoch FROM clock_timestamp() - min(received_at))::float8 AS oldest_s
    FROM inbox_event GROUP BY state
""")
_RETRY_UNSUPPORTED = text("""
    UPDATE inbox_event SET state = 'retry', next_attempt_at = clock_timestamp()
    WHERE state = 'unsupported'
""")
_CONCURRENCY_FAULTS = ("40001", "40P01", "55P03")
# Stopping or starting, disk full, too many connections, connection lost, not let in.
_OUTAGE_FAULTS = ("57P", "53100", "53300", "08", "28", "3D")


def is_outage(error: BaseException) -> bool:
    """Whether the database is away: no event is to blame, so none is counted as failed."""
    if isinstance(error, (PoolTimeout, OSError, asyncio.TimeoutError)):
        return True
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state.startswith(_OUTAGE_FAULTS)
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_OUTAGE_FAULTS)
    return isinstance(error, (asyncpg.InterfaceError, InterfaceError))


def _is_conflict(error: BaseException) -> bool:
    return (
        isinstance(error, DBAPIError)
        and getattr(error.orig, "sqlstate", None) in _CONCURRENCY_FAULTS
    )


class DiedOverIt(Exception):
    """Every attempt to apply the event was cut short by the end of the process."""


@dataclass(slots=True)
class _Waiting:
    received: Received
    delivery: Delivery


class Consumer:
    """Applies what the transport delivers; several lanes, each aggregate always in the same one."""

    def __init__(self, database: Database, inbox: Inbox, transport: Transport) -> None:
        self._database = database
        self._inbox = inbox
        self._transport = transport
        self._service = inbox.consumers.service
        self.subscription = inbox.consumers.subscription
        self._lanes: list[asyncio.Queue[_Waiting]] = [
            asyncio.Queue(maxsize=2 * LARGEST_BATCH) for _ in range(LANES)
        ]
        self._suspects: list[_Waiting] = []
        self._gathering = 0
        self._one_suspect_at_a_time = asyncio.Lock()
        self._delivered = 0
        self._stopping = False
        self._busy = 0

    async def run(self) -> None:
        """Consume until cancelled; what was taken but not committed is delivered again."""
        await self._through_outages(self._prepare)
        # What an earlier run left unfinished comes back from the broker.
        self._suspects.clear()
        self._gathering = 0
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes:
                tasks.create_task(self._work(lane))
            tasks.create_task(self._sweep())
            tasks.create_task(self._transport.consume(self._deliver))

    async def drain(self, timeout_s: float) -> None:
        """Take nothing new and finish the transactions under way; the rest is delivered again."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._busy:
                    await asyncio.sleep(0.01)

    async def _prepare(self) -> None:
        async with self._database.transaction() as session:
            await session.execute(_RETRY_UNSUPPORTED)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            envelope = decode(delivery.body, delivery.content_type)
        except Undecodable as reason:
            metrics.DEAD_LETTERED.labels(
                self._service, f"{self._service}.inbox", "undecodable"
            ).inc()
            log.error("message rejected", reason=str(reason), bytes=len(delivery.body))
            await delivery.reject()
            return
        self._delivered += 1
        lane = stable_hash(envelope.subject.bytes) // 16 % LANES
        await self._lanes[lane].put(_Waiting(Received(delivery.body, envelope), delivery))

    async def _work(self, lane: asyncio.Queue[_Waiting]) -> None:
        busy = False
        while True:
            waiting = [await lane.get()]
            if self._stopping:
                return
            gathers = _is_suspect(waiting[0])
            self._gathering += gathers
            if gathers:
                await self._until_all_are_back()
            elif busy:
                # More is coming: a short wait makes a larger batch, and so less work an event.
                await asyncio.sleep(LINGER_S)
            while len(waiting) < LARGEST_BATCH and not lane.empty():
                waiting.append(lane.get_nowait())
            busy = LINGERS_FROM <= len(waiting) < LARGEST_BATCH
            self._busy += 1
            try:
                await self._apply_and_acknowledge(
                    [item for item in waiting if not _is_suspect(item)]
                )
                self._suspects += filter(_is_suspect, waiting)
                self._gathering -= gathers
                await self._try_suspects()
            finally:
                self._busy -= 1

    async def _apply_and_acknowledge(self, waiting: Sequence[_Waiting]) -> None:
        if waiting:
            await self._apply_all([item.received for item in waiting])
        for item in waiting:
            await item.delivery.ack()

    async def _try_suspects(self) -> None:
        """Apply each event alone that may have killed the process, those of all lanes in one turn.

        With the guilty one died whatever was delivered at the same time, as often, and would end in
        the dead letters as well. One by one the good ones get through; in any order, so that it is
        not always the same ones that stand behind the guilty one.
        """
        if not self._suspects:
            return
        async with self._one_suspect_at_a_time:
            while self._gathering:
                await asyncio.sleep(LINGER_S)
            while self._suspects and not self._stopping:
                chosen = random.randrange(len(self._suspects))  # noqa: S311 - no secret
                await self._apply_and_acknowledge([self._suspects.pop(chosen)])

    async def _until_all_are_back(self) -> None:
        """Wait while events still come back: all must be here before one of them is chosen.

        On a busy machine they trickle in; who chose among the first would always choose the same.
        """
        deadline = time.monotonic() + LONGEST_SUSPECT_LINGER_S
        seen = -1
        while self._delivered != seen and time.monotonic() < deadline:
            seen = self._delivered
            await asyncio.sleep(SUSPECT_LINGER_S)

    async def apply_history(self, received: Sequence[Received]) -> None:
        """Apply what came from a producer's feed, as if the bus had brought it."""
        await self._apply_all(received)

    async def go_on_from_oldest(self, aggregate: str) -> None:
        """The feed has no more: where it lacks the first versions, its oldest is the base."""
        unblocked = await self._inbox.take_oldest_as_base(aggregate)
        for first in range(0, len(unblocked), LARGEST_BATCH):
            keys = unblocked[first : first + LARGEST_BATCH]
            held = [item for key in keys for item in await self._inbox.stored_run(key)]
            await self._apply_all(held, stored=True)

    async def _apply_all(self, received: Sequence[Received], *, stored: bool = False) -> None:
        """Apply together, then what was only waiting for these; return when all is committed."""
        while received:
            unblocked = await self._apply_batch(received, stored=stored)
            received = [item for key in unblocked for item in await self._inbox.stored_run(key)]
            stored = True

    async def _apply_batch(
        self, received: Sequence[Received], *, stored: bool
    ) -> list[AggregateKey]:
        """Apply together; when that fails, one by one, so that only the guilty event is parked."""
        if len(received) == 1:
            return await self._apply_one(received[0], stored=stored)
        try:
            return await self._inbox.apply(received, retrying=stored)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            if not is_outage(error):
                log.info("batch failed, going one by one", reason=_say(error), size=len(received))
        unblocked: dict[AggregateKey, None] = {}
        for item in received:
            unblocked.update(dict.fromkeys(await self._apply_one(item, stored=stored)))
        return list(unblocked)

    async def _apply_one(
        self, item: Received, *, stored: bool = False, earlier_attempts: int = 0
    ) -> list[AggregateKey]:
        """Apply or park; returns when one of them is committed."""
        failures = 0
        while True:
            try:
                return await self._inbox.apply([item], retrying=stored)
            except Exception as error:  # noqa: BLE001 - a handler may raise anything
                if is_outage(error):
                    await self._outlast_outage(error)
                    continue
                failures += 1
                if _is_conflict(error) and failures < MOST_CONFLICTS:
                    await asyncio.sleep(random.random() * QUICK_RETRY_S)  # noqa: S311 - jitter
                    continue
                state = _verdict(error)
                if state == "retry" and failures < TRIES_IN_PLACE and not earlier_attempts:
                    self._count_retry(error)
                    await asyncio.sleep(QUICK_RETRY_S * failures)
                    continue
                attempts = earlier_attempts + failures
                if state == "retry" and attempts >= MOST_ATTEMPTS:
                    state = "dead"
                await self._park(item, error, state, attempts)
                return []

    async def _park(self, item: Received, error: Exception, state: str, attempts: int) -> None:
        async def park() -> None:
            await self._inbox.park(item, error, state=state, attempts=attempts)

        await self._through_outages(park)
        if state == "retry":
            self._count_retry(error)
        else:
            metrics.DEAD_LETTERED.labels(self._service, f"{self._service}.inbox", state).inc()
        log.error(
            "event parked",
            state=state,
            attempts=attempts,
            event_type=item.envelope.type,
            event_id=str(item.envelope.id),
            reason=_say(error),
        )

    def _count_retry(self, error: Exception) -> None:
        metrics.RETRIES.labels(self._service, f"{self._service}.inbox", type(error).__name__).inc()

    async def _sweep(self) -> None:
        """Retry what is due, pick up what a crash left undone, and count what waits."""
        while True:
            with contextlib.suppress(SQLAlchemyError, OSError, asyncpg.PostgresError):
                await self.sweep_once()
            await asyncio.sleep(SWEEP_EVERY_S * (0.8 + 0.4 * random.random()))  # noqa: S311

    async def sweep_once(self) -> None:
        """One round of the retry schedule; where nothing waits it costs one statement."""
        async with self._database.reading() as session:
            levels = {row.state: row for row in await session.execute(_LEVELS)}
        for state in ("gap", "retry", "dead", "unsupported"):
            count = levels[state].events if state in levels else 0
            metrics.INBOX_WAITING.labels(self._service, state).set(count)
        oldest_gap_s = levels["gap"].oldest_s if "gap" in levels else 0.0
        metrics.INBOX_GAP_AGE.labels(self._service).set(oldest_gap_s)
        if "retry" in levels:
            await self._retry_what_is_due()
        if "gap" in levels or "retry" in levels:
            await self._pick_up_what_a_crash_left()

    async def _retry_what_is_due(self) -> None:
        for _ in range(MOST_RETRIES_A_SWEEP):
            if not await self._try_stored(_CLAIM_DUE):
                return

    async def _pick_up_what_a_crash_left(self) -> None:
        async with self._database.transaction() as session:
            await session.execute(_OVERTAKEN)
            ready = (await session.execute(_TURN_HAS_COME)).scalars().all()
        for event_id in ready:
            await self._try_stored(_CLAIM_ITS_TURN, event_id=event_id)

    async def _try_stored(self, claim: TextClause, **which: object) -> bool:
        """Try the event that `claim` finds, and what waits for it; whether there was one."""
        async with self._database.transaction() as session:
            claimed = await session.execute(claim, {"crash_wait_s": CRASH_WAIT_S, **which})
            found = claimed.one_or_none()
        if found is None:
            return False
        item = Received(found.body, decode(found.body))
        if found.attempts > MOST_ATTEMPTS:
            died = DiedOverIt(f"the process ended during {MOST_ATTEMPTS} attempts")
            await self._park(item, died, "dead", MOST_ATTEMPTS)
            return True
        unblocked = await self._apply_one(item, stored=True, earlier_attempts=found.attempts - 1)
        for key in unblocked:
            await self._apply_all(await self._inbox.stored_run(key), stored=True)
        return True

    async def _through_outages(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await act()
                return
            except Exception as error:
                # Outages come as many classes, from driver and pool alike; all others go on.
                if not is_outage(error):
                    raise
                await self._outlast_outage(error)

    async def _outlast_outage(self, error: BaseException) -> None:
        log.warning("consumer waits for the database", reason=_say(error))
        await asyncio.sleep(0.5 + random.random())  # noqa: S311 - jitter


def _is_suspect(item: _Waiting) -> bool:
    return item.delivery.returns >= SUSPECT_FROM


def _verdict(error: Exception) -> str:
    if isinstance(error, Unsupported):
        return "unsupported"
    # What is missing may be on its way: nothing orders the events of different aggregates.
    if isinstance(error, (Refusal, ValidationError, VersionConflict)):
        return "retry" if isinstance(error, NotFound) else "dead"
    return "retry"


def _say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:300]
