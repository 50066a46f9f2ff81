"""Hostile requests at every route of every service, generated from the OpenAPI documents."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from starlette.routing import Mount, Route

from common.ids import new_id
from common.json_bodies import DEEPEST
from fairway.services import PACKAGES

from ..access.conftest import Guard
from .bodies import body_for, schema_of_body
from .records import MARK, kinds_in, records_of
from .test_object_level import Operation, operations_of

pytestmark = pytest.mark.capability("N10")

OF_THE_SERVER = ("id", "version", "created_at", "updated_at", "is_admin", "created_by")
ANSWERED_WITHIN_S = 2.0
"""Of a request on a busy machine; how fast a body is refused is measured in libs/common/tests."""
HOSTILE = {
    "deep": b'{"name": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "many": b"{" + b",".join(b'"n%d":1' % n for n in range(100_000)) + b"}",
    "twice": b'{"name": "a", "name": "b"}',
    "huge": b'{"name": ' + b"9" * 5_000 + b"}",
    "nan": b'{"name": NaN}',
    "half a pair": b'{"name": "\\ud800"}',
    "nul": b'{"name": "\\u0000"}',
    "just too deep": b'{"name": ' + b"[" * DEEPEST + b"]" * DEEPEST + b"}",
    "no object": b'["name"]',
    "no JSON": b"{",
}
JSON = {"content-type": "application/json"}
NOT_SO_WRITTEN = {
    "date-time": ("0.5", "5", "2026-03-02", "2026-03-02T09:30:00", "2026-03-02 09:30:00Z"),
    "date": ("5", "1772409600", "20260302", "2026-03-02T00:00:00"),
    "uuid": (
        "5",
        "01936f5e8a2b7c3d9e4f5a6b7c8d9e0f",
        "urn:uuid:01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f",
    ),
    "integer": ("1.0", "1_0", " 1", "٣", "true"),
    "boolean": ("yes", "1", "on"),
}
INJECTIONS = (
    "' OR 1=1 --",
    "%",
    "%%%" * 50,
    "{{7*7}}",
    "a\r\nSet-Cookie: x=y",
)
OUTSIDE_OF_THE_DOCUMENT = {
    "/livez": "of the process",
    "/readyz": "of the process",
    "/metrics": "of the process",
    "/{service}/docs": "what the document says, for people",
    "/{service}/docs-assets": "files of that page",
    "/{service}/openapi.json": "the document",
    "/{service}/internal/events": "the feed, for the other services only",
    "/{service}/dashboard": "a page",
    "/{service}/dashboard/static/{name:path}": "files of that page",
}


def filled(operation: Operation) -> str:
    return operation.at(**{name: str(new_id()) for name in operation.named})


async def events_of(guarded) -> int:
    async with guarded.database.reading() as session:
        return (await session.execute(text("SELECT count(*) FROM event_log"))).scalar_one()


@pytest.mark.parametrize("package", PACKAGES)
async def test_no_route_that_reads_json_takes_what_is_hostile(guard: Guard, package):
    guarded = await guard(package)
    client, _ = await guarded.signed_in("*")
    document = guarded.app.openapi()
    asked = 0

    for operation in operations_of(document):
        if schema_of_body(operation.described, document) is None:
            continue
        for what, body in HOSTILE.items():
            started = time.perf_counter()
            answer = await client.request(
                operation.method, filled(operation), content=body, headers=JSON
            )
            took_s = time.perf_counter() - started
            assert answer.status_code == 422, (str(operation), what, answer.text[:300])
            assert took_s < ANSWERED_WITHIN_S, (str(operation), what)
            asked += 1

    assert asked
    assert await events_of(guarded) == 0


@pytest.mark.parametrize("package", PACKAGES)
async def test_no_body_takes_a_field_that_is_the_servers(guard: Guard, package):
    guarded = await guard(package)
    client, _ = await guarded.signed_in("*")
    document = guarded.app.openapi()
    asked = 0

    for operation in operations_of(document):
        schema = schema_of_body(operation.described, document)
        if schema is None:
            continue
        body = body_for(operation.described, document)
        for name in set(OF_THE_SERVER) - schema.get("properties", {}).keys():
            answer = await client.request(
                operation.method,
                filled(operation),
                json={**body, name: str(new_id())},
                headers={"If-Match": "*"},
            )
            assert answer.status_code == 422, (str(operation), name, answer.text[:300])
            pointers = [fault["pointer"] for fault in answer.json()["errors"]]
            assert f"/{name}" in pointers, (str(operation), name, pointers)
            asked += 1

    assert asked
    assert await events_of(guarded) == 0


_NEVER_NEGATIVE = re.compile(r"(^|_)(amount|price|quantity|cost)$")


@pytest.mark.parametrize("package", ["sales", "contract", "customer"])
async def test_no_amount_price_or_quantity_is_below_zero(guard: Guard, package):
    guarded = await guard(package)
    client, _ = await guarded.signed_in("*")
    document = guarded.app.openapi()
    asked = 0

    for operation in operations_of(document):
        body = body_for(operation.described, document)
        for name, inside in _numbers_in(body):
            kept, inside[name] = inside[name], "-1"
            answer = await client.request(
                operation.method, filled(operation), json=body, headers={"If-Match": "*"}
            )
            inside[name] = kept
            statuses = [answer.status_code]
            if operation.path.endswith((":batch", ":upsert")):
                statuses = [one["status"] for one in answer.json()["results"]]
            assert set(statuses) == {422}, (str(operation), name, answer.text)
            asked += 1

    assert asked
    assert await events_of(guarded) == 0


def _numbers_in(body: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The places of a body that hold an amount, each with what holds it."""
    if isinstance(body, list):
        for one in body:
            yield from _numbers_in(one)
    elif isinstance(body, dict):
        for name, value in body.items():
            if _NEVER_NEGATIVE.search(name) and not isinstance(value, dict | list):
                yield name, body
            else:
                yield from _numbers_in(value)


@pytest.mark.parametrize("package", PACKAGES)
async def test_a_value_is_what_its_schema_says_and_nothing_that_could_pass_for_it(
    guard: Guard, package
):
    guarded = await guard(package)
    client, _ = await guarded.signed_in("*")
    asked = 0

    for operation in operations_of(guarded.app.openapi()):
        for parameter in operation.described.get("parameters", ()):
            if parameter["in"] != "query":
                continue
            schema = parameter["schema"]
            kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
            if len(kinds) != 1:
                continue
            kind = kinds[0].get("format", kinds[0].get("type"))
            for written in NOT_SO_WRITTEN.get(kind, ()):
                answer = await client.request(
                    operation.method, filled(operation), params={parameter["name"]: written}
                )
                assert answer.status_code == 422, (str(operation), parameter["name"], written)
                asked += 1

    assert asked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("occurred_at", 0.5),
        ("occurred_at", "0.5"),
        ("occurred_at", "2026-03-02T09:30:00"),
        ("occurred_at", "2026-03-02"),
        ("subject", 5),
        ("customer_id", 5),
    ],
)
async def test_a_body_holds_what_its_schema_says_as_well(guard: Guard, name, value):
    guarded = await guard("customer")
    client, _ = await guarded.signed_in("*")
    body = {
        "customer_id": str(new_id()),
        "channel": "phone",
        "subject": "x",
        "occurred_at": "2026-03-02T09:30:00Z",
        name: value,
    }

    answer = await client.post("/customer/v1/interactions", json=body)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{name}"]


async def test_a_body_that_does_not_fit_is_told_before_its_version_is(guard: Guard):
    guarded = await guard("customer")
    client, _ = await guarded.signed_in("*")
    made = await client.post("/customer/v1/customers", json={"name": "远航机电"})
    path = f"/customer/v1/customers/{made.json()['id']}"

    answers = [
        await client.patch(path, json={"name": 5}, headers={"If-Match": '"7"'}),
        await client.patch(path, json={"name": "宏达"}, headers={"If-Match": '"7"'}),
    ]

    assert [answer.status_code for answer in answers] == [422, 412]


@pytest.mark.parametrize("package", PACKAGES)
async def test_what_is_searched_for_is_text_and_nothing_else(guard: Guard, package):
    guarded = await guard(package)
    await records_of(guarded, new_id())
    client, _ = await guarded.signed_in("*", scope="partner", partner_id=new_id())
    asked = 0

    for operation in operations_of(guarded.app.openapi()):
        if operation.method != "GET" or operation.named:
            continue
        for parameter in operation.described.get("parameters", ()):
            if parameter["in"] != "query" or parameter["name"] in ("limit", "include"):
                continue
            for written in INJECTIONS:
                answer = await client.get(operation.path, params={parameter["name"]: written})
                assert answer.status_code in (200, 400, 403, 404, 422), (operation, answer.text)
                assert MARK not in answer.text, (str(operation), parameter["name"], written)
                assert "set-cookie" not in answer.headers
                asked += 1

    assert asked


@pytest.mark.parametrize("package", PACKAGES)
async def test_no_list_opens_a_cursor_that_it_did_not_make(guard: Guard, package):
    guarded = await guard(package)
    client, _ = await guarded.signed_in("*")
    asked = 0
    for operation in operations_of(guarded.app.openapi()):
        known = {one["name"] for one in operation.described.get("parameters", ())}
        if operation.method != "GET" or operation.named or "cursor" not in known:
            continue
        for cursor in ("x", "AAAA", "e30=", "A" * 4_000, "é"):
            answer = await client.get(operation.path, params={"cursor": cursor})
            # Or something else is missing that the list needs.
            assert answer.status_code in (400, 422), (str(operation), cursor, answer.text)
            asked += 1
    assert asked


@pytest.mark.parametrize("package", PACKAGES)
async def test_a_path_tells_all_its_methods_and_has_no_verbs_but_its_own(guard: Guard, package):
    guarded = await guard(package)
    client, _ = await guarded.signed_in("*")
    documented = guarded.app.openapi()["paths"]

    for path, methods in documented.items():
        operation = Operation("OPTIONS", path, {})
        if len(kinds_in(path, package)) < len(operation.named):
            # What is looked up by name may be no id.
            continue
        asked = await client.options(filled(operation))
        assert asked.status_code == 405, path
        # And those of an id, where the last word of the path could be one.
        assert set(methods) <= {one.lower() for one in asked.headers["allow"].split(", ")}, path
        if path.endswith("}"):
            unknown = await client.post(f"{filled(operation)}:no-such-verb", json={})
            assert unknown.status_code == 404, path
            assert unknown.json()["code"] == "no_such_route"


@pytest.mark.parametrize("package", PACKAGES)
async def test_every_route_is_in_the_document_or_known_here(guard: Guard, package):
    guarded = await guard(package)
    service = package.replace("_", "-")
    documented = set(guarded.app.openapi()["paths"])
    outside = {path.replace("{service}", service) for path in OUTSIDE_OF_THE_DOCUMENT}

    found: set[str] = set()
    waiting = list(guarded.app.router.routes)
    while waiting:
        route = waiting.pop()
        if isinstance(route, Route | Mount):
            found.add(route.path)
        elif (router := getattr(route, "original_router", None)) is not None:
            waiting += router.routes

    assert documented <= found
    assert found <= documented | outside


async def test_a_request_id_that_forges_a_line_or_is_endless_is_not_taken_over(guard: Guard):
    guarded = await guard("customer")
    client, _ = await guarded.signed_in("*")
    for forged in ("a\tb", "x" * 10_000, "绝"):
        answer = await client.get(
            "/customer/v1/customers", headers=[(b"X-Request-ID", forged.encode())]
        )
        assert answer.status_code == 200
        assert answer.headers["x-request-id"].isascii()
        assert len(answer.headers["x-request-id"]) < 100
