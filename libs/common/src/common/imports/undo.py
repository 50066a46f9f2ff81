"""Taking an import back: each record gets what it was before, unless somebody has edited it since.

What a row changed was kept with it: fields before and after. Taken back is a field that still has
what the import gave it. One that was edited since is a choice of three, `before`, `imported` and
`now`: its record is left as it is, and shown, until somebody chooses. What the import did not touch
is nobody's business here, so an edit of another field stays and is no reason to ask.

A batch is one transaction with its records, their events and what became of the rows, so that it
can be killed at any point, and repeated.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.accounts import find_actor
from common.access.rows import narrow
from common.aggregate import Aggregate
from common.auth import acting_as, within
from common.context import Context, working_in
from common.custom_fields.columns import PREFIX
from common.db import Database
from common.messaging.consumer import is_outage

if TYPE_CHECKING:
    from common.imports.jobs import Target

log = structlog.get_logger(__name__)

BATCH = 250
"""Records that are taken back in one transaction."""


class Take(StrEnum):
    """What a field that was edited since the import gets."""

    BEFORE = "before"
    IMPORTED = "imported"
    NOW = "now"


class UndoChoice(BaseModel):
    """What becomes of the record of one row, where it was edited since."""

    model_config = ConfigDict(extra="forbid")

    line: int = Field(description="The row's line in the file")
    take: Take
    fields: dict[str, Take] = Field({}, description="Fields for which another is taken")


class ImportUndo(BaseModel):
    """What becomes of records that were edited since the import; without a choice they are left."""

    model_config = ConfigDict(extra="forbid")

    choices: list[UndoChoice] = Field([], max_length=10_000)
    edited: Take | None = Field(
        None, description="For all of them that have no choice of their own"
    )


class UndoOutcome(StrEnum):
    """What became of a row when its import was taken back; more may follow."""

    DELETED = "deleted"
    RESTORED = "restored"
    KEPT = "kept"
    CONFLICT = "conflict"


_WAITING = "waiting"


@dataclass(slots=True)
class Imported:
    """A record as an import left it, on its way back.

    `is_new`: the import made it. `changes` are its fields before the import and after it, as the
    audit trail writes them.
    """

    record_id: UUID
    is_new: bool
    changes: dict[str, list[Any]]
    choice: UndoChoice | None = None
    outcome: str | None = None
    reason: str | None = None
    now: dict[str, Any] = field(default_factory=dict)
    set_back: dict[str, Any] = field(default_factory=dict)
    """Fields of a new record that stays, but with what was imported."""

    def to_restore(self, now: Mapping[str, Any]) -> dict[str, Any] | None:
        """The fields to set and their values; None where somebody has to choose first."""
        restored: dict[str, Any] = {}
        edited = {}
        for name, (before, imported) in self.changes.items():
            value = now.get(name)
            if value == imported:
                restored[name] = before
            elif value != before:
                edited[name] = value
        if edited and self.choice is None:
            self.leave("edited since the import", now=edited)
            return None
        for name in edited:
            before, imported = self.changes[name]
            match self._taken(name):
                case Take.BEFORE:
                    restored[name] = before
                case Take.IMPORTED:
                    restored[name] = imported
        return restored

    def may_be_deleted(self, now: Mapping[str, Any]) -> bool:
        """Whether a record that the import made is to go; `now` are the fields that count."""
        edited = {
            name: value
            for name, value in now.items()
            if value != self.changes.get(name, (None, None))[1]
        }
        if edited and self.choice is None:
            self.leave("edited since the import", now=edited)
            return False
        if edited and not self.takes_before:
            self.set_back = {
                name: self.changes.get(name, (None, None))[1]
                for name in edited
                if self._taken(name) == Take.IMPORTED
            }
            self.done(UndoOutcome.KEPT)
            return False
        return True

    def _taken(self, name: str) -> Take:
        assert self.choice is not None
        return self.choice.fields.get(name, self.choice.take)

    @property
    def takes_before(self) -> bool:
        """Whether somebody chose to have back what was before, whatever happened since."""
        return self.choice is not None and self.choice.take == Take.BEFORE

    def done(self, outcome: UndoOutcome) -> None:
        """The record was dealt with."""
        self.outcome, self.reason, self.now = outcome, None, {}

    def leave(self, reason: str, *, now: Mapping[str, Any] | None = None) -> None:
        """The record is left as it is, for this reason; `now` are its fields that were edited."""
        self.outcome, self.reason, self.now = UndoOutcome.CONFLICT, reason, dict(now or {})

    def wait(self, reason: str) -> None:
        """Other records of the import stand in the way, and may be gone later."""
        self.outcome, self.reason, self.now = _WAITING, reason, {}


TakeBack = Callable[[AsyncSession, Sequence[Imported], datetime], Awaitable[None]]
"""Gives records back what they were: ends each by `done`, `leave` or `wait`, through the rules."""


def values_for(record: Aggregate, written: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that the audit trail wrote, as the record has them; custom fields under `custom`."""
    columns = inspect(type(record)).columns
    values: dict[str, Any] = {}
    for name, value in written.items():
        if name.startswith(PREFIX):
            values.setdefault("custom", {})[name.removeprefix(PREFIX)] = value
        else:
            values[name] = _read(value, columns[name].type.python_type)
    return values


def _read(value: Any, python_type: type) -> Any:
    if value is None:
        return None
    if python_type in (UUID, Decimal):
        return python_type(value)
    if python_type in (datetime, date):
        return python_type.fromisoformat(value)
    return value


async def work_on(database: Database, targets: "Mapping[str, Target]") -> bool:
    """Take back the next records of the oldest import that is to be; False when there is none."""
    working_on = None
    try:
        async with database.transaction() as session:
            job = (await session.execute(_TAKE)).mappings().first()
            if job is None:
                return False
            working_on = job["id"]
            await _take_back(session, job, targets[job["target"]], database.service)
    except Exception as error:
        if working_on is None or is_outage(error):
            raise
        log.exception("an import could not be taken back", import_id=str(working_on))
        async with database.transaction() as session:
            said = f"{type(error).__name__}; the worker's log has the rest"
            await session.execute(_FAIL, {"id": working_on, "error": said})
    return True


async def _take_back(session: AsyncSession, job: Any, target: "Target", service: str) -> None:
    actor = await find_actor(session, job["undo_by"])
    right = f"{service.replace('_', '-')}.{target.name}.write"
    if actor is None or not actor.may(right):
        lost = f"who takes it back no longer has the right {right}"
        await session.execute(_FAIL, {"id": job["id"], "error": lost})
        return
    rows = (await session.execute(_NEXT, {"id": job["id"], "most": BATCH})).mappings().all()
    if not rows:
        await _end_pass(session, job)
        return
    choices = ImportUndo.model_validate(job["undo_choices"])
    records = _together(rows, choices)
    reach = actor.rows(right)
    here = Context(actor_id=actor.id, correlation_id=str(job["id"]))
    assert target.take_back is not None
    with acting_as(actor), within(reach), working_in(here):
        narrow(session, reach)
        # One clock for the batch: what is deleted in it is deleted at once.
        await target.take_back(session, records, job["now"])
        await session.flush()
    await session.execute(
        _KEEP,
        {
            "id": job["id"],
            "records": [record.record_id for record in records],
            "outcomes": [record.outcome for record in records],
            "reasons": [record.reason for record in records],
            "now": [to_json(record.now).decode() if record.now else None for record in records],
        },
    )


def _together(rows: Sequence[Any], asked: ImportUndo) -> list[Imported]:
    """The records of these rows: what the first found and the last left."""
    by_line = {choice.line: choice for choice in asked.choices}
    records: dict[UUID, Imported] = {}
    for row in rows:
        record = records.setdefault(row["record_id"], Imported(row["record_id"], False, {}))
        record.is_new |= row["outcome"] == "created"
        record.choice = by_line.get(row["line"], record.choice)
        for name, (before, after) in (row["changes"] or {}).items():
            first = record.changes.get(name, (before,))[0]
            record.changes[name] = [first, after]
    for record in records.values():
        if record.choice is None and asked.edited is not None:
            record.choice = UndoChoice(line=0, take=asked.edited)
    return list(records.values())


async def _end_pass(session: AsyncSession, job: Any) -> None:
    """Nothing is open any more: try again what waited, as long as that gets fewer."""
    waiting: int = (await session.execute(_COUNT_WAITING, {"id": job["id"]})).scalar_one()
    if waiting and (job["undo_waiting"] is None or waiting < job["undo_waiting"]):
        await session.execute(_TRY_AGAIN, {"id": job["id"], "waiting": waiting})
        return
    if waiting:
        await session.execute(_GIVE_UP_WAITING, {"id": job["id"]})
    await session.execute(_END, {"id": job["id"]})


_TAKE = text("""
    SELECT id, target, undo_by, undo_choices, undo_waiting, now() AS now
    FROM import_jobs WHERE undo_state IN ('queued', 'running')
    ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_FAIL = text("UPDATE import_jobs SET undo_state = 'failed', undo_error = :error WHERE id = :id")
# All rows of a record come together; those of the end first, because what was made last is seldom
# what others need.
_NEXT = text("""
    WITH next AS (
        SELECT DISTINCT record_id FROM (
            SELECT record_id FROM import_rows
            WHERE job_id = :id AND undo_outcome IS NULL AND outcome IN ('created', 'updated')
            ORDER BY line DESC LIMIT :most
        ) AS rows
    )
    SELECT r.line, r.outcome, r.record_id, r.changes
    FROM next JOIN import_rows r ON r.job_id = :id AND r.record_id = next.record_id
        AND r.outcome IN ('created', 'updated')
    ORDER BY r.line
""")
_KEEP = text("""
    WITH ended AS (
        UPDATE import_rows r SET undo_outcome = e.outcome, undo_reason = e.reason,
            undo_now = CAST(e.now AS jsonb)
        FROM unnest(CAST(:records AS uuid[]), CAST(:outcomes AS text[]), CAST(:reasons AS text[]),
            CAST(:now AS text[])) AS e (record_id, outcome, reason, now)
        WHERE r.job_id = :id AND r.record_id = e.record_id AND r.outcome IN ('created', 'updated')
        RETURNING r.undo_outcome
    )
    UPDATE import_jobs SET undo_state = 'running',
        undone = undone
            + (SELECT count(*) FROM ended WHERE undo_outcome NOT IN ('conflict', 'waiting')),
        undo_left = undo_left + (SELECT count(*) FROM ended WHERE undo_outcome = 'conflict')
    WHERE id = :id
""")
_COUNT_WAITING = text(
    "SELECT count(*) FROM import_rows WHERE job_id = :id AND undo_outcome = 'waiting'"
)
_TRY_AGAIN = text("""
    WITH again AS (
        UPDATE import_rows SET undo_outcome = NULL WHERE job_id = :id AND undo_outcome = 'waiting'
    )
    UPDATE import_jobs SET undo_waiting = :waiting WHERE id = :id
""")
_GIVE_UP_WAITING = text("""
    WITH given_up AS (
        UPDATE import_rows SET undo_outcome = 'conflict'
        WHERE job_id = :id AND undo_outcome = 'waiting' RETURNING line
    )
    UPDATE import_jobs SET undo_left = undo_left + (SELECT count(*) FROM given_up) WHERE id = :id
""")
_END = text("UPDATE import_jobs SET undo_state = 'done' WHERE id = :id")
START = text("""
    WITH open AS (
        UPDATE import_rows SET undo_outcome = NULL, undo_reason = NULL, undo_now = NULL
        WHERE job_id = :id AND undo_outcome IN ('conflict', 'waiting')
    )
    UPDATE import_jobs SET undo_state = 'queued', undo_by = :by, undo_waiting = NULL,
        undo_error = NULL, undo_choices = CAST(:choices AS jsonb),
        undo_left = 0
    WHERE id = :id
""")
"""Begins to take an import back, or goes on where records were left."""
