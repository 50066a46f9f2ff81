"""The API of imports: send a file, watch it, read what became of each row, take the error file."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.gate import reach
from common.access.masks import FieldMasked, masks_of, sees
from common.access.rows import rows_of
from common.app import service_router
from common.auth import CurrentActor, current_actor
from common.csv_lines import BYTE_ORDER_MARK, csv_line
from common.custom_fields import listing
from common.custom_fields.columns import PREFIX
from common.db import Session
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.imports.jobs import Target, Targets
from common.imports.mapping import ERROR_COLUMN, ImportMapping, mapping_of_own_export
from common.imports.reading import read
from common.imports.undo import START, ImportUndo


class ImportNotFound(NotFound):
    """There is no such import."""

    code = "import_not_found"


class UnknownTarget(Invalid):
    """Rows cannot become this here."""

    code = "unknown_target"


class MappingNotValid(Invalid):
    """The mapping is not JSON of the expected form, or names a field the target does not have."""

    code = "mapping_not_valid"


class ImportOver(Conflict):
    """The import has ended."""

    code = "import_over"


class NothingToResume(Conflict):
    """The import has not stopped before its end."""

    code = "nothing_to_resume"


class ImportNotEnded(Conflict):
    """The import is under way; cancel it first, or wait for its end."""

    code = "import_not_ended"


class NothingToUndo(Conflict):
    """A dry run changed nothing."""

    code = "nothing_to_undo"


class ImportStays(Conflict):
    """What rows of this kind became cannot be taken back as a whole."""

    code = "import_stays"


class ImportTakenBack(Conflict):
    """The import was taken back, so it does not go on."""

    code = "import_taken_back"


class ImportRead(BaseModel):
    """An import and how far it is; created, updated, unchanged, duplicates and rejected add up to
    `done_rows`.

    `undo_state` is there once it is taken back: `undone` rows were, `undo_left` rows wait for a
    choice.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    target: str
    file_name: str
    dry_run: bool
    state: str
    total_rows: int | None
    done_rows: int
    created: int
    updated: int
    unchanged: int
    duplicates: int = 0
    rejected: int
    warnings: int
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    undo_state: str | None = None
    undone: int = 0
    undo_left: int = 0
    undo_error: str | None = None


class EditedField(BaseModel):
    """A field that was edited since the import: one of three is taken."""

    field: str
    before: Any
    imported: Any
    now: Any


class ImportRowRead(BaseModel):
    """What became of a row, or in a dry run would; `line` is its line in the file.

    `changes` are the fields that are otherwise by it, before and after. What was taken back has an
    `undo_outcome`; at `conflict` the record was left, for `undo_reason`, and `edited` are the fields
    about which somebody chooses.
    """

    model_config = ConfigDict(from_attributes=True)

    line: int
    outcome: str
    record_id: UUID | None
    code: str | None
    reason: str | None
    warnings: list[str]
    changes: dict[str, list[Any]] | None = None
    undo_outcome: str | None = None
    undo_reason: str | None = None
    edited: list[EditedField] = []
    not_shown: list[str] = Field([], description="Fields whose values are not shown to you")


class ImportRowsRead(BaseModel):
    """A page of rows; `next_line` opens the following one."""

    data: list[ImportRowRead]
    has_more: bool
    next_line: int | None


_COLUMNS = """id, target, file_name, dry_run, state, total_rows, next_row AS done_rows, created,
    updated, unchanged, duplicates, rejected, warnings, error, created_at, started_at, finished_at,
    undo_state, undone, undo_left, undo_error"""

_OWN = "(CAST(:by AS text) IS NULL OR created_by = :by)"


def imports_router(service_path: str, targets: Targets) -> APIRouter:
    """`/{service}/v1/imports` over the targets of a service."""
    router = service_router(service_path, "imports")

    @router.post("", status_code=202, response_model=ImportRead)
    async def start_import(
        session: Session,
        actor: CurrentActor,
        response: Response,
        file: Annotated[UploadFile, File(description="CSV or XLSX, the first line the header")],
        target: Annotated[str, Form(description="What rows become: " + ", ".join(targets))],
        mapping: Annotated[
            str | None,
            Form(description="JSON: external_source and fields; none for an export of ours"),
        ] = None,
        dry_run: Annotated[bool, Form(description="Say what would be, change nothing")] = False,
    ) -> Any:
        _check_target(targets, target)
        checked = None if mapping is None else _mapping(targets, target, mapping)
        # The rows are written in the worker, as this actor; what cannot be is said now.
        reach(actor, f"{service_path}.{target}.write")
        content = await file.read()
        file_name = (file.filename or "file").rsplit("/", 1)[-1][-200:]
        source = read(content, file_name)
        if checked is None:
            checked = _mapping_of_own_export(targets[target], source.header)
        await _refuse_unknown_custom_fields(session, target, checked)
        _refuse_matching_on_what_is_not_seen(targets[target], checked)
        checked.check_columns(source.header)
        job_id = new_id()
        row = await session.execute(
            text(f"""
                INSERT INTO import_jobs (id, target, file_name, mapping, content, dry_run, state,
                    total_rows, created_by)
                VALUES (:id, :target, :file_name, CAST(:mapping AS jsonb), :content, :dry_run,
                    'queued', :total, :by)
                RETURNING {_COLUMNS}
            """),  # noqa: S608 - the columns are ours
            {
                "id": job_id,
                "target": target,
                "file_name": file_name,
                "mapping": checked.model_dump_json(),
                "content": content,
                "dry_run": dry_run,
                "total": len(source.rows),
                "by": actor.id,
            },
        )
        response.headers["Operation-Location"] = f"{router.prefix}/{job_id}"
        return row.mappings().one()

    @router.get("", response_model=list[ImportRead])
    async def list_imports(
        session: Session, limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> Any:
        rows = await session.execute(
            text(f"""
                SELECT {_COLUMNS} FROM import_jobs WHERE {_OWN}
                ORDER BY created_at DESC, id LIMIT :limit
            """),  # noqa: S608 - the columns are ours
            {"limit": limit, "by": _whose(session)},
        )
        return rows.mappings().all()

    @router.get("/{import_id}", response_model=ImportRead)
    async def get_import(import_id: UUID, session: Session) -> Any:
        return await _get(session, import_id)

    @router.post("/{import_id}:cancel", response_model=ImportRead)
    async def cancel_import(import_id: UUID, session: Session) -> Any:
        await _get(session, import_id)
        done = await session.execute(
            text("""
                UPDATE import_jobs SET state = 'cancelled', finished_at = now()
                WHERE id = :id AND state IN ('queued', 'running') RETURNING id
            """),
            {"id": import_id},
        )
        if done.first() is None:
            raise ImportOver("the import has ended")
        return await _get(session, import_id)

    @router.post("/{import_id}:resume", response_model=ImportRead)
    async def resume_import(import_id: UUID, session: Session) -> Any:
        """Go on with a failed or cancelled import where its last batch ended."""
        job = await _get(session, import_id)
        if job["undo_state"] is not None:
            raise ImportTakenBack("the import was taken back")
        done = await session.execute(
            text("""
                UPDATE import_jobs SET state = 'queued', error = NULL, finished_at = NULL
                WHERE id = :id AND state IN ('failed', 'cancelled') AND undo_state IS NULL
                RETURNING id
            """),
            {"id": import_id},
        )
        if done.first() is None:
            raise NothingToResume("only a failed or cancelled import is resumed")
        return await _get(session, import_id)

    @router.post("/{import_id}:undo", status_code=202, response_model=ImportRead)
    async def undo_import(
        import_id: UUID,
        asked: ImportUndo,
        session: Session,
        actor: CurrentActor,
        response: Response,
    ) -> Any:
        """Give every record back what it was before the import, as a job.

        Records that were edited since are left, until a repetition of this chooses. Repeated
        without choices it changes nothing more.
        """
        job = await _get(session, import_id, lock=True)
        reach(actor, f"{service_path}.{job['target']}.write")
        if job["dry_run"]:
            raise NothingToUndo("a dry run changed nothing")
        if job["state"] in ("queued", "running"):
            raise ImportNotEnded("the import is under way")
        if job["undo_state"] in ("queued", "running"):
            raise ImportNotEnded("the import is being taken back")
        if targets[job["target"]].take_back is None:
            raise ImportStays(f"imported {job['target']} are not taken back as a whole")
        await session.execute(
            START, {"id": import_id, "by": actor.id, "choices": asked.model_dump_json()}
        )
        response.headers["Operation-Location"] = f"{router.prefix}/{import_id}"
        return await _get(session, import_id)

    @router.get("/{import_id}/rows", response_model=ImportRowsRead)
    async def list_import_rows(
        import_id: UUID,
        session: Session,
        outcome: str | None = None,
        undo_outcome: str | None = None,
        with_warnings: bool = False,
        after_line: int = 0,
        limit: Annotated[int, Query(ge=1)] = 200,
    ) -> ImportRowsRead:
        job = await _get(session, import_id)
        rows = (
            await session.execute(
                _ROWS,
                {
                    "id": import_id,
                    "outcome": outcome,
                    "undo_outcome": undo_outcome,
                    "with_warnings": with_warnings,
                    "after": after_line,
                    "limit": min(limit, 1000) + 1,
                },
            )
        ).all()
        page = rows[: min(limit, 1000)]
        has_more = len(rows) > len(page)
        return ImportRowsRead(
            data=[_shown(row, _hidden_fields(targets[job["target"]])) for row in page],
            has_more=has_more,
            next_line=page[-1].line if has_more else None,
        )

    @router.get("/{import_id}/error-file", response_class=StreamingResponse)
    async def get_error_file(import_id: UUID, session: Session) -> StreamingResponse:
        """The rejected rows with their reasons, to mend and send again; CSV with the old columns.

        The column `import_error` may stay in the file: a mapping passes over what it does not name.
        """
        job = await _get(session, import_id)
        content = (
            await session.execute(
                text("SELECT content FROM import_jobs WHERE id = :id"), {"id": import_id}
            )
        ).scalar_one()
        header = read(content, job["file_name"]).header
        rows = (
            await session.execute(
                text("""
                    SELECT line, code, reason, cells FROM import_rows
                    WHERE job_id = :id AND outcome = 'rejected' ORDER BY line
                """),
                {"id": import_id},
            )
        ).all()

        async def lines() -> AsyncIterator[str]:
            yield BYTE_ORDER_MARK + csv_line([*header, ERROR_COLUMN])
            for row in rows:
                yield csv_line([*row.cells, f"line {row.line}: {row.reason}"])

        name = job["file_name"].rsplit(".", 1)[0]
        return StreamingResponse(
            lines(),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{_ascii(name)}-errors.csv"'},
        )

    @router.get("/{import_id}/outcome-file", response_class=StreamingResponse)
    async def get_outcome_file(import_id: UUID, session: Session) -> StreamingResponse:
        """Every row of the file with what became of it, why, and its record; CSV."""
        job = await _get(session, import_id)
        content = (
            await session.execute(
                text("SELECT content FROM import_jobs WHERE id = :id"), {"id": import_id}
            )
        ).scalar_one()
        source = read(content, job["file_name"])
        rows = await session.execute(_OUTCOMES, {"id": import_id})
        outcomes = {row.line: row for row in rows}

        async def lines() -> AsyncIterator[str]:
            yield BYTE_ORDER_MARK + csv_line([*source.header, *_OUTCOME_COLUMNS])
            for row in source.rows:
                cells = [*row.cells, *[""] * (len(source.header) - len(row.cells))]
                became = outcomes.get(row.line)
                if became is None:
                    yield csv_line([*cells, str(row.line), "not_read_yet", "", "", ""])
                    continue
                said = [str(row.line), became.outcome, str(became.record_id or "")]
                why = [became.reason or "", "; ".join(became.warnings)]
                yield csv_line([*cells, *said, *why])

        name = job["file_name"].rsplit(".", 1)[0]
        return StreamingResponse(
            lines(),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{_ascii(name)}-outcomes.csv"'},
        )

    return router


_OUTCOME_COLUMNS = (
    "import_line",
    "import_outcome",
    "import_record_id",
    "import_reason",
    "import_warnings",
)
_OUTCOMES = text("""
    SELECT line, outcome, record_id, reason, warnings FROM import_rows WHERE job_id = :id
""")


_ROWS = text("""
    SELECT line, outcome, record_id, code, reason, warnings, changes, undo_outcome, undo_reason,
        undo_now
    FROM import_rows
    WHERE job_id = :id AND line > :after
      AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome)
      AND (CAST(:undo_outcome AS text) IS NULL OR undo_outcome = :undo_outcome)
      AND (NOT :with_warnings OR warnings <> '{}')
    ORDER BY line LIMIT :limit
""")


def _hidden_fields(target: Target) -> frozenset[str]:
    """The fields of a target's rows that the actor does not see in every record."""
    masked = masks_of(target.row)
    if masked is None:
        return frozenset()
    return frozenset(name for name, rights in masked.fields.items() if not all(map(sees, rights)))


def _shown(row: Any, hidden: frozenset[str]) -> ImportRowRead:
    """The row, without the values of fields that the actor does not see."""
    changes, now = row.changes, row.undo_now or {}
    masked = sorted(hidden & ({*(changes or ())} | {*now}))
    edited = [
        EditedField(field=name, before=before, imported=imported, now=value)
        for name, value in sorted(now.items())
        if name not in hidden
        for before, imported in [(changes or {}).get(name, (None, None))]
    ]
    return ImportRowRead(
        line=row.line,
        outcome=row.outcome,
        record_id=row.record_id,
        code=row.code,
        reason=row.reason,
        warnings=row.warnings,
        changes=None if changes is None else changes | {name: [None, None] for name in masked},
        undo_outcome=row.undo_outcome,
        undo_reason=row.undo_reason,
        edited=edited,
        not_shown=masked,
    )


async def _get(session: AsyncSession, import_id: UUID, *, lock: bool = False) -> Any:
    found = await session.execute(
        text(
            f"SELECT {_COLUMNS} FROM import_jobs WHERE id = :id AND {_OWN}"  # noqa: S608
            f"{' FOR UPDATE' if lock else ''}"
        ),
        {"id": import_id, "by": _whose(session)},
    )
    job = found.mappings().first()
    if job is None:
        raise ImportNotFound(f"no import {import_id}")
    return job


def _whose(session: AsyncSession) -> str | None:
    """Whose imports may be seen: a file holds what its sender sees, so own ones, or all (None)."""
    return None if rows_of(session) is None else current_actor().id


def _check_target(targets: Targets, target: str) -> None:
    if target not in targets:
        raise UnknownTarget(
            f"no target {target!r}; targets here are {', '.join(targets)}", pointer="/target"
        )


def _mapping_of_own_export(target: Target, header: Sequence[str]) -> ImportMapping:
    if "id" not in target.match_keys or "id" not in header:
        raise MappingNotValid(
            f"a file without a mapping is an export of {target.name}, with their id",
            pointer="/mapping",
        )
    return mapping_of_own_export(header, target.row.model_fields.keys() - {"custom"})


def _refuse_matching_on_what_is_not_seen(target: Target, mapping: ImportMapping) -> None:
    """A dry run would tell who has which telephone number; raises FieldMasked."""
    for name in _hidden_fields(target) & {*(mapping.match_on or ())}:
        fault = {"pointer": "/mapping/match_on", "code": FieldMasked.code, "message": name}
        raise FieldMasked(f"{name} is not shown to you", errors=[fault])


def _mapping(targets: Targets, target: str, mapping: str) -> ImportMapping:
    try:
        checked = ImportMapping.model_validate_json(mapping)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"]))
        raise MappingNotValid(f"{where}: {first['msg']}", pointer=f"/mapping/{where}") from None
    known = set(targets[target].row.model_fields) - {"custom"}
    unknown = sorted(
        name
        for name in set(checked.fields) - known
        if not (targets[target].is_extensible and name.startswith(PREFIX))
    )
    if unknown:
        raise MappingNotValid(
            f"{target} has no field {unknown[0]!r}; it has {json.dumps(sorted(known))}",
            pointer=f"/mapping/fields/{unknown[0]}",
        )
    keys = targets[target].match_keys
    for key in checked.match_on or ():
        if key not in keys:
            raise MappingNotValid(
                f"{target} are not matched on {key!r}, but on {json.dumps(keys)}",
                pointer="/mapping/match_on",
            )
    return checked


async def _refuse_unknown_custom_fields(
    session: AsyncSession, target: str, mapping: ImportMapping
) -> None:
    for name in mapping.fields:
        if name.startswith(PREFIX) and not await listing.has_column(session, target, name):
            raise MappingNotValid(
                f"{target} has no custom field {name.removeprefix(PREFIX)!r}",
                pointer=f"/mapping/fields/{name}",
            )


def _ascii(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_. ") else "_" for c in name)
