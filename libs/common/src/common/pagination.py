"""Lists: keyset pages, and exact totals when asked for.

A cursor is opaque and sealed: it opens only the list it came from, with the same filters and the
same order, for whom it was made.
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from operator import attrgetter
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import Depends, Query, Request, Response, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from common.auth import current_actor
from common.custom_fields import listing
from common.custom_fields.columns import PREFIX, Extensible
from common.errors import BadRequest, Invalid

T = TypeVar("T")
Shown = TypeVar("Shown")

DEFAULT_LIMIT, LARGEST_LIMIT = 50, 200
_SEAL_BYTES = 16


class PageOf(BaseModel, Generic[T]):
    """One page of a list, as the client gets it.

    `next_cursor` opens the following page; `total` is there when asked for.
    """

    model_config = ConfigDict(from_attributes=True)

    data: list[T]
    has_more: bool
    next_cursor: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, as a use case returns it."""

    data: list[T]
    has_more: bool
    next_cursor: str | None = None
    total: int | None = None

    def showing(self, show: Callable[[T], Shown]) -> "Page[Shown]":
        """The same page with each row as `show` gives it."""
        return Page([show(row) for row in self.data], self.has_more, self.next_cursor, self.total)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page the client wants; made from the query by `Paging`."""

    limit: int
    cursor: str | None
    sort: str | None
    with_total: bool
    filters: str
    """A digest of the actor, the path and the other query parameters; a cursor is good for one."""

    key: bytes = field(repr=False)
    """Seals the cursors of this service; the same in all its processes."""

    link_next: Callable[[str], None] = lambda _: None
    """Called with the cursor of the following page, where there is one."""

    custom: listing.Asked = ()
    """What the query asks of custom fields."""


async def _page_request(
    request: Request,
    response: Response,
    limit: Annotated[
        int, Query(ge=1, description="Rows in a page; larger values are taken as 200")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
    sort: Annotated[
        str | None, Query(description="A sort key of this list; `-` before it for descending")
    ] = None,
    include: Annotated[
        Literal["total"] | None, Query(description="`total`: count all rows of the list")
    ] = None,
    view: Annotated[
        UUID | None,
        Query(
            description="A saved view of this list: its filters, order and fields, where not given"
        ),
    ] = None,
    fields: Annotated[
        str | None, Query(description="Fields of the rows to answer, by comma, beside `id`")
    ] = None,
) -> PageRequest:
    asked = request.query_params.multi_items()
    filters = sorted((name, value) for name, value in asked if name not in _NO_FILTERS)
    path = request.scope["path"]
    bound_to = json.dumps([current_actor().id, path, filters])

    def link_next(following: str) -> None:
        sent = request.scope.get(_AS_SENT, asked)
        query = [(name, value) for name, value in sent if name != "cursor"]
        address = f"{quote(path, safe='/:')}?{urlencode([*query, ('cursor', following)])}"
        response.headers["Link"] = f'<{address}>; rel="next"'

    return PageRequest(
        min(limit, LARGEST_LIMIT),
        cursor,
        sort,
        include == "total",
        blake2b(bound_to.encode(), digest_size=8).hexdigest(),
        request.app.state.cursor_key,
        link_next,
        [(name, value) for name, value in asked if name.startswith(PREFIX)],
    )


# What a view says was put into the query before, so that a cursor is bound to that.
_NO_FILTERS = {"limit", "cursor", "include", "view", "fields"}
_AS_SENT = "fairway.query_as_sent"

Paging = Annotated[PageRequest, Depends(_page_request)]
"""The parameters of every list, for routes."""

SortKeys = Mapping[str, InstrumentedAttribute[Any]]


@dataclass(frozen=True, slots=True)
class _Order:
    """What a list is sorted by, and how a row's place is read from the row."""

    expression: ColumnElement[Any] | InstrumentedAttribute[Any]
    python_type: type
    is_nullable: bool
    value_of: Callable[[Any], Any]


class UnknownSortKey(Invalid):
    """The list cannot be sorted by this."""

    code = "unknown_sort_key"


async def paginate(
    session: AsyncSession,
    query: Select[T],
    page: PageRequest,
    *,
    id_column: InstrumentedAttribute[UUID],
    sort_keys: SortKeys,
    default_sort: str,
) -> Page[T]:
    """One page of `query`, by keyset on (sort key, id), so that no row is skipped or shown twice.

    Sort keys must not be NULL in the rows listed, or name a column where NULL sorts last. Records
    with custom fields are narrowed to what the request asks of these, and can be sorted by them;
    those without a value come last in both directions. Raises UnknownSortKey, what the filters of
    custom fields refuse, and BadRequest (a cursor of another list, other filters or somebody else).
    """
    wanted = page.sort or default_sort
    name, descending = wanted.removeprefix("-"), wanted.startswith("-")
    order = await _order_by(session, name, id_column, sort_keys)
    if page.custom:
        query = query.where(*await listing.conditions(session, _extensible(id_column), page.custom))
    total = None
    if page.with_total:
        counted = select(func.count()).select_from(query.order_by(None).subquery())
        total = (await session.execute(counted)).scalar_one()
    rows_wanted = query
    if page.cursor is not None:
        value, last_id = _open_cursor(page, wanted, order)
        rows_wanted = rows_wanted.where(_after(order, value, id_column, last_id, descending))
    found = await session.execute(
        rows_wanted.order_by(*_direction(order, id_column, descending)).limit(page.limit + 1)
    )
    rows = found.scalars().unique().all()
    data, has_more = list(rows[: page.limit]), len(rows) > page.limit
    next_cursor = None
    if has_more:
        last = data[-1]
        next_cursor = _seal_cursor(page, wanted, order.value_of(last), getattr(last, id_column.key))
        page.link_next(next_cursor)
    return Page(data, has_more, next_cursor, total)


async def _order_by(
    session: AsyncSession, name: str, id_column: InstrumentedAttribute[UUID], sort_keys: SortKeys
) -> _Order:
    column = sort_keys.get(name)
    if column is not None:
        is_nullable = bool(getattr(column.property.columns[0], "nullable", True))
        return _Order(column, column.type.python_type, is_nullable, attrgetter(column.key))
    if name.startswith(PREFIX):
        by_custom_field = await listing.ordering(session, _extensible(id_column), name)
        if by_custom_field is not None:
            expression, python_type, key = by_custom_field
            return _Order(expression, python_type, True, lambda row: row.custom.get(key))
    raise UnknownSortKey(
        f"cannot sort by {name!r}; sort keys are {', '.join(sorted(sort_keys))}", pointer="/sort"
    )


def _extensible(id_column: InstrumentedAttribute[UUID]) -> type[Extensible]:
    """The class of the rows; a list with custom fields shows rows that have them."""
    model = id_column.class_
    if not issubclass(model, Extensible):  # type: ignore[arg-type]
        raise UnknownSortKey("these rows have no custom fields", pointer="/sort")
    return model  # type: ignore[return-value]


def _direction(
    order: _Order, id_column: InstrumentedAttribute[UUID], descending: bool
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    if not descending:
        return order.expression.asc(), id_column.asc()
    # An index cannot be walked backwards for NULLS LAST, even where no NULL can be.
    last = order.expression.desc()
    return last.nulls_last() if order.is_nullable else last, id_column.desc()


def _after(
    order: _Order,
    value: Any,
    id_column: InstrumentedAttribute[UUID],
    last_id: UUID,
    descending: bool,
) -> ColumnElement[bool]:
    by = order.expression
    beyond_id = id_column < last_id if descending else id_column > last_id
    if by is id_column:
        return beyond_id
    if value is None:
        return and_(by.is_(None), beyond_id)
    if isinstance(value, bool):
        # Spelled out, SQLAlchemy would take it for a test and not for a value.
        value = literal(value)
    beyond = by < value if descending else by > value
    same = and_(by == value, beyond_id)
    if not order.is_nullable:
        # The redundant bound lets the index find the place without walking there.
        bound = by <= value if descending else by >= value
        return and_(bound, or_(beyond, same))
    return or_(beyond, same, by.is_(None))


def _seal_cursor(page: PageRequest, sort: str, value: Any, last_id: UUID) -> str:
    if isinstance(value, (datetime, date)):
        value = value.isoformat()
    elif isinstance(value, (Decimal, UUID)):
        value = str(value)
    content = json.dumps([page.filters, sort, value, str(last_id)], ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_seal(page, content) + content).decode().rstrip("=")


def _seal(page: PageRequest, content: bytes) -> bytes:
    return hmac.digest(page.key, content, "sha256")[:_SEAL_BYTES]


def _open_cursor(page: PageRequest, sort: str, order: _Order) -> tuple[Any, UUID]:
    try:
        padded = str(page.cursor) + "=" * (-len(str(page.cursor)) % 4)
        sealed = base64.urlsafe_b64decode(padded)
        seal, content = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, _seal(page, content)):
            raise ValueError("made elsewhere")
        filters, sealed_sort, value, last_id = json.loads(content)
        # A release may have changed the column since.
        place = _unsealed(value, order), UUID(last_id)
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        raise BadRequest("the cursor is not one of this list") from None
    if filters != page.filters or sealed_sort != sort:
        raise BadRequest(
            "the cursor belongs to somebody else, or to a list with other filters or another order"
        )
    return place


def _unsealed(value: Any, order: _Order) -> Any:
    """The value as the column has it; raises what a value raises that was not sealed from it."""
    python_type = order.python_type
    if value is None and order.is_nullable:
        return None
    if python_type in (datetime, date):
        return python_type.fromisoformat(value)
    if python_type in (Decimal, UUID) and isinstance(value, str):
        return python_type(value)
    if isinstance(value, bool) != (python_type is bool) or not isinstance(value, python_type):
        raise TypeError(f"{value!r} is no {python_type.__name__}")
    return value


def asking(
    request: Request,
    query: Sequence[tuple[str, str]],
    *,
    as_sent: Sequence[tuple[str, str]] | None = None,
) -> Request:
    """The same request with another query; `as_sent` is what links to further pages repeat."""
    scope = {**request.scope, "query_string": urlencode(query).encode()}
    if as_sent is not None:
        scope[_AS_SENT] = as_sent
    return Request(scope, request.receive)


class UnknownField(Invalid):
    """The rows of the list have no such field."""

    code = "unknown_field"


def is_list(route: APIRoute) -> bool:
    """Whether the route answers pages: whether it takes `Paging`."""
    return any(one.call is _page_request for one in route.dependant.dependencies)


def filters_of(route: APIRoute) -> frozenset[str]:
    """The parameters of a list that say which rows it has."""
    known = {
        field.alias
        for field in get_flat_params(route.dependant)
        if isinstance(field.field_info, params.Query)
    }
    return frozenset(known - _NO_FILTERS - {"sort"})


def fields_of(route: APIRoute) -> tuple[str, ...]:
    """The fields that the rows of a list have, in their order."""
    (row,) = route.response_model.__pydantic_generic_metadata__["args"]
    return (
        *(field.serialization_alias or name for name, field in row.model_fields.items()),
        *row.model_computed_fields,
    )


def is_extensible(route: APIRoute) -> bool:
    """Whether the rows of a list have custom fields."""
    return "custom" in fields_of(route)


async def wanted_fields(
    request: Request, known: Sequence[str], *, of_entity: str | None = None
) -> list[str] | None:
    """The fields that the client asks for, None is all; raises UnknownField.

    `of_entity` is that of rows with custom fields, which are asked for by `custom.<key>`.
    """
    asked = request.query_params.get("fields")
    if asked is None:
        return None
    wanted = asked.split(",")
    for name in wanted:
        if name in known:
            continue
        is_custom = of_entity is not None and name.startswith(PREFIX)
        if not is_custom or not await listing.has_column(
            request.state.session, str(of_entity), name
        ):
            raise UnknownField(
                f"no field {name!r} in these rows; they have {', '.join(known)}",
                pointer="/fields",
            )
    return [name for name in dict.fromkeys(["id", *wanted]) if name != "id" or "id" in known]


def with_fields(response: Response, wanted: Sequence[str]) -> Response:
    """The answer of a list with only these fields in its rows, in this order."""
    page = from_json(bytes(response.body))
    page["data"] = [_with_fields(row, wanted) for row in page["data"]]
    response.body = to_json(page)
    response.headers["content-length"] = str(len(response.body))
    return response


def _with_fields(row: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    narrowed: dict[str, Any] = {}
    for name in wanted:
        if name in row:
            narrowed[name] = row[name]
        elif name.startswith(PREFIX) and "custom" not in wanted:
            narrowed["custom"] = listing.narrowed(row.get("custom") or {}, wanted)
    return narrowed


def documented(route: APIRoute) -> dict[str, Any]:
    """What the OpenAPI of a list has beside what FastAPI knows: the Link header, and CSV."""
    extra: dict[str, Any] = dict(route.openapi_extra or {})
    model = route.response_model
    if isinstance(model, type) and issubclass(model, PageOf):
        answer = {str(route.status_code or 200): {"headers": {"Link": _LINK}, "content": _CSV}}
        extra["responses"] = {**extra.get("responses", {}), **answer}
    return extra


_CSV = {"text/csv": {"schema": {"type": "string"}}}
_LINK = {
    "description": '`<…>; rel="next"`: the following page, where there is one',
    "schema": {"type": "string"},
}
