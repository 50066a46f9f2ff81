"""The API of imports: send a file, watch it, read what became of each row, take the error file."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.gate import reach
from common.access.rows import rows_of
from common.app import service_router
from common.auth import CurrentActor, current_actor
from common.csv_lines import BYTE_ORDER_MARK, csv_line
from common.db import Session
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.imports.jobs import Targets
from common.imports.mapping import ImportMapping
from common.imports.reading import read


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


class ImportRead(BaseModel):
    """An import and how far it is; the counts add up to `done_rows`."""

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
    rejected: int
    warnings: int
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ImportRowRead(BaseModel):
    """What became of a row; `line` is its line in the file."""

    model_config = ConfigDict(from_attributes=True)

    line: int
    outcome: str
    record_id: UUID | None
    code: str | None
    reason: str | None
    warnings: list[str]


class ImportRowsRead(BaseModel):
    """A page of rows; `next_line` opens the following one."""

    data: list[ImportRowRead]
    has_more: bool
    next_line: int | None


_COLUMNS = """id, target, file_name, dry_run, state, total_rows, next_row AS done_rows, created,
    updated, unchanged, rejected, warnings, error, created_at, started_at, finished_at"""

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
        mapping: Annotated[str, Form(description="JSON: external_source and fields")],
        dry_run: Annotated[bool, Form(description="Say what would be, change nothing")] = False,
    ) -> Any:
        checked = _mapping(targets, target, mapping)
        # The rows are written in the worker, as this actor; what cannot be is said now.
        reach(actor, f"{service_path}.{target}.write")
        content = await file.read()
        file_name = (file.filename or "file").rsplit("/", 1)[-1][-200:]
        source = read(content, file_name)
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
        await _get(session, import_id)
        done = await session.execute(
            text("""
                UPDATE import_jobs SET state = 'queued', error = NULL, finished_at = NULL
                WHERE id = :id AND state IN ('failed', 'cancelled') RETURNING id
            """),
            {"id": import_id},
        )
        if done.first() is None:
            raise NothingToResume("only a failed or cancelled import is resumed")
        return await _get(session, import_id)

    @router.get("/{import_id}/rows", response_model=ImportRowsRead)
    async def list_import_rows(
        import_id: UUID,
        session: Session,
        outcome: str | None = None,
        with_warnings: bool = False,
        after_line: int = 0,
        limit: Annotated[int, Query(ge=1)] = 200,
    ) -> ImportRowsRead:
        await _get(session, import_id)
        rows = (
            await session.execute(
                _ROWS,
                {
                    "id": import_id,
                    "outcome": outcome,
                    "with_warnings": with_warnings,
                    "after": after_line,
                    "limit": min(limit, 1000) + 1,
                },
            )
        ).all()
        page = rows[: min(limit, 1000)]
        has_more = len(rows) > len(page)
        return ImportRowsRead(
            data=[ImportRowRead.model_validate(row) for row in page],
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
            yield BYTE_ORDER_MARK + csv_line([*header, "import_error"])
            for row in rows:
                yield csv_line([*row.cells, f"line {row.line}: {row.reason}"])

        name = job["file_name"].rsplit(".", 1)[0]
        return StreamingResponse(
            lines(),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{_ascii(name)}-errors.csv"'},
        )

    return router


_ROWS = text("""
    SELECT line, outcome, record_id, code, reason, warnings FROM import_rows
    WHERE job_id = :id AND line > :after
      AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome)
      AND (NOT :with_warnings OR warnings <> '{}')
    ORDER BY line LIMIT :limit
""")


async def _get(session: AsyncSession, import_id: UUID) -> Any:
    found = await session.execute(
        text(f"SELECT {_COLUMNS} FROM import_jobs WHERE id = :id AND {_OWN}"),  # noqa: S608
        {"id": import_id, "by": _whose(session)},
    )
    job = found.mappings().first()
    if job is None:
        raise ImportNotFound(f"no import {import_id}")
    return job


def _whose(session: AsyncSession) -> str | None:
    """Whose imports may be seen: a file holds what its sender sees, so own ones, or all (None)."""
    return None if rows_of(session) is None else current_actor().id


def _mapping(targets: Targets, target: str, mapping: str) -> ImportMapping:
    if target not in targets:
        raise UnknownTarget(
            f"no target {target!r}; targets here are {', '.join(targets)}", pointer="/target"
        )
    try:
        checked = ImportMapping.model_validate_json(mapping)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"]))
        raise MappingNotValid(f"{where}: {first['msg']}", pointer=f"/mapping/{where}") from None
    known = targets[target].row.model_fields
    unknown = sorted(set(checked.fields) - set(known))
    if unknown:
        raise MappingNotValid(
            f"{target} has no field {unknown[0]!r}; it has {json.dumps(sorted(known))}",
            pointer=f"/mapping/fields/{unknown[0]}",
        )
    return checked


def _ascii(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_. ") else "_" for c in name)
