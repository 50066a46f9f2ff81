"""What the lists of a service can be asked, read off their routes, so that no list registers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from common import pagination
from common.access import masks
from common.access.gate import admitted
from common.access.rows import narrow, rows_of
from common.custom_fields import listing
from common.custom_fields.columns import PREFIX
from common.errors import Invalid


class UnknownList(Invalid):
    """The service has no such list."""

    code = "unknown_list"


class UnknownFilter(Invalid):
    """The list does not know this parameter, or it is none that a view holds."""

    code = "unknown_filter"


class UnknownColumn(Invalid):
    """The rows of the list have no such field."""

    code = "unknown_column"


class FilterNotValid(Invalid):
    """The list does not take this value."""

    code = "filter_not_valid"


@dataclass(frozen=True, slots=True)
class KeysetList:
    """A list: its name in URLs, and the filters and columns it has."""

    name: str
    filters: frozenset[str]
    columns: tuple[str, ...]
    route: APIRoute = field(repr=False)

    @property
    def is_extensible(self) -> bool:
        """Whether its rows have custom fields, which are filters and columns as well."""
        return "custom" in self.columns


def lists_of(routers: Iterable[APIRouter]) -> dict[str, KeysetList]:
    """The lists among the routes, by name; one below a record has none, and so no views."""
    found = {}
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and pagination.is_list(route) and "{" not in route.path:
                name = name_of(route.path)
                filters = pagination.filters_of(route)
                found[name] = KeysetList(name, filters, pagination.fields_of(route), route)
    return found


def name_of(path: str) -> str:
    """`customers` of `/customer/v1/customers`."""
    return path.split("/", 3)[-1]


class Lists:
    """The lists of the service, asked as the actor of a request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._known: Mapping[str, KeysetList] = request.app.state.lists

    async def check(
        self,
        name: str,
        *,
        query: Mapping[str, str],
        sort: str | None,
        columns: Sequence[str] | None,
    ) -> None:
        """Refuse what the list cannot be asked.

        Raises UnknownList, UnknownFilter, UnknownColumn, FilterNotValid, RightMissing for a list
        that the actor may not read, and what the list itself refuses, as UnknownSortKey.
        """
        known = self._known.get(name)
        if known is None:
            raise UnknownList(
                f"no list {name!r}; lists here are {', '.join(sorted(self._known))}",
                pointer="/list",
            )
        for parameter in query:
            is_custom = known.is_extensible and parameter.startswith(PREFIX)
            if parameter not in known.filters and not is_custom:
                raise UnknownFilter(
                    f"{name} has no filter {parameter!r}; it has"
                    f" {', '.join(sorted(known.filters)) or 'none'}",
                    pointer=f"/query/{parameter}",
                )
        for place, column in enumerate(columns or ()):
            if column not in known.columns and not await self._is_custom(known, column):
                raise UnknownColumn(
                    f"{name} has no field {column!r}; it has {', '.join(known.columns)}",
                    pointer=f"/columns/{place}",
                )
        ordered = {} if sort is None else {"sort": sort}
        await self._ask(known, {**query, **ordered, "limit": "1"})

    async def _is_custom(self, known: KeysetList, column: str) -> bool:
        session = self._request.state.session
        return known.is_extensible and await listing.has_column(session, known.name, column)

    async def _ask(self, known: KeysetList, query: Mapping[str, str]) -> None:
        """Ask the list itself: it alone knows its sort keys and which values it takes."""
        scope = {
            **self._request.scope,
            "method": "GET",
            "path": known.route.path,
            "path_params": {},
            "query_string": urlencode(query).encode(),
        }
        asked = Request(scope, self._request.receive)
        session = asked.state.session
        own = rows_of(session)
        try:
            async with admitted(asked, known.route.name) as reach:
                narrow(session, reach)
                masks.refuse_asking(asked, masks.masks_of(known.route.response_model))
                await APIRoute.get_route_handler(known.route)(asked)
        except RequestValidationError as error:
            fault = error.errors()[0]
            parameter = fault["loc"][-1]
            where = "sort" if parameter == "sort" else f"query/{parameter}"
            raise FilterNotValid(f"{parameter}: {fault['msg']}", pointer=f"/{where}") from None
        finally:
            narrow(session, own)


async def _lists(request: Request) -> Lists:
    return Lists(request)


ServiceLists = Annotated[Lists, Depends(_lists)]
"""The lists of this service, for routes."""
