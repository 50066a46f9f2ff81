"""What every endpoint does besides its own work: one transaction, no unknown parameters, and one
effect for an idempotency key.

The transaction closes around the endpoint *and* the making of its response, before the response
leaves: a commit that fails is never a 2xx, and a response that cannot be made writes nothing.
"""

import json
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from common import telemetry
from common.auth import current_actor
from common.db import Database
from common.errors import BadRequest, Conflict, Invalid
from common.ids import stable_hash
from common.messaging.outbox import IdempotentAnswer, keep_answer

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

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        known = {
            field.alias
            for field in get_flat_params(self.dependant)
            if isinstance(field.field_info, Query)
        }
        writes = bool(set(self.methods or ()) - {"GET", "HEAD", "OPTIONS"})

        async def read(request: Request) -> Response:
            _refuse_unknown(request, known)
            database: Database = request.app.state.database
            async with database.reading() as session:
                request.state.session = session
                return await handle(request)

        async def write(request: Request) -> Response:
            _refuse_unknown(request, known)
            database: Database = request.app.state.database
            try:
                async with database.transaction() as session:
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
    if response.status_code < 400 and hasattr(response, "body"):
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


def _refuse_unknown(request: Request, known: set[str]) -> None:
    for name in request.query_params:
        if name not in known:
            raise UnknownParameter(
                f"unknown parameter {name!r}; this endpoint knows"
                f" {', '.join(sorted(known)) or 'none'}",
                pointer=f"/{name}",
            )
