"""Who looked for a record that is not theirs to see: told to the audit trail, and to nobody else.

A record outside an actor's rows is answered with 404, as one that does not exist. Afterwards, away
from the request, it is looked up which of the ids that it named are there, and for those that are and
are not among its rows an entry is written (`common.audit.beside.REFUSED_LOOK`). So the answer is the
same and takes the same time in both cases, and what is written does not go back with its transaction.

Who tries ids at random leaves nothing: they name no record. Of what is left an actor writes at most
`MOST_OF_ACTOR` entries an hour and process, each record and operation once; the log says where there
was more. A process that dies loses what it has not written yet.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from fastapi import Request
from pydantic import BaseModel
from pydantic_core import from_json
from sqlalchemy import inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from common import clock, context
from common.access.rows import Rows, is_scoped, narrow
from common.aggregate import Aggregate
from common.audit.beside import REFUSED_LOOK, write_entry
from common.context import Context
from common.db import Database
from common.errors import NotFound

log = structlog.get_logger(__name__)

MOST_OF_ACTOR = 100
WINDOW_S = 3600.0
MOST_WAITING = 1000
"""Requests whose ids wait to be looked up; what comes on top is only counted in the log."""
MOST_IDS = 200
"""Ids of one request that are looked up."""


@dataclass(frozen=True, slots=True)
class _Look:
    operation: str
    ids: frozenset[UUID]
    rows: Rows
    here: Context


@dataclass(slots=True)
class RefusedLooks:
    """Writes down the refused looks of one process at the records of one service."""

    service: str
    database: Database
    _waiting: deque[_Look] = field(default_factory=deque)
    _working: asyncio.Task[None] | None = None
    _written: dict[str | None, set[tuple[str, UUID]]] = field(default_factory=dict)
    _since: float = 0.0

    def note(self, operation: str, ids: Iterable[UUID], rows: Rows) -> None:
        """Have it looked up, later, whether these ids name records outside of the rows."""
        look = _Look(operation, frozenset(ids), rows, context.current())
        if not look.ids:
            return
        if len(self._waiting) >= MOST_WAITING:
            log.warning("more refused looks than are looked up", actor_id=look.here.actor_id)
            return
        self._waiting.append(look)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())

    async def settled(self) -> None:
        """Return when everything noted until now is written."""
        if self._working is not None:
            await self._working

    async def _work(self) -> None:
        while self._waiting:
            look = self._waiting.popleft()
            try:
                await self._write(look)
            except (SQLAlchemyError, OSError) as error:
                # The answer has left long ago; the next look tries again.
                log.warning("a refused look is not written", reason=type(error).__name__)

    async def _write(self, look: _Look) -> None:
        async with self.database.reading() as session:
            there = await _found(session, self._classes(), look.ids)
        if not there:
            return
        async with self.database.reading() as session:
            narrow(session, look.rows)
            seen = await _found(session, self._classes(), there.keys())
        refused = {
            record_id: of
            for record_id, of in there.items()
            if record_id not in seen and self._may_write(look, record_id)
        }
        if not refused:
            return
        async with self.database.transaction() as session:
            # In one order for everybody, so that nobody waits for each other in a circle.
            for record_id in sorted(refused):
                await write_entry(
                    session,
                    record_type=REFUSED_LOOK,
                    record_id=record_id,
                    action="refused",
                    changes={
                        "operation": [None, look.operation],
                        "looked_for": [None, refused[record_id]],
                    },
                    here=look.here,
                    now=clock.utc_now(),
                )

    def _classes(self) -> list[type[Aggregate]]:
        return [
            mapped
            for mapped in _below(Aggregate)
            if mapped.__module__.partition(".")[0] == self.service
            and (is_scoped(mapped) or hasattr(mapped, "__seen_with__"))
        ]

    def _may_write(self, look: _Look, record_id: UUID) -> bool:
        now = time.monotonic()
        if now - self._since > WINDOW_S:
            self._written.clear()
            self._since = now
        written = self._written.setdefault(look.here.actor_id, set())
        if (look.operation, record_id) in written:
            return False
        if len(written) >= MOST_OF_ACTOR:
            log.warning("more refused looks than are written", actor_id=look.here.actor_id)
            return False
        written.add((look.operation, record_id))
        return True


async def _found(
    session: AsyncSession, classes: Iterable[type[Aggregate]], ids: Iterable[UUID]
) -> dict[UUID, str]:
    """Which of the ids the session finds, and in which tables."""
    wanted, found = sorted(ids), dict[UUID, str]()
    for mapped in classes:
        rows = await session.execute(select(mapped.id).where(mapped.id.in_(wanted)))
        found.update(dict.fromkeys(rows.scalars(), inspect(mapped).local_table.description))
    return found


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for below in kind.__subclasses__():
        if hasattr(below, "__tablename__"):
            yield below
        yield from _below(below)


@asynccontextmanager
async def noticed(request: Request, operation: str, rows: Rows | None) -> AsyncIterator[None]:
    """Note which records the request inside did not find; with all rows there is nothing to note."""
    if rows is None:
        yield
        return
    looks: RefusedLooks = request.app.state.refused_looks
    try:
        yield
    except NotFound:
        looks.note(operation, await _named_by(request), rows)
        raise
    looks.note(operation, getattr(request.state, _SOUGHT, ()), rows)


_SOUGHT = "fairway_sought"


def note_item(request: Request, item: BaseModel) -> None:
    """Remember what an item of a batch named and did not find; the batch goes on."""
    sought: set[UUID] = getattr(request.state, _SOUGHT, set())
    setattr(request.state, _SOUGHT, {*sought, *_ids_in(item.model_dump(mode="json"))})


async def _named_by(request: Request) -> list[UUID]:
    named = [*_ids_in([request.path_params]), *getattr(request.state, _SOUGHT, ())]
    if request.method not in ("GET", "HEAD") and request.headers.get("content-type", "").startswith(
        "application/json"
    ):
        try:
            named += _ids_in(from_json(await request.body()))
        except ValueError:
            pass
    return named[:MOST_IDS]


def _ids_in(value: Any) -> Iterator[UUID]:
    """The ids that a body or the parameters of a path name: members `…_id` and `…_ids`."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case list() as items:
                waiting += items
            case dict() as members:
                for name, inner in members.items():
                    named = inner if isinstance(inner, list) else [inner]
                    if name.endswith(("_id", "_ids")):
                        yield from filter(None, map(_as_id, named))
                    elif isinstance(inner, (list, dict)):
                        waiting.append(inner)


def _as_id(value: Any) -> UUID | None:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
