"""Numbers that people quote, as C2026-000042: unique, never reused, gaps allowed.

A process draws a block from a PostgreSQL sequence and hands it out, so that a number costs no
round trip and concurrent creators never wait for each other.

How a number is written may be a matter of the installation: a `Pattern`, which a process remembers.
The statement that keeps the events of a transaction also says whether it is still the one in force,
so that at most one transaction of each process writes numbers by an old one. That harms nobody: what
stands behind the last hyphen is the serial number itself, so two numbers are never written alike,
whatever the patterns were.
"""

from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from weakref import WeakKeyDictionary

from sqlalchemy import text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from common.messaging.outbox import ask_with_commit

BLOCK = 20
"""Numbers drawn at once; what a process has not handed out when it ends is a gap."""

_drawn: WeakKeyDictionary[Engine, dict[str, deque[int]]] = WeakKeyDictionary()

PATTERNS = [
    """
    CREATE TABLE number_patterns (
        id uuid NOT NULL,
        series text NOT NULL,
        prefix text NOT NULL,
        date_part text NOT NULL,
        width integer NOT NULL,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT pk_number_patterns PRIMARY KEY (id),
        CONSTRAINT uq_number_patterns_series UNIQUE (series)
    )
    """
]
"""Statements that make the table of patterns which the installation has set, for a migration."""


class DatePart(StrEnum):
    """Which part of the day of creation a number has."""

    NONE = "none"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"


_WRITTEN = {
    DatePart.NONE: "",
    DatePart.YEAR: "%Y",
    DatePart.MONTH: "%Y%m",
    DatePart.DAY: "%Y%m%d",
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """How a serial number is written: prefix, date, a hyphen, and the number with zeros in front.

    A number that has outgrown `width` is written whole. The serial number never starts again, so
    that a number says how many there were before it, and not how many in its year.
    """

    prefix: str
    date_part: DatePart
    width: int

    def write(self, number: int, today: date) -> str:
        """The number as people quote it."""
        date_written = today.strftime(_WRITTEN[self.date_part])
        return f"{self.prefix}{date_written}-{number:0{self.width}d}"


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one kind of record; `default` is how they are written until a pattern is set."""

    name: str
    default: Pattern


_patterns: WeakKeyDictionary[Engine, dict[str, tuple[int | None, Pattern]]] = WeakKeyDictionary()


def create_series(name: str) -> str:
    """The statement that makes the series `name`, for a migration."""
    return f"CREATE SEQUENCE {name}_numbers INCREMENT BY {BLOCK}"


async def next_number(session: AsyncSession, series: str) -> int:
    """The next number of a series, from 1."""
    return (await next_numbers(session, series, 1))[0]


async def next_numbers(session: AsyncSession, series: str, count: int) -> list[int]:
    """So many numbers of a series, for a batch of new records."""
    engine = session.sync_session.get_bind().engine
    held = _drawn.setdefault(engine, defaultdict(deque))[series]
    # Others of this process may take from what is held while this one draws: so look again.
    while (missing := count - len(held)) > 0:
        blocks = await session.execute(
            text(f"SELECT nextval('{series}_numbers') FROM generate_series(1, :blocks)"),  # noqa: S608
            {"blocks": -(-missing // BLOCK)},
        )
        for (first,) in blocks.all():
            held.extend(range(first, first + BLOCK))
    return [held.popleft() for _ in range(count)]


async def next_written(
    session: AsyncSession, series: Series, count: int, *, today: date
) -> list[str]:
    """So many numbers of a series, written by the pattern in force; its service has `PATTERNS`."""
    pattern = await _pattern(session, series)
    numbers = await next_numbers(session, series.name, count)
    return [pattern.write(number, today) for number in numbers]


async def pattern_of(session: AsyncSession, series: Series) -> Pattern:
    """How the numbers of a series are written now."""
    return (await _read_pattern(session, series))[1]


async def _pattern(session: AsyncSession, series: Series) -> Pattern:
    held = _patterns.setdefault(session.sync_session.get_bind().engine, {})
    if series.name not in held:
        held[series.name] = await _read_pattern(session, series)
    version, pattern = held[series.name]

    def answered(_: Session, now: int | None) -> None:
        if now != version:
            held.pop(series.name, None)

    # A name of ours: a question is part of the statement.
    ask_with_commit(
        session,
        f"(SELECT version FROM number_patterns WHERE series = '{series.name}')",  # noqa: S608
        answered,
    )
    return pattern


async def _read_pattern(session: AsyncSession, series: Series) -> tuple[int | None, Pattern]:
    found = await session.execute(
        text("""
            SELECT version, prefix, date_part, width FROM number_patterns WHERE series = :series
        """),
        {"series": series.name},
    )
    row = found.one_or_none()
    if row is None:
        return None, series.default
    return row.version, Pattern(row.prefix, DatePart(row.date_part), row.width)
