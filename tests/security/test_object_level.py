"""Object level: what partner A has is not there for partner B, on every route that names a thing.

The routes are those of the OpenAPI documents, so that a new one is covered by being there. What B is
told of A's record is what B is told of an id that never was, word for word; nothing changes, and
nothing is said. B has records of its own, so that what is refused is refused for A's sake.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from common.ids import new_id
from fairway.services import PACKAGES

from ..access.conftest import Guard, Guarded
from .bodies import body_for, named_ids, query_for, what_it_names
from .records import MARK, OWN_MARK, Records, check_made, kinds_in, one_of, records_of

pytestmark = [pytest.mark.capability("X-05"), pytest.mark.capability("N10")]

_PARAMETER = re.compile(r"\{([^}]+)\}")
_OF_THE_REQUEST = re.compile(r'"(request_id|trace_id)":\s*"[^"]*",?\s*')
_NOT_FOUND, _GONE_ALREADY = 404, ("DELETE", 204)
VERSIONS: tuple[dict[str, str], ...] = (
    {},
    {"If-Match": '"1"'},
    {"If-Match": "*"},
    {"If-None-Match": '"1"'},
)
REFUSED_BEFORE = {
    "POST /customer/v1/customers/{customer_id}:claim": "only an employee claims; B's account is none",
    "POST /sales/v1/opportunities/{opportunity_id}:name-competitors": "nobody knows the competitor",
    "POST /customer/v1/customers/{customer_id}:assign": "nobody knows the employee",
    "POST /sales/v1/leads/{lead_id}:claim": "only an employee claims; B's account is none",
}
"""Operations that refuse B whatever they name, and why that is right."""
ALSO_SAID = {
    "POST /customer/v1/customers/{customer_id}:override-grade": {"grade": "A"},
    "POST /sales/v1/opportunities/{opportunity_id}/activities": {"due_on": "2026-12-01"},
}
"""What a body needs beside what its schema says: one of several fields, or a text of its pattern."""
_LAST = ("GET", "PATCH", "PUT", "POST", "DELETE")


@dataclass(frozen=True)
class Operation:
    """One operation of a service, as its OpenAPI document has it."""

    method: str
    path: str
    described: dict[str, Any]

    @property
    def named(self) -> list[str]:
        """The path parameters."""
        return _PARAMETER.findall(self.path)

    def at(self, **ids: str) -> str:
        """The path with these in the place of its parameters."""
        return self.path.format(**ids)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield Operation(method.upper(), path, described)


@dataclass
class TwoPartners:
    """What A has, and B who asks for it and has as much."""

    guarded: Guarded
    theirs: Records
    own: Records

    @property
    def ours(self) -> httpx.AsyncClient:
        """B."""
        return self.own.maker

    @property
    def document(self) -> dict[str, Any]:
        return self.guarded.app.openapi()

    async def events(self) -> int:
        async with self.guarded.database.reading() as session:
            return (await session.execute(text("SELECT count(*) FROM event_log"))).scalar_one()

    async def what_they_have(self) -> dict[str, str]:
        read = {kind: await self.theirs.maker.get(path) for kind, path in self.theirs.paths.items()}
        assert {answer.status_code for answer in read.values()} == {200}
        return {kind: answer.text for kind, answer in read.items()}


@pytest.fixture
async def two(guard: Guard, request) -> TwoPartners:
    guarded = await guard(request.param)
    own = await records_of(guarded, new_id(), OWN_MARK)
    theirs = await records_of(guarded, new_id())
    check_made(theirs)
    return TwoPartners(guarded, theirs, own)


def said(answer: httpx.Response, *asked: str) -> tuple[int, str]:
    """The answer without what tells one request from another, and without the ids it was about."""
    told = _OF_THE_REQUEST.sub("", answer.text)
    for one in asked:
        told = told.replace(one, "<id>")
    return answer.status_code, told


@pytest.mark.parametrize("two", PACKAGES, indirect=True)
async def test_a_thing_of_another_partner_cannot_be_told_from_one_that_never_was(two):
    events, before = await two.events(), await two.what_they_have()

    for operation in operations_of(two.document):
        kinds = kinds_in(operation.path, two.guarded.entry.package)
        if not kinds:
            continue
        theirs = {name: two.theirs.ids[kind] for name, kind in kinds.items()}
        nobodys = {name: str(new_id()) for name in kinds}
        others = {name: str(new_id()) for name in operation.named if name not in kinds}
        body = body_for(operation.described, two.document, two.own.named)
        if str(operation) in ALSO_SAID:
            body |= ALSO_SAID[str(operation)]
        statuses = set()
        for headers in VERSIONS:
            of_theirs, of_nothing = [
                said(
                    await two.ours.request(
                        operation.method,
                        operation.at(**ids, **others),
                        params=query_for(operation.described, two.document, two.own.named),
                        json=body,
                        headers=headers,
                    ),
                    *ids.values(),
                )
                for ids in (theirs, nobodys)
            ]
            assert of_theirs == of_nothing, operation
            statuses.add(of_theirs[0])
        if str(operation) in REFUSED_BEFORE:
            continue
        assert statuses <= {204, 403, 404, 415, 422, 428}, (str(operation), of_theirs)
        # What is refused for its body was not looked for.
        assert _NOT_FOUND in statuses or (operation.method, min(statuses)) == _GONE_ALREADY, (
            str(operation),
            of_theirs,
        )

    assert await two.events() == events
    assert await two.what_they_have() == before


@pytest.mark.parametrize("two", PACKAGES, indirect=True)
async def test_an_id_in_a_body_or_a_filter_shows_nothing_of_another_partner(two):
    told = set()
    package = two.guarded.entry.package
    theirs = {one_of(kind): one for kind, one in two.theirs.ids.items() if kind in two.theirs.paths}
    before = await two.what_they_have()

    for operation in sorted(operations_of(two.document), key=lambda one: _LAST.index(one.method)):
        own = {name: two.own.ids[kind] for name, kind in kinds_in(operation.path, package).items()}
        path = operation.at(**dict.fromkeys(operation.named, str(new_id())) | own)
        for place, body in named_ids(operation.described, two.document, two.own.named):
            if place.of not in theirs:
                continue
            nobodys = str(new_id())
            answers = []
            # Where nobody's id is refused nothing has changed when theirs is tried.
            for one in (nobodys, theirs[place.of]):
                query, filled = place.put(one, body)
                answer = await two.ours.request(
                    operation.method, path, params=query, json=filled, headers={"If-Match": "*"}
                )
                answers.append(said(answer, one))
            of_nothing, of_theirs = answers
            assert MARK not in of_theirs[1], (str(operation), place)
            if of_nothing[0] >= 400 or operation.method == "GET":
                assert of_theirs == of_nothing, (str(operation), place)
            told.add((str(operation), place.of))

    assert await two.what_they_have() == before
    assert {of for _, of in told} >= {
        what_it_names(parameter["name"], theirs)
        for operation in operations_of(two.document)
        for parameter in operation.described.get("parameters", ())
        if parameter["in"] == "query"
    } - {None}


@pytest.mark.parametrize("two", PACKAGES, indirect=True)
async def test_no_list_search_or_total_shows_a_thing_of_another_partner(two):
    lists_of_own = 0
    for operation in operations_of(two.document):
        if operation.method != "GET" or operation.named:
            continue
        known = {one["name"] for one in operation.described.get("parameters", ())}
        queries: list[dict[str, str]] = [{}]
        if "cursor" in known:
            queries += (
                [{"include": "total"}, {"q": MARK}] if "q" in known else [{"include": "total"}]
            )
        for query in queries:
            answer = await two.ours.get(operation.path, params=query)
            assert MARK not in answer.text, operation
            for their_id in two.theirs.ids.values():
                assert their_id not in answer.text, operation
            # Barred altogether, or asked for without what it needs.
            assert answer.status_code in (200, 403, 422), (operation, answer.text)
            if "include" in query and answer.status_code == 200:
                page = answer.json()
                assert page["has_more"] or page["total"] == len(page["data"]), operation
                lists_of_own += any(one in answer.text for one in two.own.ids.values())
    # An empty list would show nothing of anybody.
    assert lists_of_own
