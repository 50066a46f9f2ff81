"""The HTTP application of a service: the one file that knows HTTP statuses.

A service's `main.py` hands over its routers; everything that all endpoints share is made here.
"""

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import fastapi_offline
import httpx
import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, Response
from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from common import context, errors, rate_limits, telemetry
from common.access.accounts import Accounts
from common.access.gate import check_complete
from common.access.masks import MaskingApi, fields_in
from common.access.refused_looks import RefusedLooks
from common.access.rights import INTERNAL, Policy
from common.access.tokens import KeySet
from common.api_routing import NoSuchVerb, ServiceRoute
from common.audit.routes import audit_router
from common.db import Database
from common.ids import new_id
from common.messaging.feed import feed_router
from common.migrations import schema_state
from common.openapi import PROBLEM_REFERENCE, document_parts
from common.settings import ServiceSettings
from common.views.lists import lists_of
from common.views.routes import VIEWS_POLICY, views_router

log = structlog.get_logger(__name__)

PROBLEM = "application/problem+json"
STATUS_OF: dict[type[errors.Refusal], int] = {
    errors.BadRequest: 400,
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.UnsupportedMediaType: 415,
    errors.Invalid: 422,
    errors.PreconditionRequired: 428,
    errors.TooManyRequests: 429,
}
_TITLES = {
    307: "Moved",
    400: "Bad request",
    401: "Not signed in",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not valid",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}
SHARED_POLICY: Policy = {
    "list_said_events": INTERNAL,
    "list_audit_entries": "audit.inspect",
    **VIEWS_POLICY,
}
"""The rights of the operations that every service has."""
_SWAGGER_ASSETS = Path(fastapi_offline.__file__).parent / "static"


def create_app(
    service: str,
    *,
    title: str,
    routers: Sequence[APIRouter],
    settings: ServiceSettings,
    migrations: Path,
    policy: Policy,
    database: Database | None = None,
    on_start: Sequence[Callable[[FastAPI], Any]] = (),
) -> FastAPI:
    """The application of `service` (its package name), with everything its endpoints share.

    `migrations` is the service's Alembic folder, whose head decides readiness; `policy` names the
    right that each operation needs. `database` is
    given by tests and the suite; otherwise it is made from the settings and closed at the end.
    """
    path = service.replace("_", "-")
    own_database = database is None
    held = database or Database(
        service,
        settings.dsn,
        pool_size=settings.database_pool_size,
        behind_pooler=settings.database_behind_pooler,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        telemetry.tracer(service)
        async with AsyncExitStack() as stack:
            if own_database:
                stack.push_async_callback(held.close)
            for start in on_start:
                await stack.enter_async_context(start(app))
            yield
            app.state.draining = True

    app = MaskingApi(
        title=title,
        version=telemetry.version_of(service),
        lifespan=lifespan,
        openapi_url=f"/{path}/openapi.json",
        docs_url=None,
        redoc_url=None,
        # A redirect would be made of the Host header, which is the caller's word.
        redirect_slashes=False,
        responses={
            "4XX": {
                "description": "Refused; nothing was changed",
                "content": {PROBLEM: {"schema": PROBLEM_REFERENCE}},
            }
        },
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.service = service
    app.state.settings = settings
    app.state.database = held
    app.state.draining = False
    app.state.rate_limits = rate_limits.RateLimits(settings)
    app.state.cursor_key = settings.cursor_key_of(service)
    app.state.policy = {**policy, **SHARED_POLICY}
    app.state.accounts = _accounts(held, settings)
    app.state.refused_looks = RefusedLooks(service, held)
    held.before_close.append(app.state.refused_looks.settled)
    guarded = [*routers, audit_router(path), views_router(path), feed_router(path)]
    app.state.lists = lists_of(guarded)
    app.state.masked_fields = fields_in(route for router in guarded for route in router.routes)
    everything = *guarded, _operations_of_the_process(service, path, held, migrations)
    for router in everything:
        app.include_router(router)
    app.state.methods_at = _methods_by_path(everything)
    app.mount(f"/{path}/docs-assets", StaticFiles(directory=_SWAGGER_ASSETS), "docs-assets")
    check_complete(service, app.state.policy, guarded)
    document_parts(app, path, app.state.policy)
    _say_problems(app)
    app.add_middleware(RequestScope, service=service, settings=settings)
    if settings.proxies:
        # Around everything else: limits, sign-in and traces have the client's address then.
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.proxies)
    return app


def _accounts(database: Database, settings: ServiceSettings) -> Accounts | None:
    url = settings.jwks_url
    if url is None:
        return None

    async def fetch() -> Any:
        async with httpx.AsyncClient(timeout=5) as client:
            return (await client.get(url)).raise_for_status().json()

    return Accounts(database, settings, KeySet(fetch))


def _methods_by_path(routers: Iterable[APIRouter]) -> Callable[[str], set[str]]:
    """Tells which methods there are at a path; the framework tells those of one route of it."""
    routes = [
        # What comes behind a colon is a verb, and never a part of an id.
        (re.compile(route.path_regex.pattern.replace("[^/]+", "[^/:]+")), set(route.methods or ()))
        for router in routers
        for route in router.routes
        if isinstance(route, Route)
    ]
    return lambda path: {
        method for pattern, methods in routes if pattern.match(path) for method in methods
    }


def service_router(service_path: str, feature: str) -> APIRouter:
    """The router of a feature: `/{service}/v1/{feature}`, with the habits of every endpoint."""
    return APIRouter(
        prefix=f"/{service_path}/v1/{feature}", tags=[feature], route_class=ServiceRoute
    )


def _operations_of_the_process(
    service: str, path: str, database: Database, migrations: Path
) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/readyz")
    async def ready(request: Request) -> JSONResponse:
        checks = {"draining": "yes" if request.app.state.draining else "no"}
        checks["database"] = await schema_state(database, migrations)
        is_ready = checks["database"] == "at head" and checks["draining"] == "no"
        telemetry.READY.labels(service, "database").set(checks["database"] == "at head")
        body: dict[str, Any] = {"status": "ready" if is_ready else "not ready"}
        if "verbose" in request.query_params:
            body["checks"] = checks
        return JSONResponse(body, 200 if is_ready else 503)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        if "application/openmetrics-text" in request.headers.get("accept", ""):
            return Response(
                openmetrics.generate_latest(REGISTRY), media_type=openmetrics.CONTENT_TYPE_LATEST
            )
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get(f"/{path}/docs")
    async def docs(request: Request) -> HTMLResponse:
        return swagger_page(f"/{path}/openapi.json", request.app.title, f"/{path}/docs-assets")

    return router


def swagger_page(openapi_url: str, title: str, assets: str) -> HTMLResponse:
    """The API page, with its scripts from this process: it works without the internet."""
    return get_swagger_ui_html(
        openapi_url=openapi_url,
        title=title,
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=f"{assets}/favicon.png",
    )


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str | None = None,
    headers: dict[str, str] | None = None,
    **facts: Any,
) -> JSONResponse:
    """A problem document (RFC 9457)."""
    here = context.current()
    body: dict[str, Any] = {
        "type": f"/errors/{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        **facts,
    }
    if instance is not None:
        body["instance"] = instance
    if here.request_id is not None:
        body["request_id"] = here.request_id
    span_context = telemetry.parse_traceparent(here.traceparent)
    if span_context is not None:
        body["trace_id"] = f"{span_context.trace_id:032x}"
    return Problem(_jsonable(body), status, headers)


class Problem(JSONResponse):
    """A problem document; it can name a member whose text is not valid Unicode."""

    media_type = PROBLEM

    def render(self, content: Any) -> bytes:
        """The document's bytes."""
        return json.dumps(content, ensure_ascii=False).encode(errors="replace")


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _jsonable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_jsonable(item) for item in value]
    if isinstance(value, UUID):
        return str(value)
    return value


def _say_problems(app: FastAPI) -> None:
    @app.exception_handler(errors.Refusal)
    async def refuse(request: Request, refusal: errors.Refusal) -> JSONResponse:
        status = next(code for family, code in STATUS_OF.items() if isinstance(refusal, family))
        facts = dict(refusal.facts)
        headers = {}
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if "retry_after_s" in facts:
            headers["Retry-After"] = str(facts.pop("retry_after_s"))
        if isinstance(refusal, errors.Moved) and request.method in ("GET", "HEAD"):
            # Not for ever: what was merged can be taken apart again.
            status = 307
            there = request.url.path.replace(str(refusal.old_id), str(refusal.existing_id))
            headers["Location"] = there + (f"?{request.url.query}" if request.url.query else "")
        return problem(
            status,
            refusal.code,
            refusal.detail,
            instance=request.url.path,
            headers=headers or None,
            **facts,
        )

    @app.exception_handler(RequestValidationError)
    async def not_valid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [
            {
                "pointer": "/" + "/".join(str(part) for part in fault["loc"][1:]),
                "code": fault["type"],
                "message": fault["msg"],
            }
            for fault in error.errors()
        ]
        first = faults[0] if faults else {"pointer": "", "message": "not valid"}
        return problem(
            422,
            "not_valid",
            f"{first['pointer'].lstrip('/') or 'the request'}: {first['message']}",
            instance=request.url.path,
            errors=faults,
        )

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code in (404, 405):
            return await no_route(request, error)
        code = {413: "body_too_large"}.get(
            error.status_code, _TITLES.get(error.status_code, "error").lower().replace(" ", "_")
        )
        return problem(
            error.status_code,
            code,
            str(error.detail),
            instance=request.url.path,
            headers=dict(error.headers) if error.headers else None,
        )

    @app.exception_handler(NoSuchVerb)
    async def no_route(request: Request, _: Exception) -> JSONResponse:
        path = request.url.path
        if methods := app.state.methods_at(path):
            return problem(
                405,
                "method_not_allowed",
                f"{request.method} is not among the methods of this path",
                instance=path,
                headers={"Allow": ", ".join(sorted(methods))},
            )
        return problem(404, "no_such_route", "there is nothing at this path", instance=path)

    @app.exception_handler(StaleDataError)
    async def stale(request: Request, _: Exception) -> JSONResponse:
        return problem(
            409,
            "concurrent_change",
            "somebody else changed this at the same time; read it again and repeat",
            instance=request.url.path,
        )

    @app.exception_handler(IntegrityError)
    async def taken(request: Request, error: IntegrityError) -> JSONResponse:
        # Rules refuse by name; what reaches this is a race that the database decided.
        constraint = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
        log.warning("refused by a constraint", constraint=constraint)
        if constraint and _EVENT_VERSION.fullmatch(constraint):
            return await stale(request, error)
        return problem(
            409,
            "already_there",
            "the database holds a record that excludes this one",
            instance=request.url.path,
            constraint=constraint,
        )

    async def away(request: Request, error: Exception) -> JSONResponse:
        log.warning("the database is away", reason=f"{type(error).__name__}: {error}")
        return problem(
            503,
            "database_away",
            "the database does not answer; try again",
            instance=request.url.path,
            headers={"Retry-After": "2"},
        )

    app.exception_handler(PoolTimeout)(away)

    @app.exception_handler(OSError)
    async def no_connection(request: Request, error: OSError) -> JSONResponse:
        is_about_a_file = error.filename is not None
        return await (fault if is_about_a_file else away)(request, error)

    @app.exception_handler(DBAPIError)
    async def database_error(request: Request, error: DBAPIError) -> JSONResponse:
        state = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or state.startswith(_AWAY):
            return await away(request, error)
        if state in ("40001", "40P01"):
            return problem(
                503,
                "busy",
                "the database asked to repeat this; try again",
                instance=request.url.path,
                headers={"Retry-After": "1"},
            )
        if state.startswith("22"):
            # A value that PostgreSQL cannot hold, as a NUL in a text.
            return problem(
                422, "not_storable", "a value cannot be stored", instance=request.url.path
            )
        return await fault(request, error)

    @app.exception_handler(errors.Unavailable)
    async def unavailable(request: Request, error: errors.Unavailable) -> JSONResponse:
        return problem(
            503,
            "unavailable",
            error.detail,
            instance=request.url.path,
            headers={"Retry-After": str(error.retry_after_s)},
        )

    async def fault(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", exc_info=error, path=request.url.path)
        return problem(
            500,
            "internal_error",
            "something failed here; the request id finds it in the logs",
            instance=request.url.path,
        )

    app.state.fault = fault


class RequestScope:
    """What surrounds every request: its id, trace, metrics and size limit, and the last catch."""

    def __init__(self, app: ASGIApp, service: str, settings: ServiceSettings) -> None:
        self._app = app
        self._service = service
        self._settings = settings
        self._durations: dict[tuple[str, str, str, str], Histogram] = {}
        self._active_requests: dict[str, Gauge] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name: value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _READ_HEADERS
        }
        request_id = headers.get(b"x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = str(new_id())
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        span = telemetry.tracer(self._service).start_span(
            method,
            context=telemetry.parent_from(headers.get(b"traceparent")),
            kind=SpanKind.SERVER,
        )
        here = context.Context(
            request_id=request_id,
            correlation_id=request_id,
            traceparent=telemetry.traceparent_of(span.get_span_context()),
        )
        is_api = _IS_API.match(scope["path"]) is not None
        started = time.perf_counter()
        status = 500
        error_type = ""
        response_started = False

        async def answer(message: Message) -> None:
            nonlocal status, response_started
            if message["type"] == "http.response.start":
                response_started = True
                status = message["status"]
                given = message.setdefault("headers", [])
                given += [
                    (b"x-request-id", request_id.encode("latin-1")),
                    (b"x-content-type-options", b"nosniff"),
                    *rate_limits.headers_of(scope),
                    *transport_security(scope),
                ]
                if is_api or status >= 400:
                    named = {name.lower() for name, _ in given}
                    given += [header for header in _OF_THE_API if header[0] not in named]
            await send(message)

        active = self._active(method)
        active.inc()
        with context.working_in(here):
            try:
                if is_api and (refused := self._counted(scope)) is not None:
                    await refused(scope, receive, answer)
                else:
                    limited = self._limited(scope, headers.get(b"content-length"), receive)
                    await self._app(scope, limited, answer)
            except Exception as error:
                error_type = type(error).__name__
                if response_started:
                    raise
                request = Request(scope, receive)
                response = await scope["app"].state.fault(request, error)
                await response(scope, receive, answer)
            finally:
                active.dec()
                route = getattr(scope.get("route"), "path", "")
                if status >= 500:
                    error_type = error_type or str(status)
                self._measure(method, route, status, error_type, started)
                if span.is_recording():
                    span.update_name(f"{method} {route}".strip())
                    span.set_attributes(
                        {
                            "http.request.method": method,
                            "http.route": route,
                            "url.path": scope["path"],
                            "url.scheme": scope["scheme"],
                            "client.address": (scope.get("client") or ("",))[0],
                            "user_agent.original": headers.get(b"user-agent", ""),
                            "http.response.status_code": status,
                        }
                    )
                    if error_type:
                        span.set_attribute("error.type", error_type)
                        span.set_status(Status(StatusCode.ERROR))
                span.end()

    def _counted(self, scope: Scope) -> Response | None:
        """Count the request of this address; the answer where it is one too many."""
        limits: rate_limits.RateLimits = scope["app"].state.rate_limits
        refused = limits.count_address(scope)
        if refused is None:
            return None
        return problem(
            429,
            rate_limits.RateLimited.code,
            rate_limits.refusal_text(refused),
            instance=scope["path"],
            headers={"Retry-After": str(refused.retry_after_s)},
        )

    def _limited(self, scope: Scope, announced: str | None, receive: Receive) -> Receive:
        """`receive` that raises 413 where the body is, or turns out to be, too large."""
        limit = (
            self._settings.upload_limit_bytes
            if _IS_IMPORT.fullmatch(scope["path"])
            else self._settings.body_limit_bytes
        )
        # No digits beyond what any length has: a longer text is no number to Python.
        length = int(announced[:18]) if announced is not None and announced.isdecimal() else 0
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            if max(length, received) <= limit:
                message = await receive()
                received += len(message.get("body", b""))
            if max(length, received) > limit:
                raise HTTPException(413, f"a request body has at most {limit} bytes here")
            return message

        return receive_within_limit

    def _active(self, method: str) -> Gauge:
        gauge = self._active_requests.get(method)
        if gauge is None:
            gauge = telemetry.ACTIVE_REQUESTS.labels(self._service, method)
            self._active_requests[method] = gauge
        return gauge

    def _measure(
        self, method: str, route: str, status: int, error_type: str, started: float
    ) -> None:
        key = method, route, str(status), error_type
        duration = self._durations.get(key)
        if duration is None:
            duration = telemetry.REQUEST_DURATION.labels(self._service, *key)
            self._durations[key] = duration
        duration.observe(time.perf_counter() - started)


def transport_security(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    """The header that keeps browsers on TLS, where the client came by it."""
    return (_HSTS,) if scope.get("scheme") == "https" else ()


_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_READ_HEADERS = frozenset({b"x-request-id", b"traceparent", b"content-length", b"user-agent"})
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_IS_API = re.compile(r"/[a-z-]+/v1/")
# An answer is for who asked, and nobody's frame; pages and their files say for themselves.
_OF_THE_API = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
)
# As at the gateway: files to import are large.
_IS_IMPORT = re.compile(r"/[a-z-]+/v1/(imports(/.*)?|[a-z-]+:import)")
# Stopping or starting, out of resources, connection lost, not let in, no such database.
_AWAY = ("57P", "53", "08", "28", "3D")
_EVENT_VERSION = re.compile(r"event_log_\d+_version|audit_entries_pkey")
