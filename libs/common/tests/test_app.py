"""What surrounds every request: problem documents, ids, traces, metrics, health."""

import contextlib
import json
import re

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from common.ids import new_id
from common.testing.databases import as_owner
from common.testing.service import published

from .shop.__main__ import ENTRY
from .shop.main import create

BASKETS = "/shop/v1/baskets"
JSON = {"content-type": "application/json"}
TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def app_on(database, **settings):
    return create(ENTRY.settings(DATABASE_URL=database.dsn, **settings), database)


def client_of(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


def assert_problem(response, status, code=None):
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert response.status_code == problem["status"] == status, problem
    assert problem["title"]
    assert problem["request_id"] == response.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", problem["trace_id"])
    if code is not None:
        assert problem["code"] == code
        assert problem["type"] == f"/errors/{code}"
    return problem


# ------------------------------------------------------------------------------ what does not fit


async def test_an_unknown_path_and_a_wrong_method_are_problems(client):
    assert_problem(await client.get("/nowhere"), 404, "no_such_route")
    assert_problem(await client.get("/shop/v1/nowhere"), 404, "no_such_route")
    refused = await client.put(BASKETS, json={})
    assert_problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b'{"name": "a"} {"name": "b"}',
        b'{"name": NaN}',
        b'{"name": "a", "weight": NaN}',
        b'{"name": "a", "weight": Infinity}',
        b'{"name": "a", "weight": 1e400}',
        b'{"name": "a", "weight": 1.5}',
        b'{"name": "a", "weight": ' + b"9" * 40 + b"}",
        b'{"name": "a", "weight": ' + b"9" * 5000 + b"}",
        b'{"name": "a", "weight": 2147483648}',
        b'{"name": "a", "notes": {"n": NaN}}',
        b'{"name": "a", "notes": ' + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"}",
        b"[" * 100_000,
        b'{"name": "a", "notes": {"n": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
        b'{"name": "nul\\u0000"}',
        b'{"name": "a", "notes": {"n": "nul\\u0000"}}',
        b'{"name": "half a pair \\ud800"}',
        b'{"name": "a", "notes": {"n": "half a pair \\ud800"}}',
        b'{"name": "a", "half a pair \\ud800": 1}',
        b'{"name": "a", "nul\\u0000": 1}',
        b'{"name": "\xff\xfe"}',
        b"\xff\xfe\x00",
        b'{"name": "' + "长".encode() * 201 + b'"}',
    ],
    ids=lambda body: repr(body[:32])[2:-1],
)
async def test_a_body_that_does_not_fit_is_the_senders_fault_and_writes_nothing(
    client, session, body
):
    response = await client.post(BASKETS, content=body, headers=JSON)

    assert response.status_code in (400, 413, 422), response.text
    assert_problem(response, response.status_code)
    assert await published(session) == []


@pytest.mark.parametrize(
    "query",
    [
        "name=%00",
        "name=%ff",
        "name=%ed%a0%80",
        "limit=" + "9" * 5000,
        "limit=99999999999999999999999",
        "limit=NaN",
        "cursor=%00",
        "colour=red",
        "sort=colour",
        "sort=%00",
    ],
    ids=lambda query: query[:24],
)
async def test_a_query_that_does_not_fit_is_never_a_fault_of_the_server(client, query):
    response = await client.get(f"{BASKETS}?{query}")

    assert response.status_code in (200, 400, 422), response.text
    if response.status_code != 200:
        assert_problem(response, response.status_code)


async def test_a_path_that_does_not_fit_is_the_senders_fault(client):
    assert_problem(await client.get(f"{BASKETS}/not-an-id"), 422, "not_valid")
    assert_problem(await client.get(f"{BASKETS}/{new_id()}"), 404, "basket_not_found")
    assert_problem(await client.get(f"{BASKETS}/%00"), 422)


async def test_a_field_that_does_not_fit_is_pointed_at(client):
    response = await client.post(BASKETS, json={"name": 1, "colour": "red", "weight": "heavy"})

    problem = assert_problem(response, 422, "not_valid")
    assert {fault["pointer"] for fault in problem["errors"]} == {"/name", "/colour", "/weight"}
    assert all(fault["code"] and fault["message"] for fault in problem["errors"])


async def test_an_unknown_parameter_is_named_with_those_that_are_known(client):
    problem = assert_problem(await client.get(f"{BASKETS}?colour=red"), 422, "unknown_parameter")

    assert problem["errors"][0]["pointer"] == "/colour"
    for known in ("limit", "cursor", "sort", "include", "name"):
        assert known in problem["detail"]


# ---------------------------------------------------------------------------------- too large


async def chunks(size):
    yield b'{"name": "'
    for _ in range(size // 1024):
        yield b"x" * 1024
    yield b'"}'


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "large"}], ids=["no key", "key"])
async def test_a_body_above_the_limit_is_too_large(database, session, announced, key):
    body = b"".join([chunk async for chunk in chunks(70_000)])
    async with client_of(app_on(database, FAIRWAY_BODY_LIMIT_BYTES=64_000)) as client:
        response = await client.post(
            BASKETS, content=body if announced else chunks(70_000), headers=JSON | key
        )

    assert_problem(response, 413, "body_too_large")
    assert await published(session) == []


async def test_an_announced_length_that_no_body_has_is_too_large(client):
    headers = JSON | {"content-length": "9" * 5000}

    assert_problem(await client.post(BASKETS, content=b"{}", headers=headers), 413)


async def test_a_file_to_import_may_be_larger(database):
    settings = {"FAIRWAY_BODY_LIMIT_BYTES": 1000, "FAIRWAY_UPLOAD_LIMIT_BYTES": 100_000}
    async with client_of(app_on(database, **settings)) as client:
        small = await client.post(f"{BASKETS}:import", json=["x" * 50_000])
        large = await client.post(f"{BASKETS}:import", json=["x" * 100_000])
        elsewhere = await client.post(BASKETS, json={"name": "x" * 2000})

    assert small.status_code == 204
    assert_problem(large, 413, "body_too_large")
    assert_problem(elsewhere, 413, "body_too_large")


async def test_a_body_that_nobody_reads_does_no_harm(database):
    async with client_of(app_on(database, FAIRWAY_BODY_LIMIT_BYTES=10)) as client:
        assert_problem(await client.post("/nowhere", content=b"x" * 1000), 404, "no_such_route")
        assert (await client.request("GET", BASKETS, content=b"x" * 1000)).status_code == 200


async def test_an_event_above_64_kib_fails_the_write(client, session):
    response = await client.post(BASKETS, json={"name": "x" * 70_000})

    assert_problem(response, 422, "event_too_large")
    assert await published(session) == []


# ------------------------------------------------------------------------------- ids and traces


@pytest.mark.parametrize("given", ["abc-123", "a" * 128, "5f/9:_.~"])
async def test_a_request_keeps_the_id_it_came_with(client, session, given):
    response = await client.post(BASKETS, json={"name": "a"}, headers={"X-Request-ID": given})

    assert response.headers["x-request-id"] == given
    assert (await envelope(session))["correlationid"] == given


@pytest.mark.parametrize(
    "given", [b"", b"two words", b"a" * 129, b"tab\tin", b"caf\xe9", b"\x80", b"line\x0bfeed"]
)
async def test_a_request_without_a_clean_id_gets_one(client, session, given):
    response = await client.post(BASKETS, json={"name": "a"}, headers=[(b"X-Request-ID", given)])

    assert re.fullmatch(r"[0-9a-f-]{36}", response.headers["x-request-id"])
    assert (await envelope(session))["correlationid"] == response.headers["x-request-id"]


async def envelope(session):
    """The last event as it travels."""
    rows = await session.execute(text("SELECT body FROM event_log ORDER BY seq DESC LIMIT 1"))
    return json.loads(rows.scalar_one())


async def test_a_trace_that_comes_in_goes_on_in_problems_and_events(client, session):
    headers = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}

    made = await client.post(BASKETS, json={"name": "a"}, headers=headers)
    refused = await client.get(f"{BASKETS}?colour=red", headers=headers)

    assert made.status_code == 201
    assert refused.json()["trace_id"] == TRACE_ID
    _, trace_id, span_id, _ = (await envelope(session))["traceparent"].split("-")
    assert trace_id == TRACE_ID
    assert span_id != SPAN_ID


@pytest.mark.parametrize(
    "given",
    ["", "nonsense", f"00-{'0' * 32}-{SPAN_ID}-01", f"00-{TRACE_ID}-{'0' * 16}-01", "00-é-é-01"],
)
async def test_a_malformed_trace_header_starts_a_new_trace(client, given):
    headers = [(b"traceparent", given.encode())]

    problem = assert_problem(await client.get("/nowhere", headers=headers), 404)

    assert problem["trace_id"] != TRACE_ID
    assert int(problem["trace_id"], 16) != 0


async def test_the_acting_person_is_in_the_event(client, session):
    await client.post(BASKETS, json={"name": "a"})

    assert (await envelope(session))["actorid"] == "local-operator"


async def test_no_answer_is_sniffed_for_its_type(client):
    for path in (BASKETS, "/nowhere", "/livez"):
        assert (await client.get(path)).headers["x-content-type-options"] == "nosniff"


# -------------------------------------------------------------------------------------- metrics


def requests_counted(**labels):
    wanted = {"service": "shop", **labels}
    return {
        sample.labels["http_route"]: sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "http_server_request_duration_seconds_count"
        and wanted.items() <= sample.labels.items()
    }


async def test_metrics_carry_the_route_and_never_the_path(client):
    before = requests_counted()
    for path in (f"{BASKETS}/{new_id()}", f"{BASKETS}/{new_id()}", "/nowhere/42", "/nowhere/43"):
        await client.get(path)
    await client.put(BASKETS)

    after = requests_counted(http_request_method="GET", http_response_status_code="404")
    assert after[f"{BASKETS}/{{basket_id}}"] >= 2
    assert after[""] >= 2
    assert not [route for route in requests_counted() if "42" in route]
    new_routes = set(requests_counted()) - set(before)
    assert len(new_routes) <= 4


async def test_an_unknown_method_does_not_become_a_label(client):
    response = await client.request("BREW", BASKETS)

    assert_problem(response, 405, "method_not_allowed")
    assert requests_counted(http_request_method="_OTHER")
    assert not requests_counted(http_request_method="BREW")


async def test_a_fault_is_counted_by_what_it_was(client):
    await client.post("/shop/v1/failures/refused/fault")

    counted = requests_counted(http_response_status_code="500", error_type="RuntimeError")
    assert counted["/shop/v1/failures/refused/{family}"] >= 1


async def test_metrics_are_told_in_both_formats(client):
    plain = await client.get("/metrics")
    openmetrics = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})

    assert "http_server_request_duration_seconds_bucket" in plain.text
    assert plain.headers["content-type"].startswith("text/plain")
    assert openmetrics.text.endswith("# EOF\n")
    assert 'http_server_active_requests{http_request_method="GET",service="shop"} 1.0' in plain.text


# --------------------------------------------------------------------------------------- health


async def test_a_service_at_the_head_of_its_migrations_is_ready(client):
    assert (await client.get("/livez")).json() == {"status": "live"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    verbose = (await client.get("/readyz?verbose")).json()
    assert verbose["checks"] == {"draining": "no", "database": "at head"}


@contextlib.asynccontextmanager
async def revision_in(database, statement, undo):
    """The database stands elsewhere while the block lasts."""
    async with database.transaction() as session:
        await as_owner(session)
        await session.execute(text(statement))
    try:
        yield
    finally:
        async with database.transaction() as session:
            await as_owner(session)
            await session.execute(text(undo))


async def test_a_service_whose_database_is_behind_is_not_ready_and_says_so(client, database):
    behind = "UPDATE alembic_version SET version_num = '0001'"
    async with revision_in(database, behind, behind.replace("0001", "0002")):
        response = await client.get("/readyz?verbose")

    assert response.status_code == 503
    assert response.json()["checks"]["database"] == "at 0001, head is 0002"


async def test_a_service_whose_database_is_ahead_is_ready(client, database):
    """The older release goes on while the newer one is rolled out."""
    ahead = "UPDATE alembic_version SET version_num = '0003'"
    async with revision_in(database, ahead, ahead.replace("0003", "0002")):
        assert (await client.get("/readyz")).status_code == 200


async def test_a_database_without_tables_is_told_as_such(client, database):
    async with revision_in(
        database,
        "ALTER TABLE alembic_version RENAME TO elsewhere",
        "ALTER TABLE elsewhere RENAME TO alembic_version",
    ):
        response = await client.get("/readyz?verbose")

    assert response.status_code == 503
    assert response.json()["checks"]["database"] == "at None, head is 0002"


async def test_a_service_that_drains_is_live_and_not_ready(database):
    app = app_on(database)
    async with app.router.lifespan_context(app), client_of(app) as client:
        assert (await client.get("/readyz")).status_code == 200
    async with client_of(app) as client:
        response = await client.get("/readyz?verbose")

        assert response.status_code == 503
        assert response.json()["checks"]["draining"] == "yes"
        assert (await client.get("/livez")).status_code == 200


async def test_the_api_page_needs_nothing_from_elsewhere(client):
    page = (await client.get("/shop/docs")).text
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith("/shop/"), address
        assert (await client.get(address)).status_code == 200
    document = (await client.get("/shop/openapi.json")).json()
    assert BASKETS in document["paths"]
    assert "/shop/internal/events" not in document["paths"]
    assert "/livez" not in document["paths"]
