"""What every endpoint does besides its own work: one transaction, no unknown parameters, strict
JSON, one effect for an idempotency key, and conditional requests.

The transaction closes around the endpoint *and* the making of its response, before the response
leaves: a commit that fails is never a 2xx, and a response that cannot be made writes nothing.
"""

import json
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Form, Query
from fastapi.routing import APIRoute
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from common import exports, pagination, preconditions, rate_limits, telemetry
from common.access import rows
from common.access.gate import admitted
from common.access.rows import Rows
from common.auth import current_actor
from common.db import Database
from common.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from common.ids import stable_hash
from common.json_bodies import JsonRequest
from common.messaging.outbox import IdempotentAnswer, keep_answer
from common.views.applying import with_view
from common.views.lists import name_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_LONGEST_KEY = 255
_KEPT_HEADERS = ("content-type", "location", "etag", "operation-location")

# One statement takes the key for this transaction and looks for the answer kept under it.
_TAKE_KEY = text("""
    WITH taken AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(:lock) AS mine)
    SELECT taken.mine, k.fingerprint, k.status, k.headers, k.body
    FROM taken LEFT JOIN idempotency_keys k ON k.principal = :principal AND k.key = :key
""")


class UnknownParameter(Invalid):
    """The query has a parameter that the endpoint does not know; ignoring it would mislead."""

    code = "unknown_parameter"


class IdempotencyKeyReused(Invalid):
    """The key was used before, for another request."""

    code = "idempotency_key_reused"


class RequestInFlight(Conflict):
    """A request with this key is being worked on."""

    code = "request_in_flight"


class ServiceRoute(APIRoute):
    """The route class of every router of a service."""

    asks_policy = True

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.openapi_extra = preconditions.documented(self)
        self.openapi_extra = pagination.documented(self)

    def get_route_handler(self) -> Handler:
        known = {
            field.alias
            for field in get_flat_params(self.dependant)
            if isinstance(field.field_info, Query)
        }
        handle = self._conditionally(self._as_list(super().get_route_handler(), known))
        writes = bool(set(self.methods or ()) - {"GET", "HEAD", "OPTIONS"})
        is_expensive = rate_limits.is_expensive(self)
        is_list = pagination.is_list(self)
        reads_json = self.body_field is not None and not isinstance(
            self.body_field.field_info, Form
        )

        async def read(request: Request) -> Response:
            database: Database = request.app.state.database
            async with admitted(request, self.name) as reach, database.reading() as session:
                _count(request, is_expensive or (is_list and exports.wants_csv(request)))
                _refuse_unknown(request, known)
                rows.narrow(session, reach)
                request.state.session = session
                return await handle(request)

        async def write(request: Request) -> Response:
            async with admitted(request, self.name) as reach:
                return await effect(request, reach)

        async def effect(request: Request, reach: Rows | None) -> Response:
            _count(request, is_expensive)
            _refuse_unknown(request, known)
            request = JsonRequest(request.scope, request.receive)
            if reads_json:
                await request.check()
            database: Database = request.app.state.database
            try:
                async with database.transaction() as session:
                    rows.narrow(session, reach)
                    request.state.session = session
                    key = request.headers.get("idempotency-key")
                    if key is None or request.method != "POST":
                        return await handle(request)
                    return await _once(request, session, key, handle)
            except IntegrityError as error:
                if "idempotency_keys" in str(error.orig):
                    raise RequestInFlight(
                        "a request with this idempotency key is being worked on", retry_after_s=1
                    ) from None
                raise

        return write if writes else read

    def _as_list(self, handle: Handler, known: set[str]) -> Handler:
        """`handle` with `view`, `fields` and CSV where the route is a list."""
        if not pagination.is_list(self):
            return handle
        fields = pagination.fields_of(self)

        async def read(request: Request) -> Response:
            if "view" in request.query_params:
                request = await with_view(request, self.path)
                # The view may be older than the list.
                _refuse_unknown(request, known)
            wanted = pagination.wanted_fields(request, fields)
            if exports.wants_csv(request):
                state = request.app.state
                name = name_of(self.path)
                right = exports.export_right(state.service, state.policy[self.name], name)
                return await exports.export(
                    request, handle, name=name, right=right, fields=wanted or fields
                )
            response = await handle(request)
            return response if wanted is None else pagination.with_fields(response, wanted)

        return read

    def _conditionally(self, handle: Handler) -> Handler:
        """`handle` with ETags, If-None-Match and If-Match where the route is about one thing."""
        answers_with_version = preconditions.has_version(self.response_model)
        thing = preconditions.thing_named_by(self.path)
        may_be_known = not preconditions.changes_by_itself(self)

        async def read(request: Request) -> Response:
            response = await handle(request)
            etag = preconditions.tag(response)
            known = request.headers.get("if-none-match", "")
            if etag is not None and may_be_known and preconditions.is_known(etag, known):
                return Response(status_code=304, headers={"ETag": etag})
            return response

        async def write(request: Request) -> Response:
            asked = request.headers.getlist("if-match")
            if thing is None or not asked:
                response = await handle(request)
            else:
                response = await _if_match(request, thing, ",".join(asked), handle)
            if answers_with_version:
                preconditions.tag(response)
            return response

        if "GET" in (self.methods or ()):
            return read if answers_with_version else handle
        return write


async def _if_match(request: Request, thing: str, asked: str, handle: Handler) -> Response:
    try:
        wanted = preconditions.WantedVersion(UUID(request.path_params[thing]), asked)
    except ValueError:
        # No id of anything: the endpoint says so.
        return await handle(request)
    wanted.watch(request.state.session)
    try:
        response = await handle(request)
    except (NotFound, Forbidden):
        raise
    except Exception:
        # Who read an older version is told so, not what the newer one does not allow.
        wanted.refuse_other()
        raise
    wanted.refuse_other()
    wanted.refuse_unseen()
    return response


async def _once(request: Request, session: AsyncSession, key: str, handle: Handler) -> Response:
    if not key or len(key) > _LONGEST_KEY:
        raise BadRequest(f"an idempotency key has 1 to {_LONGEST_KEY} characters")
    principal = current_actor().id
    asked = request.url.path, request.url.query
    fingerprint = blake2b(
        b"\0".join((*(part.encode() for part in asked), await request.body())), digest_size=16
    ).digest()
    lock = stable_hash(f"{principal}\0{key}".encode()) - 2**63
    kept = (
        await session.execute(_TAKE_KEY, {"lock": lock, "principal": principal, "key": key})
    ).one()
    if kept.fingerprint is not None:
        if kept.fingerprint != fingerprint:
            raise IdempotencyKeyReused("this idempotency key belongs to another request")
        telemetry.IDEMPOTENCY_REPLAYS.labels(request.app.state.service).inc()
        return Response(
            kept.body,
            kept.status,
            {**_as_mapping(kept.headers), "idempotency-replayed": "true"},
        )
    if not kept.mine:
        raise RequestInFlight(
            "a request with this idempotency key is being worked on", retry_after_s=1
        )
    response = await handle(request)
    # A secret that is shown once is not kept for a repetition.
    may_be_kept = response.headers.get("cache-control") != "no-store"
    if response.status_code < 400 and hasattr(response, "body") and may_be_kept:
        headers = {
            name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers
        }
        keep_answer(
            session,
            IdempotentAnswer(
                principal,
                key,
                fingerprint,
                response.status_code,
                json.dumps(headers),
                bytes(response.body),
            ),
        )
    return response


def _as_mapping(headers: Any) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(headers) if isinstance(headers, str) else headers
    return loaded


def _count(request: Request, is_expensive: bool) -> None:
    limits: rate_limits.RateLimits = request.app.state.rate_limits
    limits.count_principal(request.scope, current_actor(), expensive=is_expensive)


def _refuse_unknown(request: Request, known: set[str]) -> None:
    for name in request.query_params:
        if name not in known:
            raise UnknownParameter(
                f"unknown parameter {name!r}; this endpoint knows"
                f" {', '.join(sorted(known)) or 'none'}",
                pointer=f"/{name}",
            )
