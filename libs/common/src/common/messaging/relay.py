"""From the outbox to the bus: every committed event, in order within its aggregate.

Events of one aggregate are serialised by the aggregate's row version: whoever sees version n + 1
sees version n. So a set of pending rows is enough; no global order, no watermark.
"""

import asyncio
import contextlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from uuid import UUID

import asyncpg
import structlog

from common.crash_points import crash_point
from common.messaging import metrics
from common.messaging.outbox import PARTS
from common.messaging.transport import BusDown, Outgoing, Refused, Transport

log = structlog.get_logger(__name__)

BATCH = 800
FASTEST_POLL_S, SLOWEST_POLL_S = 0.02, 0.5
REBALANCE_EVERY_S = 2.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 60.0

# The last one is what asyncpg says when the session ends between two steps of its own.
_DATABASE_AWAY = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

# Advisory lock classes in this service's own database.
_OWNERSHIP, _PRESENCE = 0x46570001, 0x46570002

_READ = """
    SELECT p.seq, p.attempts, e.event_id, e.type, e.aggregate_id, e.body
    FROM outbox_pending p
    JOIN event_log e ON e.xid = p.xid AND e.seq = p.seq AND e.recorded_at = p.recorded_at
    WHERE p.part = ANY($1::smallint[])
      AND NOT EXISTS (
        SELECT FROM outbox_pending b
        WHERE b.next_attempt_at > clock_timestamp()
          AND b.aggregate_id = p.aggregate_id AND b.seq <= p.seq)
    ORDER BY p.seq
    LIMIT $2
"""
_BLOCK = """
    UPDATE outbox_pending SET attempts = attempts + 1, last_error = r.reason,
        next_attempt_at = clock_timestamp() + make_interval(secs => r.wait_s)
    FROM unnest($1::bigint[], $2::text[], $3::float8[]) AS r (seq, reason, wait_s)
    WHERE outbox_pending.seq = r.seq
"""
_LEVELS = """
    SELECT count(*) AS pending, count(*) FILTER (WHERE next_attempt_at IS NOT NULL) AS blocked,
        coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8 AS oldest
    FROM outbox_pending
"""


@dataclass(slots=True)
class Pending:
    """A row of the outbox and the event it stands for."""

    seq: int
    attempts: int
    event: Outgoing


def waves(pending: Iterable[Pending]) -> list[list[Pending]]:
    """Wave k holds the k-th event of each aggregate, so that a wave can be sent pipelined.

    After a refusal of version 1 a broker may still take version 2; one at a time keeps the order.
    """
    depth: dict[UUID, int] = {}
    found: list[list[Pending]] = []
    for row in pending:
        wave = depth.get(row.event.aggregate_id, 0)
        depth[row.event.aggregate_id] = wave + 1
        if wave == len(found):
            found.append([])
        found[wave].append(row)
    return found


class Relay:
    """One relay of a service; any number run at once and share the partitions among them.

    A partition is owned through an advisory lock of a session of its own, so a dead relay frees
    its partitions with its connection. A relay that lost its session without noticing can only
    repeat what it already read, in order, which the receivers remove.
    """

    def __init__(self, service: str, dsn: str, transport: Transport) -> None:
        self._service = service
        self._dsn = dsn
        self._transport = transport
        self._wake = asyncio.Event()
        self._owned: set[int] = set()
        self._stopping = False
        self._sending = False
        self._bus_failures = 0
        """One after the other, since the bus last took something."""

    def nudge(self) -> None:
        """Something was committed in this process: look at once."""
        self._wake.set()

    async def drain(self, timeout_s: float) -> None:
        """Send nothing new and finish the wave under way."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._sending:
                    await asyncio.sleep(0.01)

    async def run(self) -> None:
        """Relay until cancelled or drained; database and bus may come and go."""
        wait_s = 0.5
        while not self._stopping:
            try:
                connection = await asyncpg.connect(
                    self._dsn,
                    timeout=5,
                    command_timeout=30,
                    server_settings={"application_name": f"fairway-{self._service}-relay"},
                )
            except _DATABASE_AWAY as error:
                log.warning("relay waits for the database", reason=str(error), wait_s=wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, 5)
                continue
            wait_s = 0.5
            try:
                await self._relay(connection)
            except _DATABASE_AWAY as error:
                log.warning("relay lost the database", reason=str(error))
                await asyncio.sleep(wait_s)
            finally:
                self._owned.clear()
                metrics.RELAY_PARTITIONS.labels(self._service).set(0)
                connection.terminate()

    async def _relay(self, connection: asyncpg.Connection) -> None:
        loop = asyncio.get_running_loop()
        rebalance_at = 0.0
        poll_s = FASTEST_POLL_S
        while not self._stopping:
            if loop.time() >= rebalance_at:
                await self._rebalance(connection)
                await self._measure(connection)
                rebalance_at = loop.time() + REBALANCE_EVERY_S
            self._wake.clear()
            pending = await self._read(connection)
            if not pending:
                await self._sleep(poll_s)
                poll_s = min(poll_s * 1.3, SLOWEST_POLL_S)
                continue
            poll_s = FASTEST_POLL_S
            self._sending = True
            try:
                await self._send(connection, pending)
                self._bus_failures = 0
                metrics.RELAY_CIRCUIT.labels(self._service).set(0)
            except BusDown as error:
                self._bus_failures += 1
                wait_s = min(FIRST_BACKOFF_S * 2 ** (self._bus_failures - 1), 15.0) / 2
                wait_s *= 1 + random.random()  # noqa: S311 - jitter
                if self._bus_failures > 1:
                    metrics.RELAY_CIRCUIT.labels(self._service).set(1)
                log.warning("bus does not answer", reason=str(error), wait_s=round(wait_s, 1))
                # Nothing is under way now that a drain would have to wait for.
                self._sending = False
                await asyncio.sleep(wait_s)
            finally:
                self._sending = False

    async def _sleep(self, poll_s: float) -> None:
        try:
            async with asyncio.timeout(poll_s * (0.8 + 0.4 * random.random())):  # noqa: S311
                await self._wake.wait()
        except TimeoutError:
            return

    async def _rebalance(self, connection: asyncpg.Connection) -> None:
        """Hold a fair share of the partitions: all, divided by the relays alive, rounded up."""
        if not await self._is_present(connection):
            for slot in range(PARTS):
                if await connection.fetchval(
                    "SELECT pg_try_advisory_lock($1, $2)", _PRESENCE, slot
                ):
                    break
            else:
                return  # Sixteen relays are at work already: stand by.
        relays = await connection.fetchval(
            """
            SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """,
            _PRESENCE,
        )
        share = ceil(PARTS / max(relays, 1))
        for part in sorted(self._owned)[share:]:
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", _OWNERSHIP, part)
            self._owned.discard(part)
        candidates = [part for part in range(PARTS) if part not in self._owned]
        random.shuffle(candidates)
        for part in candidates:
            if len(self._owned) >= share:
                break
            if await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", _OWNERSHIP, part):
                self._owned.add(part)
        metrics.RELAY_PARTITIONS.labels(self._service).set(len(self._owned))

    async def _is_present(self, connection: asyncpg.Connection) -> bool:
        present: bool = await connection.fetchval(
            """
            SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = $1
                AND pid = pg_backend_pid() AND granted)
            """,
            _PRESENCE,
        )
        return present

    async def _measure(self, connection: asyncpg.Connection) -> None:
        levels = await connection.fetchrow(_LEVELS)
        assert levels is not None
        metrics.OUTBOX_PENDING.labels(self._service).set(levels["pending"])
        metrics.OUTBOX_BLOCKED.labels(self._service).set(levels["blocked"])
        metrics.OUTBOX_OLDEST.labels(self._service).set(levels["oldest"])

    async def _read(self, connection: asyncpg.Connection) -> list[Pending]:
        if not self._owned:
            return []
        rows = await connection.fetch(_READ, sorted(self._owned), BATCH)
        return [
            Pending(
                row["seq"],
                row["attempts"],
                Outgoing(row["event_id"], row["type"], row["aggregate_id"], row["body"]),
            )
            for row in rows
        ]

    async def _send(self, connection: asyncpg.Connection, pending: Sequence[Pending]) -> None:
        blocked: set[UUID] = set()
        for wave in [list(pending)] if self._transport.keeps_order else waves(pending):
            # Without the session the partitions may be another relay's already.
            if connection.is_closed():
                raise asyncpg.InterfaceError("the session that owns the partitions is gone")
            if self._stopping:
                return
            sendable = [row for row in wave if row.event.aggregate_id not in blocked]
            if not sendable:
                continue
            outcomes = await self._transport.publish([row.event for row in sendable])
            crash_point("after_confirm")
            taken, refused = [], []
            for row, outcome in zip(sendable, outcomes, strict=True):
                if outcome is None:
                    taken.append(row)
                else:
                    blocked.add(row.event.aggregate_id)
                    refused.append((row, outcome))
            await self._settle(connection, taken, refused)

    async def _settle(
        self,
        connection: asyncpg.Connection,
        taken: Sequence[Pending],
        refused: Sequence[tuple[Pending, Refused]],
    ) -> None:
        if taken:
            self._bus_failures = 0
            await connection.execute(
                "DELETE FROM outbox_pending WHERE seq = ANY($1::bigint[])",
                [row.seq for row in taken],
            )
            for row in taken:
                metrics.OUTBOX_PUBLISHED.labels(self._service, row.event.type, "confirmed").inc()
        if refused:
            waits = [
                min(FIRST_BACKOFF_S * 2**row.attempts, LONGEST_BACKOFF_S)
                * (0.75 + random.random() / 2)  # noqa: S311 - jitter
                for row, _ in refused
            ]
            await connection.execute(
                _BLOCK,
                [row.seq for row, _ in refused],
                [outcome.reason for _, outcome in refused],
                waits,
            )
            for row, outcome in refused:
                metrics.OUTBOX_PUBLISHED.labels(self._service, row.event.type, "refused").inc()
                log.warning(
                    "event refused by the bus, its aggregate waits",
                    event_type=row.event.type,
                    event_id=str(row.event.event_id),
                    reason=outcome.reason,
                )
