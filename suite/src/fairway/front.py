"""One port for six services: the paths are the services' own, so nothing is rewritten.

`Front` is the ASGI app the person talks to. Behind it stand the six apps of this process, or, with
`--processes`, the six API processes that it forwards to.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.app import problem, swagger_page, transport_security

_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "host",
}
# Said anew to the processes behind: what a client says of its own address is not passed on.
_OF_PROXIES = {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"}
# Those of the server in front.
_OF_THE_SERVER = {"date", "server"}
_OF_OWN_PAGES = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)


class Front:
    """Sends each request to the service its first path segment names."""

    def __init__(self, backends: Mapping[str, ASGIApp]) -> None:
        """`backends`: the app of each service, by the first segment of its paths."""
        self._backends = dict(backends)
        self._own = Starlette(
            routes=[
                Route("/", lambda _: RedirectResponse("/reporting/dashboard")),
                Route("/docs", self._docs),
                Route("/openapi.json", self._openapi),
                Route("/events", self._events),
                Route("/events.json", self._events_json),
                Route("/errors/{code}", _explain_error),
                Route("/livez", lambda _: JSONResponse({"status": "live"})),
                Route("/readyz", self._ready),
                Route("/metrics", _metrics),
            ],
            exception_handlers={404: _no_such_route},
        )
        self._documents: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        backend = None
        if scope["type"] == "http":
            parts = scope["path"].split("/", 3)
            # The feeds are for the other services, never for clients.
            if len(parts) > 2 and parts[2] == "internal":
                await _no_such_route(Request(scope), None)(scope, receive, _guarded(scope, send))
                return
            backend = self._backends.get(parts[1])
        if backend is None:
            await self._own(scope, receive, _guarded(scope, send))
        else:
            await backend(scope, receive, send)

    async def _ask(self, service: str, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._backends[service])
        async with httpx.AsyncClient(transport=transport, base_url="http://suite") as client:
            return await client.get(path)

    async def _docs(self, _: Request) -> HTMLResponse:
        return swagger_page("/openapi.json", "Fairway", "/customer/docs-assets")

    async def _openapi(self, _: Request) -> Response:
        if "openapi" not in self._documents:
            parts = {
                service: (await self._ask(service, f"/{service}/openapi.json")).json()
                for service in self._backends
            }
            self._documents["openapi"] = merge_openapi(parts)
        return JSONResponse(self._documents["openapi"])

    async def _events_json(self, _: Request) -> Response:
        return JSONResponse(_events_of_all())

    async def _events(self, _: Request) -> HTMLResponse:
        return HTMLResponse(_events_page(_events_of_all()))

    async def _ready(self, request: Request) -> JSONResponse:
        verbose = "verbose" in request.query_params
        checks = {}
        for service in self._backends:
            answer = await self._ask(service, "/readyz?verbose")
            checks[service] = answer.json()
        ready = all(check.get("status") == "ready" for check in checks.values())
        body: dict[str, Any] = {"status": "ready" if ready else "not ready"}
        if verbose:
            body["services"] = checks
        return JSONResponse(body, 200 if ready else 503)


class Forward:
    """The app of a service that runs as a process of its own."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.AsyncClient(base_url=base_url, timeout=60)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        query = scope["query_string"].decode("latin-1")
        try:
            answer = await self._client.send(
                self._client.build_request(
                    request.method,
                    httpx.URL(path=scope["path"], query=query.encode("latin-1")),
                    headers=[
                        *(
                            (name, value)
                            for name, value in request.headers.items()
                            if name not in _HOP_BY_HOP | _OF_PROXIES
                        ),
                        ("x-forwarded-for", request.client.host if request.client else ""),
                        ("x-forwarded-proto", scope["scheme"]),
                    ],
                    content=request.stream() if _has_body(request) else None,
                ),
                stream=True,
            )
        except httpx.HTTPError:
            away = problem(
                503,
                "service_away",
                "the service does not answer; try again",
                headers={"Retry-After": "2"},
            )
            await away(scope, receive, send)
            return
        response = StreamingResponse(answer.aiter_raw(), answer.status_code)
        response.raw_headers = [
            (name, value)
            for name, value in answer.headers.raw
            if name.decode("latin-1").lower() not in _HOP_BY_HOP | _OF_THE_SERVER
        ]
        try:
            await response(scope, receive, send)
        finally:
            await answer.aclose()


def _guarded(scope: Scope, send: Send) -> Send:
    """`send` for a page of our own: kept by nobody, shown in no frame."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                *message.get("headers", ()),
                *_OF_OWN_PAGES,
                *transport_security(scope),
            ]
        await send(message)

    return answer


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


def merge_openapi(parts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """One OpenAPI document of all services; schemas get the service's name in front."""
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Fairway", "version": "1"},
        "paths": {},
        "components": {"schemas": {}, "securitySchemes": {}},
        "tags": [],
    }
    for service, document in parts.items():
        prefix = "".join(word.title() for word in service.split("-"))
        text = json.dumps(document).replace(
            '"#/components/schemas/', f'"#/components/schemas/{prefix}.'
        )
        renamed = json.loads(text)
        for path, operations in renamed["paths"].items():
            for operation in operations.values():
                operation["tags"] = [f"{service}: {tag}" for tag in operation.get("tags", [])]
                operation["operationId"] = f"{service}-{operation['operationId']}"
            merged["paths"][path] = operations
        components = renamed.get("components", {})
        schemas = components.get("schemas", {})
        titles = Counter(schema.get("title", name) for name, schema in schemas.items())
        for name, schema in schemas.items():
            # Generated clients name their classes by the title, and so it has to be one of its own:
            # also where what is sent and what is answered differ, or two features say the same.
            title = schema.get("title", name)
            titled = {**schema, "title": f"{prefix} {title if titles[title] == 1 else name}"}
            merged["components"]["schemas"][f"{prefix}.{name}"] = titled
        # The same in all services: one token is good for all of them.
        merged["components"]["securitySchemes"] |= components.get("securitySchemes", {})
    return merged


def _events_of_all() -> list[dict[str, Any]]:
    from common.api_files import asyncapi_of
    from common.messaging.consumers import Consumers
    from fairway.services import load

    documents = [
        (
            entry.package,
            asyncapi_of(entry.package, entry.events, Consumers(entry.package, entry.consumers)),
        )
        for entry in load()
    ]
    heard_by: dict[str, list[str]] = {}
    for package, document in documents:
        for operation in document["operations"]:
            if operation.startswith("hear."):
                heard_by.setdefault(operation.removeprefix("hear."), []).append(package)
    everything = heard_by.get("*", [])
    return [
        {
            "type": name,
            "summary": message["summary"],
            "said_by": package,
            "heard_by": sorted({*heard_by.get(name, []), *everything}),
            "example": message["examples"][0]["payload"],
        }
        for package, document in documents
        for name, message in sorted(document["components"]["messages"].items())
    ]


def _events_page(events: list[dict[str, Any]]) -> str:
    from html import escape

    rows = "".join(
        f"<tr id='{escape(event['type'])}'><td><code>{escape(event['type'])}</code>"
        f"<details><summary>example</summary><pre>"
        f"{escape(json.dumps(event['example'], indent=2, ensure_ascii=False))}</pre></details></td>"
        f"<td>{escape(event['summary'])}</td><td>{escape(', '.join(event['heard_by']))}</td></tr>"
        for event in events
    )
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Fairway events</title>"
        "<meta name='viewport' content='width=device-width'>"
        "<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;"
        "padding:0 1rem;color-scheme:light dark}table{border-collapse:collapse;width:100%}"
        "td,th{text-align:left;vertical-align:top;padding:.5rem;border-top:1px solid #8884}"
        "pre{overflow:auto}</style><h1>Events</h1>"
        "<p>What the services tell each other. The same as data: "
        "<a href='/events.json'>events.json</a></p>"
        f"<table><tr><th>Event</th><th>Meaning</th><th>Heard by</th></tr>{rows}</table></html>"
    )


async def _explain_error(request: Request) -> Response:
    code = request.path_params["code"]
    meaning = _meanings().get(code)
    if meaning is None:
        return _no_such_route(request, None)
    return PlainTextResponse(f"{code}\n\n{meaning}\n")


def _meanings() -> dict[str, str]:
    """The written codes of all refusals and what they mean, from the classes themselves."""
    from common.errors import Refusal

    found: dict[str, str] = {}
    families = [Refusal]
    while families:
        family = families.pop()
        found[family.code] = " ".join((family.__doc__ or "").split())
        families += family.__subclasses__()
    return found


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _no_such_route(request: Request, _: Any) -> JSONResponse:
    return problem(404, "no_such_route", "there is nothing here", instance=request.url.path)
