"""A list as a CSV file: `Accept: text/csv` on any list gives all of its rows, however many.

The rows are those of the list with the same filters, view and fields, of which the actor's right to
export reaches; custom fields have a column each, `custom.<key>`. They leave page by page as they are read, each page over a connection of its own, so
that a slow reader keeps none; memory does not grow with the list. What cannot be read later breaks
the connection off, so that half a file is never taken for the whole.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic_core import from_json, to_json
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.gate import reach, right_of
from common.access.rights import SIGNED_IN
from common.access.rows import narrow
from common.auth import acting_as, current_actor, within
from common.csv_lines import BYTE_ORDER_MARK, csv_line
from common.custom_fields.columns import PREFIX
from common.db import Database
from common.errors import Invalid
from common.pagination import LARGEST_LIMIT, asking

log = structlog.get_logger(__name__)

_OF_PAGES = frozenset({"limit", "cursor", "include"})


class ExportHasNoPages(Invalid):
    """An export is the whole list: a limit, a cursor and a total are for pages."""

    code = "export_has_no_pages"


def wants_csv(request: Request) -> bool:
    """Whether the client names CSV before anything else it accepts."""
    first = request.headers.get("accept", "").partition(",")[0]
    return first.partition(";")[0].strip().lower() == "text/csv"


def export_right(service: str, needed: str, name: str) -> str:
    """The right to export a list that is read with the right `needed`: `sales.quotes.export`."""
    feature = name if needed == SIGNED_IN else needed.rpartition(".")[0]
    return right_of(service, f"{feature}.export")


async def export(
    request: Request,
    handle: Callable[[Request], Awaitable[Response]],
    *,
    name: str,
    right: str,
    fields: Sequence[str],
) -> Response:
    """The whole list that `handle` answers in pages, with these fields.

    Raises RightMissing, ExportHasNoPages and what the list refuses.
    """
    for parameter in request.query_params:
        if parameter in _OF_PAGES:
            raise ExportHasNoPages(
                f"an export is the whole list and takes no {parameter}", pointer=f"/{parameter}"
            )
    actor = current_actor()
    rows = reach(actor, right)
    query = [*request.query_params.multi_items(), ("limit", str(LARGEST_LIMIT))]
    database: Database = request.app.state.database

    async def page_of(session: AsyncSession, *cursor: tuple[str, str]) -> Any:
        narrow(session, rows)
        request.state.session = session
        with acting_as(actor), within(rows):
            answer = await handle(asking(request, [*query, *cursor]))
        return from_json(bytes(answer.body))

    # What is refused is refused before the first byte leaves.
    first = await page_of(request.state.session)

    async def lines() -> AsyncIterator[str]:
        yield BYTE_ORDER_MARK + csv_line(fields)
        page, count = first, 0
        while True:
            yield "".join(csv_line(_cells(row, fields)) for row in page["data"])
            count += len(page["data"])
            if not page["has_more"]:
                break
            async with database.reading() as session:
                page = await page_of(session, ("cursor", page["next_cursor"]))
        log.info("list exported", list=name, rows=count, actor_id=actor.id)

    return StreamingResponse(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name.rpartition("/")[-1]}.csv"'},
    )


def _cells(row: Mapping[str, Any], fields: Sequence[str]) -> list[str]:
    return [
        _text((row.get("custom") or {}).get(name.removeprefix(PREFIX)))
        if name.startswith(PREFIX)
        else _text(row.get(name))
        for name in fields
    ]


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return to_json(value).decode()
