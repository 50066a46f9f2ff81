"""Working through an import: a batch is one transaction with its rows, results and the checkpoint.

The job's row is locked while a batch runs, so several workers never work on the same job, and a
worker that is killed leaves the job where its last batch ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.accounts import find_actor
from common.access.rows import narrow
from common.auth import acting_as, within
from common.context import Context, working_in
from common.custom_fields.cells import gathered, read_rows
from common.db import Database
from common.errors import Refusal
from common.imports import undo
from common.imports.mapping import ImportMapping, MappedRow, RowMapper, RowRejected
from common.imports.reading import SourceFile, read
from common.imports.undo import TakeBack
from common.messaging.consumer import is_outage
from common.messaging.outbox import changes_so_far

log = structlog.get_logger(__name__)

BATCH = 500
"""Rows of one transaction: enough that what a statement costs hardly counts for a row."""
WAIT_FOR_REFERENCES_S = 20
"""How long a job waits for records of other services that a row names, once."""


@dataclass(slots=True)
class RowResult:
    """What became of a row. `unknown`: it names something that may still be on its way here."""

    outcome: str
    record_id: UUID | None = None
    code: str | None = None
    reason: str | None = None
    unknown: bool = False
    changes: dict[str, list[Any]] | None = None
    """What the row made, or would make, otherwise: fields before and after."""


@dataclass(slots=True)
class TargetRow:
    """A row on its way into a target: the checked fields, and what became of it."""

    line: int
    fields: Any
    warnings: list[str]
    result: RowResult | None = None

    def done(self, outcome: str, record_id: UUID | None) -> None:
        """The row was `created`, `updated` or `unchanged`."""
        self.result = RowResult(outcome, record_id)

    def duplicate(self, of: UUID | None, reason: str) -> None:
        """The row is the record `of`, which it does not name; None where that may not be said."""
        self.result = RowResult("duplicate", of, "duplicate", reason)

    def reject(self, refusal: Refusal) -> None:
        """The rules refuse the row."""
        self.result = RowResult("rejected", None, refusal.code, refusal.detail)

    def unknown(self, what: str) -> None:
        """The row names a record that is not known here, or not yet; the first one is said."""
        self.result = self.result or RowResult(
            "rejected", None, "reference_not_known", what, unknown=True
        )


@dataclass(frozen=True, slots=True)
class ImportContext:
    """What a target needs besides the rows."""

    external_source: str
    actor_id: str
    match_on: tuple[str, ...]
    """By what rows are recognised, in this order."""


Apply = Callable[[AsyncSession, Sequence[TargetRow], ImportContext], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Target:
    """Something rows can become: the fields they need, and the function that takes a batch.

    `apply` goes through the service's own rules and ends every row by `done`, `reject` or
    `unknown`; it looks up what the batch needs in as many statements as there are kinds. A refusal
    that comes out of it undoes the batch, whose rows are then tried one by one.

    `match_keys` are what rows may be recognised by; where an import does not say, it is the first.
    `take_back` gives records back what they were before an import; without it there is no undoing.
    """

    name: str
    row: type[BaseModel]
    apply: Apply
    match_keys: tuple[str, ...] = ("external_id",)
    take_back: TakeBack | None = None

    @property
    def is_extensible(self) -> bool:
        """Whether its rows may have custom fields: columns that are mapped to `custom.<key>`."""
        return "custom" in self.row.model_fields


Targets = Mapping[str, Target]


class CountsDoNotAddUp(Exception):
    """Rows were read of which nothing became, or more became than were read; a fault of ours."""


@dataclass(slots=True)
class _Parsed:
    job_id: UUID
    source: SourceFile
    mapper: RowMapper


@dataclass
class ImportRunner:
    """The job of a worker that imports; `targets` are those of its service."""

    targets: Targets
    _parsed: _Parsed | None = field(default=None, init=False)
    _working_on: UUID | None = field(default=None, init=False)

    async def __call__(self, database: Database) -> bool:
        """Work on one batch of the oldest open import, or of one that is taken back.

        False when there is none.

        A failure that no row is to blame for ends the job, for a person to look at and resume; an
        outage of the database does not, the batch is simply tried again.
        """
        self._working_on = None
        try:
            return await self._work(database) or await undo.work_on(database, self.targets)
        except Exception as error:
            if self._working_on is None or is_outage(error):
                raise
            log.exception("import failed", import_id=str(self._working_on))
            async with database.transaction() as session:
                await session.execute(
                    _FAIL,
                    {
                        "id": self._working_on,
                        "error": f"{type(error).__name__}; the worker's log has the rest",
                    },
                )
            return True

    async def _work(self, database: Database) -> bool:
        async with database.transaction() as session:
            job = (await session.execute(_TAKE)).mappings().first()
            if job is None:
                self._parsed = None
                return False
            self._working_on = job["id"]
            try:
                parsed = await self._parse(session, job)
            except Refusal as refusal:
                await session.execute(_FAIL, {"id": job["id"], "error": refusal.detail})
                return True
            actor = await find_actor(session, job["created_by"])
            right = f"{database.service.replace('_', '-')}.{job['target']}.write"
            if actor is None or not actor.may(right):
                lost = {"id": job["id"], "error": f"who sent it no longer has the right {right}"}
                await session.execute(_FAIL, lost)
                return True
            reach = actor.rows(right)
            narrow(session, reach)
            here = Context(actor_id=actor.id, correlation_id=str(job["id"]))
            with acting_as(actor), within(reach), working_in(here):
                waiting = not await self._batch(session, job, parsed)
        if waiting:
            await asyncio.sleep(0.2)
        return True

    async def _parse(self, session: AsyncSession, job: Any) -> _Parsed:
        if self._parsed is None or self._parsed.job_id != job["id"]:
            content = (await session.execute(_CONTENT, {"id": job["id"]})).scalar_one()
            source = read(content, job["file_name"])
            mapping = ImportMapping.model_validate(job["mapping"])
            self._parsed = _Parsed(job["id"], source, RowMapper(mapping, source.header))
            await session.execute(
                _START,
                {"id": job["id"], "total": len(source.rows), "wait_s": WAIT_FOR_REFERENCES_S},
            )
        return self._parsed

    async def _batch(self, session: AsyncSession, job: Any, parsed: _Parsed) -> bool:
        """Work on the next rows; False when they wait for what they name."""
        target = self.targets[job["target"]]
        sources = parsed.source.rows[job["next_row"] : job["next_row"] + BATCH]
        if not sources and job["next_row"] < job["total_rows"]:
            raise CountsDoNotAddUp(f"the file ends after {job['next_row']} rows")
        rows = [_checked(target, parsed.mapper, source.line, source.cells) for source in sources]
        context = ImportContext(
            job["mapping"]["external_source"],
            job["created_by"],
            tuple(job["mapping"].get("match_on") or target.match_keys[:1]),
        )
        is_undone = partial(
            _is_to_be_undone, rows, dry_run=job["dry_run"], may_wait=job["may_wait"]
        )
        await _apply(session, target, rows, context, is_undone)
        if job["may_wait"] and _names_unknown(rows):
            return False
        cells = {source.line: list(source.cells) for source in sources}
        await session.execute(_KEEP_ROWS, _row_values(job["id"], rows, cells))
        outcomes = [row.result.outcome for row in rows if row.result is not None]
        advanced = await session.execute(
            _ADVANCE,
            {
                "id": job["id"],
                "rows": len(rows),
                "warnings": sum(1 for row in rows if row.warnings),
                **{
                    outcome: outcomes.count(outcome)
                    for outcome in ("created", "updated", "unchanged", "duplicate", "rejected")
                },
            },
        )
        if advanced.scalar_one() == "done":
            await _check_counts(session, job["id"])
        return True


async def _check_counts(session: AsyncSession, job_id: UUID) -> None:
    """Raise CountsDoNotAddUp unless each row that was read has become one thing."""
    counts = (await session.execute(_COUNTS, {"id": job_id})).one()
    if len({counts.read, counts.counted, counts.kept}) != 1:
        raise CountsDoNotAddUp(
            f"{counts.read} rows read, {counts.counted} counted, {counts.kept} kept"
        )


def _names_unknown(rows: Sequence[TargetRow]) -> bool:
    return any(row.result is not None and row.result.unknown for row in rows)


def _is_to_be_undone(rows: Sequence[TargetRow], *, dry_run: bool, may_wait: bool) -> bool:
    return dry_run or (may_wait and _names_unknown(rows))


async def _apply(
    session: AsyncSession,
    target: Target,
    rows: Sequence[TargetRow],
    context: ImportContext,
    is_undone: Callable[[], bool],
) -> None:
    """Hand the rows to the target; what `is_undone` says, and what the database refuses, is undone."""
    open_rows = [row for row in rows if row.result is None]
    if target.is_extensible:
        open_rows = await read_rows(session, target.name, open_rows)
    try:
        savepoint = await session.begin_nested()
        await target.apply(session, open_rows, context)
        await session.flush()
        _note_changes(session, open_rows)
        await (savepoint.rollback() if is_undone() else savepoint.commit())
        return
    except (IntegrityError, Refusal):
        await savepoint.rollback()
    # One of them breaks a rule or a constraint: alone, each shows whether it is the one.
    for row in open_rows:
        row.result = None
        savepoint = await session.begin_nested()
        try:
            await target.apply(session, [row], context)
            await session.flush()
            _note_changes(session, [row])
        except Refusal as refusal:
            await savepoint.rollback()
            row.reject(refusal)
            continue
        except IntegrityError as error:
            await savepoint.rollback()
            row.result = RowResult(
                "rejected", None, "already_there", str(error.orig).split("\n", 1)[0]
            )
            continue
        await (savepoint.rollback() if is_undone() else savepoint.commit())


def _note_changes(session: AsyncSession, rows: Sequence[TargetRow]) -> None:
    """Keep with each row what its record is otherwise now, before a dry run undoes it."""
    changes = changes_so_far(session)
    for row in rows:
        if row.result is not None and row.result.outcome in ("created", "updated"):
            assert row.result.record_id is not None
            row.result.changes = changes.get(row.result.record_id, {})


def _checked(target: Target, mapper: RowMapper, line: int, cells: Sequence[str]) -> TargetRow:
    try:
        mapped: MappedRow = mapper.map(line, cells)
        fields = target.row.model_validate(gathered(mapped.values))
    except RowRejected as rejected:
        result = RowResult("rejected", None, rejected.code, rejected.reason)
        return TargetRow(line, None, [], result)
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        return TargetRow(line, None, [], RowResult("rejected", None, "value_not_valid", reason))
    return TargetRow(line, fields, mapped.warnings)


def _row_values(
    job_id: UUID, rows: Sequence[TargetRow], cells: Mapping[int, list[str]]
) -> dict[str, Any]:
    results = [row.result for row in rows]
    assert all(result is not None for result in results), "a target left a row without a result"
    return {
        "job": job_id,
        "lines": [row.line for row in rows],
        "outcomes": [result.outcome for result in results if result],
        "records": [result.record_id for result in results if result],
        "codes": [result.code for result in results if result],
        "reasons": [result.reason for result in results if result],
        "changes": [
            None if result.changes is None else to_json(result.changes).decode()
            for result in results
            if result
        ],
        "warnings": ["\n".join(row.warnings) for row in rows],
        "cells": [
            "\x1f".join(cells[row.line])
            if row.warnings or (row.result and row.result.outcome == "rejected")
            else None
            for row in rows
        ],
    }


_TAKE = text("""
    SELECT id, target, file_name, mapping, dry_run, next_row, total_rows,
        created_by,
        coalesce(waits_until, 'infinity') > clock_timestamp() AS may_wait
    FROM import_jobs WHERE state IN ('queued', 'running')
    ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_CONTENT = text("SELECT content FROM import_jobs WHERE id = :id")
_START = text("""
    UPDATE import_jobs SET state = CASE WHEN :total = 0 THEN 'done' ELSE 'running' END,
        total_rows = :total, started_at = coalesce(started_at, clock_timestamp()),
        waits_until = coalesce(waits_until,
            clock_timestamp() + make_interval(secs => :wait_s)),
        finished_at = CASE WHEN :total = 0 THEN clock_timestamp() END
    WHERE id = :id
""")
_FAIL = text("""
    UPDATE import_jobs SET state = 'failed', error = :error, finished_at = clock_timestamp()
    WHERE id = :id
""")
_KEEP_ROWS = text("""
    INSERT INTO import_rows
        (job_id, line, outcome, record_id, code, reason, warnings, cells, changes)
    SELECT :job, line, outcome, record_id, code, reason,
        CASE WHEN warning = '' THEN '{}' ELSE string_to_array(warning, E'\\n') END,
        string_to_array(cells, E'\\x1f'), CAST(changes AS jsonb)
    FROM unnest(CAST(:lines AS integer[]), CAST(:outcomes AS text[]), CAST(:records AS uuid[]),
        CAST(:codes AS text[]), CAST(:reasons AS text[]), CAST(:warnings AS text[]),
        CAST(:cells AS text[]), CAST(:changes AS text[]))
        AS r (line, outcome, record_id, code, reason, warning, cells, changes)
""")
_ADVANCE = text("""
    UPDATE import_jobs SET next_row = next_row + :rows, created = created + :created,
        updated = updated + :updated, unchanged = unchanged + :unchanged,
        duplicates = duplicates + :duplicate, rejected = rejected + :rejected,
        warnings = warnings + :warnings,
        state = CASE WHEN next_row + :rows >= total_rows THEN 'done' ELSE 'running' END,
        finished_at = CASE WHEN next_row + :rows >= total_rows THEN clock_timestamp() END
    WHERE id = :id RETURNING state
""")
_COUNTS = text("""
    SELECT total_rows AS read, created + updated + unchanged + duplicates + rejected AS counted,
        (SELECT count(*) FROM import_rows WHERE job_id = j.id) AS kept
    FROM import_jobs j WHERE id = :id
""")
