"""The one port in front of six services."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
import uvicorn
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from common.cli import ServiceEntry
from common.local_processes import free_port
from fairway.front import Forward, Front, merge_openapi
from fairway.services import PACKAGES, load, path_of

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def a_service(name: str, *, ready: bool = True) -> Starlette:
    """A service that tells what it was asked."""

    async def tell(request: Request) -> Response:
        body = (await request.body()).decode()
        return JSONResponse(
            {
                "service": name,
                "method": request.method,
                "path": request.url.path,
                "query": request.url.query,
                "body": body,
                "token": request.headers.get("authorization"),
                "forwarded": {
                    name: value
                    for name, value in request.headers.items()
                    if "forwarded" in name or name == "x-real-ip"
                },
            },
            201 if request.method == "POST" else 200,
            {"ETag": '"7"'},
        )

    async def readiness(_: Request) -> Response:
        return JSONResponse({"status": "ready" if ready else "not ready"}, 200 if ready else 503)

    async def stream(_: Request) -> Response:
        async def parts() -> AsyncIterator[str]:
            for part in ("a,b\n", "1,2\n"):
                yield part

        return StreamingResponse(parts(), media_type="text/csv")

    async def openapi(_: Request) -> Response:
        return JSONResponse(
            {"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"Thing": {}}}}
        )

    return Starlette(
        routes=[
            Route("/readyz", readiness),
            Route(f"/{name}/openapi.json", openapi),
            Route(f"/{name}/v1/stream", stream),
            Route("/{rest:path}", tell, methods=["GET", "POST", "PATCH", "DELETE"]),
        ]
    )


def client_of(app: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # any ASGI app
    return httpx.AsyncClient(transport=transport, base_url="http://suite")


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    front = Front({"sales": a_service("sales"), "service-desk": a_service("service-desk")})
    async with client_of(front) as held:
        yield held


@pytest.fixture(scope="module")
def entries() -> list[ServiceEntry]:
    return load()


@pytest_asyncio.fixture(scope="module")
async def whole(entries: list[ServiceEntry]) -> AsyncIterator[httpx.AsyncClient]:
    """The front before the six real apps, whose databases are away."""
    apps = {
        path_of(entry.package): entry.create_app(entry.settings(DATABASE_URL=NOWHERE), None)
        for entry in entries
    }
    async with client_of(Front(apps)) as held:
        yield held


# --- dispatch


@pytest.mark.parametrize("service", ["sales", "service-desk"])
async def test_a_request_goes_to_the_service_its_path_names_unchanged(client, service):
    answer = await client.post(
        f"/{service}/v1/things/7:act?limit=1&q=%E6%B3%B5", content="泵", headers={"X-A": "b"}
    )

    assert answer.status_code == 201
    assert answer.json() == {
        "service": service,
        "method": "POST",
        "path": f"/{service}/v1/things/7:act",
        "query": "limit=1&q=%E6%B3%B5",
        "body": "泵",
        "token": None,
        "forwarded": {},
    }


@pytest.mark.parametrize("path", ["/nothing", "/sales-and-more/v1/things", "/sale"])
async def test_a_path_of_no_service_is_a_problem_document(client, path):
    answer = await client.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "no_such_route"
    assert answer.json()["instance"] == path


@pytest.mark.parametrize(
    "path", ["/sales/internal/events", "/service-desk/internal", "/nobody/internal/events"]
)
async def test_the_feeds_between_the_services_are_not_for_clients(client, path):
    answer = await client.get(path, headers={"Authorization": "Bearer guessed"})

    assert answer.status_code == 404
    assert answer.json()["code"] == "no_such_route"


async def test_a_service_may_call_a_thing_internal_further_down(client):
    answer = await client.get("/sales/v1/internal")

    assert answer.json()["service"] == "sales"


async def test_the_first_page_is_the_dashboard(client):
    answer = await client.get("/")

    assert (answer.status_code, answer.headers["location"]) == (307, "/reporting/dashboard")


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/livez", "/metrics", "/readyz", "/nothing", "/sales/internal/events"]
)
async def test_a_page_of_the_front_is_kept_by_nobody_and_shown_in_no_frame(client, path):
    answer = await client.get(path)

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers


async def test_over_tls_a_page_of_the_front_keeps_browsers_on_it():
    transport = httpx.ASGITransport(app=Front({}))
    async with httpx.AsyncClient(transport=transport, base_url="https://suite") as client:
        answer = await client.get("/livez")

    assert answer.headers["strict-transport-security"].startswith("max-age=")


# --- readiness


async def test_it_is_ready_when_every_service_is():
    async with client_of(Front({"sales": a_service("sales")})) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_one_service_that_is_not_ready_is_named():
    front = Front({"sales": a_service("sales"), "contract": a_service("contract", ready=False)})
    async with client_of(front) as client:
        answer = await client.get("/readyz?verbose")

    assert answer.status_code == 503
    assert answer.json()["services"]["sales"]["status"] == "ready"
    assert answer.json()["services"]["contract"]["status"] == "not ready"


async def test_it_lives_and_has_metrics_whatever_the_services_do(client):
    assert (await client.get("/livez")).json() == {"status": "live"}
    metrics = await client.get("/metrics")
    assert "python_info" in metrics.text


# --- documents


async def test_the_merged_openapi_is_valid_and_has_every_path_of_every_service(whole, entries):
    merged = (await whole.get("/openapi.json")).json()

    validate(merged)
    for entry in entries:
        path = path_of(entry.package)
        own = (await whole.get(f"/{path}/openapi.json")).json()
        assert set(own["paths"]) <= set(merged["paths"])
        assert any(name.startswith(f"/{path}/v1/") for name in own["paths"])
    assert not any("/internal/" in path for path in merged["paths"])


async def test_operations_of_two_services_with_one_name_stay_apart(whole):
    merged = (await whole.get("/openapi.json")).json()

    ids = [
        operation["operationId"]
        for operations in merged["paths"].values()
        for operation in operations.values()
    ]
    assert len(ids) == len(set(ids))
    assert {"customer-list_imports", "sales-list_imports"} <= set(ids)


async def test_every_reference_of_the_merged_openapi_leads_somewhere(whole):
    text = (await whole.get("/openapi.json")).text

    names = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    schemas = json.loads(text)["components"]["schemas"]
    assert names
    assert names <= set(schemas)


def test_schemas_of_two_services_with_one_name_stay_apart():
    def document(kind: str) -> dict[str, object]:
        return {
            "paths": {
                f"/{kind}/v1/things": {
                    "get": {
                        "operationId": "list_things",
                        "tags": ["things"],
                        "responses": {"200": {"$ref": "#/components/schemas/Thing"}},
                    }
                }
            },
            "components": {"schemas": {"Thing": {"title": kind}}},
        }

    merged = merge_openapi({"sales": document("sales"), "service-desk": document("service-desk")})

    assert merged["components"]["schemas"] == {
        "Sales.Thing": {"title": "Sales sales"},
        "ServiceDesk.Thing": {"title": "ServiceDesk service-desk"},
    }
    operation = merged["paths"]["/service-desk/v1/things"]["get"]
    assert operation["responses"]["200"]["$ref"] == "#/components/schemas/ServiceDesk.Thing"
    assert operation["tags"] == ["service-desk: things"]


async def test_the_api_page_brings_its_own_scripts(whole):
    page = (await whole.get("/docs")).text

    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert assets
    for asset in assets:
        answer = await whole.get(asset)
        assert answer.status_code == 200, asset


async def test_every_event_is_told_with_who_says_and_who_hears_it(whole):
    events = (await whole.get("/events.json")).json()

    by_type = {event["type"]: event for event in events}
    accepted = by_type["sales.quote.accepted.v1"]
    assert accepted["said_by"] == "sales"
    assert accepted["heard_by"] == ["contract", "reporting"]
    assert accepted["summary"]
    assert accepted["example"]["quote_id"]
    assert {event["said_by"] for event in events} == set(PACKAGES) - {"reporting"}


async def test_the_events_page_names_every_event(whole):
    events = (await whole.get("/events.json")).json()

    page = await whole.get("/events")

    assert page.headers["content-type"].startswith("text/html")
    assert all(f"id='{event['type']}'" in page.text for event in events)
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("quote_not_open", "sent"),
        ("customer_not_known", "customer"),
        ("not_found", "not exist"),
    ],
)
async def test_an_error_code_explains_itself(whole, code, words):
    answer = await whole.get(f"/errors/{code}")

    assert answer.status_code == 200
    assert answer.text.startswith(code)
    assert words in answer.text


async def test_a_code_that_nobody_uses_is_not_found(whole):
    answer = await whole.get("/errors/no_such_code")

    assert answer.status_code == 404


async def test_the_type_of_a_problem_leads_to_its_explanation(whole):
    refused = await whole.get("/sales/v1/quotes?no_such_parameter=1")

    explained = await whole.get(refused.json()["type"])

    assert refused.status_code == 422
    assert explained.status_code == 200


# --- forwarding to processes


@pytest_asyncio.fixture
async def sales_process() -> AsyncIterator[str]:
    """The service behind a port of its own."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(a_service("sales"), port=port, log_config=None, lifespan="off")
    )
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@asynccontextmanager
async def forwarding_to(address: str) -> AsyncIterator[httpx.AsyncClient]:
    forward = Forward(address)
    async with client_of(Front({"sales": forward})) as client:
        yield client
    await forward.close()


async def test_a_forwarded_request_arrives_as_it_was_sent(sales_process):
    async with forwarding_to(sales_process) as client:
        answer = await client.patch(
            "/sales/v1/things/7?q=%E6%B3%B5",
            content="泵",
            headers={"Authorization": "Bearer t", "Connection": "close"},
        )

    assert answer.json() == {
        "service": "sales",
        "method": "PATCH",
        "path": "/sales/v1/things/7",
        "query": "q=%E6%B3%B5",
        "body": "泵",
        "token": "Bearer t",
        "forwarded": {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http"},
    }
    assert answer.headers["etag"] == '"7"'


async def test_what_a_client_says_of_its_address_does_not_reach_the_process(sales_process):
    lies = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Real-IP": "203.0.113.7",
        "Forwarded": "for=203.0.113.7",
    }
    async with forwarding_to(sales_process) as client:
        answer = await client.get("/sales/v1/things", headers=lies)

    told = answer.json()["forwarded"]
    assert told == {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http"}
    assert len(answer.headers.get_list("date")) <= 1


async def test_a_forwarded_answer_may_come_in_parts(sales_process):
    async with forwarding_to(sales_process) as client:
        answer = await client.get("/sales/v1/stream")

    assert answer.text == "a,b\n1,2\n"
    assert answer.headers["content-type"].startswith("text/csv")


async def test_a_service_that_is_away_is_a_503_that_says_when_to_try_again():
    async with forwarding_to(f"http://127.0.0.1:{free_port()}") as client:
        answer = await client.get("/sales/v1/things")

    assert answer.status_code == 503
    assert answer.json()["code"] == "service_away"
    assert answer.headers["retry-after"] == "2"
