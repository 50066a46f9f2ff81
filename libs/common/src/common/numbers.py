"""Numbers that people quote, as C2026-000042: unique, never reused, gaps allowed.

A process draws a block from a PostgreSQL sequence and hands it out, so that a number costs no
round trip and concurrent creators never wait for each other.
"""

from collections import defaultdict, deque
from weakref import WeakKeyDictionary

from sqlalchemy import text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession

BLOCK = 20
"""Numbers drawn at once; what a process has not handed out when it ends is a gap."""

_drawn: WeakKeyDictionary[Engine, dict[str, deque[int]]] = WeakKeyDictionary()


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
