"""The checker: what was acknowledged, what the producer holds, what the consumer made of it."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from .load import Ledger

_TABLE = {
    "customer": "id, number, name, kind, industry, city, parent_id, status, owner_id,"
    " department_id, partner_id, region_id, external_source, external_id,"
    " deleted_at IS NOT NULL AS deleted",
    "reporting": "id, number, name, kind, industry, city, parent_id, status, owner_id,"
    " department_id, partner_id, region_id, external_source, external_id, deleted",
}


@dataclass
class Findings:
    """Each list is empty when its invariant holds."""

    writes: int
    events: int
    not_atomic: list[str] = field(default_factory=list)
    """A: state without its events, events without their state, a write with two effects."""
    lost: list[str] = field(default_factory=list)
    """L: said and never applied."""
    twice: list[str] = field(default_factory=list)
    """E: applied more than once, or never said."""
    disordered: list[str] = field(default_factory=list)
    """O: not applied in the order 1..n of its aggregate."""
    differing: list[str] = field(default_factory=list)
    """R: rows in which the report's table is not the truth."""

    @property
    def counts(self) -> dict[str, int]:
        """For the verdict line."""
        return {
            "writes": self.writes,
            "events": self.events,
            "not_atomic": len(self.not_atomic),
            "lost": len(self.lost),
            "twice": len(self.twice),
            "disordered": len(self.disordered),
            "differing": len(self.differing),
        }

    def assert_sound(self) -> None:
        """Raises AssertionError with the first few of what is wrong."""
        wrong = {
            name: found[:5]
            for name in ("not_atomic", "lost", "twice", "disordered", "differing")
            if (found := getattr(self, name))
        }
        assert not wrong, wrong
        assert self.events > 0, "nothing was tried"


@dataclass
class Databases:
    """Where the two sides keep what they know."""

    customer: str
    reporting: str

    async def levels(self) -> dict[str, int]:
        """How much waits where. Raises what a database that is away raises."""
        (producer,) = await fetch(
            self.customer,
            "SELECT (SELECT count(*) FROM event_log) AS said,"
            " (SELECT count(*) FROM outbox_pending) AS unsent",
        )
        (consumer,) = await fetch(
            self.reporting,
            "SELECT (SELECT count(*) FROM events) AS applied,"
            " (SELECT count(*) FROM inbox_event) AS parked",
        )
        return {**producer, **consumer}

    async def drained(self, *, within_s: float, check: Callable[[], None] = lambda: None) -> float:
        """Wait until everything said is applied; how many seconds it took.

        `check` raises when there is no use in waiting. Raises AssertionError after `within_s`.
        """
        began = time.monotonic()
        levels: Mapping[str, int] = {}
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                levels = await self.levels()
                if (
                    levels["unsent"] == levels["parked"] == 0
                    and levels["applied"] >= levels["said"]
                ):
                    return round(time.monotonic() - began, 1)
            check()
            took_s = time.monotonic() - began
            assert took_s < within_s, f"not drained after {took_s:.0f} s: {dict(levels)}"
            await asyncio.sleep(0.1)

    async def examine(self, ledger: Ledger) -> Findings:
        """Compare all three, after everything came to rest."""
        customers = {
            row["id"]: row["version"]
            for row in await fetch(self.customer, "SELECT id, version FROM customers")
        }
        log = await fetch(
            self.customer,
            "SELECT aggregate_type, aggregate_id, aggregate_version, event_id"
            " FROM event_log ORDER BY seq",
        )
        said = [(row["aggregate_id"], row["aggregate_version"], row["event_id"]) for row in log]
        # The worker says things of its own, as of data that lacks something.
        of_others = {
            row["aggregate_id"] for row in log if row["aggregate_type"] != "customer.customer"
        }
        applied = [
            (row["aggregate_id"], row["version"], row["event_id"])
            for row in await fetch(
                self.reporting, "SELECT aggregate_id, version, event_id FROM events ORDER BY seq"
            )
        ]
        found = Findings(writes=ledger.writes, events=len(said))
        _check_atomicity(
            found, ledger, customers, [each for each in said if each[0] not in of_others]
        )
        _check_effects(found, said, applied)
        truth = await _table(self.customer, _TABLE["customer"])
        report = await _table(self.reporting, _TABLE["reporting"])
        found.differing += [
            f"customer {key}: {truth.get(key)} is reported as {report.get(key)}"
            for key in truth.keys() | report.keys()
            if truth.get(key) != report.get(key)
        ]
        found.not_atomic += ledger.wrong
        return found


def _check_atomicity(
    found: Findings,
    ledger: Ledger,
    customers: Mapping[UUID, int],
    said: list[tuple[UUID, int, UUID]],
) -> None:
    history = defaultdict(list)
    for aggregate_id, version, _ in said:
        history[aggregate_id].append(version)
    for key in customers.keys() | history.keys() | ledger.versions.keys():
        stands_at, written = customers.get(key), ledger.versions.get(key)
        if history[key] != list(range(1, (stands_at or 0) + 1)):
            found.not_atomic.append(f"customer {key} at {stands_at} told {history[key]}")
        if stands_at != written:
            found.not_atomic.append(f"customer {key} at {stands_at} was written {written} times")


def _check_effects(
    found: Findings, said: list[tuple[UUID, int, UUID]], applied: list[tuple[UUID, int, UUID]]
) -> None:
    found.lost += [str(event) for event in set(said) - set(applied)]
    found.twice += [f"never said: {event}" for event in set(applied) - set(said)]
    seen: set[tuple[UUID, int]] = set()
    order = defaultdict(list)
    for aggregate_id, version, event_id in applied:
        if (aggregate_id, version) in seen:
            found.twice.append(f"{aggregate_id} version {version} (event {event_id})")
        seen.add((aggregate_id, version))
        order[aggregate_id].append(version)
    found.disordered += [
        f"{aggregate_id}: {versions}"
        for aggregate_id, versions in order.items()
        if versions != list(range(1, len(versions) + 1))
    ]


async def eventually(
    condition: Callable[[], Awaitable[Any]],
    *,
    what: str,
    within_s: float = 60,
    check: Callable[[], None] = lambda: None,
) -> Any:
    """The condition's value once it is true; raises AssertionError after `within_s`.

    A database or a server that is away for the moment counts as false.
    """
    deadline = time.monotonic() + within_s
    while True:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if value := await condition():
                return value
        check()
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        await asyncio.sleep(0.02)


async def fetch(url: str, query: str, *values: object) -> list[asyncpg.Record]:
    """The rows of a query, over a connection of its own."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        found: list[asyncpg.Record] = await connection.fetch(query, *values)
    finally:
        await connection.close()
    return found


async def count(url: str, query: str, *values: object) -> int:
    """The number that a query answers."""
    return int((await fetch(url, query, *values))[0][0])


async def _table(url: str, columns: str) -> dict[UUID, tuple[Any, ...]]:
    rows = await fetch(url, f"SELECT {columns} FROM customers")
    return {row["id"]: tuple(row) for row in rows}
