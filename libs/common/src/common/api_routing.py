"""What every endpoint does besides its own work: one transaction, no unknown parameters, strict
JSON, one effect for an idempotency key, and conditional requests.

The transaction closes around the endpoint *and* the making of its response, before the response
leaves: a commit that fails is never a 2xx, and a response that cannot be made writes nothing.
"""

import json
from collections.abc import Callable, Coroutine, Sequence
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
from common.access import masks, rows
from common.access.gate import admitted
from common.access.refused_looks import noticed
from common.access.rows import Rows
from common.auth import current_actor
from common.custom_fields import listing
from common.custom_fields.columns import PREFIX
from common.db import Database
from common.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from common.ids import stable_hash
from common.json_bodies import JsonRequest
from common.messaging.outbox import IdempotentAnswer, keep_answer
from common.strict_values import StrictBody, StrictParameters
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


class NoSuchVerb(NotFound):
    """The path ends in a verb that the thing does not have, or not by this method."""

    code = "no_such_route"


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
        masked = masks.masks_of(self.response_model)
        answer = super().get_route_handler()
        shown = answer if "GET" not in (self.methods or ()) else _as_seen(answer, masked)
        handle = self._conditionally(self._as_list(shown, known), masked)
        writes = bool(set(self.methods or ()) - {"GET", "HEAD", "OPTIONS"})
        is_expensive = rate_limits.is_expensive(self)
        is_list = pagination.is_list(self)
        is_extensible = is_list and pagination.is_extensible(self)
        strict_parameters = StrictParameters(self.dependant)
        strict_body = self._strict_body()
        changeable = [] if strict_body is None else self._masked_in_changes()

        async def read(request: Request) -> Response:
            _refuse_verbs(request)
            database: Database = request.app.state.database
            async with (
                admitted(request, self.name) as reach,
                noticed(request, self.name, reach),
                database.reading() as session,
            ):
                _count(request, is_expensive or (is_list and exports.wants_csv(request)))
                _refuse_unknown(request, known, is_extensible=is_extensible)
                strict_parameters.check(request.path_params, request.query_params)
                rows.narrow(session, reach)
                request.state.session = session
                return await handle(request)

        async def write(request: Request) -> Response:
            _refuse_verbs(request)
            async with admitted(request, self.name) as reach:
                return await effect(request, reach)

        async def effect(request: Request, reach: Rows | None) -> Response:
            _count(request, is_expensive)
            _refuse_unknown(request, known)
            strict_parameters.check(request.path_params, request.query_params)
            request = JsonRequest(request.scope, request.receive)
            if strict_body is not None:
                await request.check(strict_body)
            if any(masks.hides(each) for each in changeable):
                masks.refuse_writing(await request.body(), changeable)
            database: Database = request.app.state.database
            try:
                async with (
                    noticed(request, self.name, reach),
                    database.transaction() as session,
                ):
                    rows.narrow(session, reach)
                    request.state.session = session
                    key = request.headers.get("idempotency-key")
                    if key is None or request.method != "POST":
                        return masks.as_seen(await handle(request), masked)
                    # What is kept for a repetition is the whole: rights may change until then.
                    return masks.as_seen(await _once(request, session, key, handle), masked)
            except IntegrityError as error:
                if "idempotency_keys" in str(error.orig):
                    raise RequestInFlight(
                        "a request with this idempotency key is being worked on", retry_after_s=1
                    ) from None
                raise

        return write if writes else read

    def _strict_body(self) -> StrictBody | None:
        if self.body_field is None or isinstance(self.body_field.field_info, Form):
            return None
        if len(self.dependant.body_params) != 1:
            raise TypeError(f"{self.name} takes its body as more than one argument")
        return StrictBody(self.dependant.body_params[0].field_info)

    def _as_list(self, handle: Handler, known: set[str]) -> Handler:
        """`handle` with `view`, `fields` and CSV where the route is a list."""
        if not pagination.is_list(self):
            return handle
        fields = pagination.fields_of(self)
        entity = self.path.rpartition("/")[-1] if pagination.is_extensible(self) else None

        async def read(request: Request) -> Response:
            if "view" in request.query_params:
                request = await with_view(request, self.path)
                # The view may be older than the list.
                _refuse_unknown(request, known, is_extensible=entity is not None)
            wanted = await pagination.wanted_fields(request, fields, of_entity=entity)
            if exports.wants_csv(request):
                state = request.app.state
                name = name_of(self.path)
                right = exports.export_right(state.service, state.policy[self.name], name)
                columns: Sequence[str] = wanted or fields
                if entity is not None:
                    columns = await _each_custom_field(request, columns, entity)
                return await exports.export(request, handle, name=name, right=right, fields=columns)
            response = await handle(request)
            if wanted is None:
                return response
            return pagination.with_fields(response, [*wanted, masks.MASKED])

        return read

    def _masked_in_changes(self) -> list[masks.Masks]:
        """What is masked in the body of a request that changes what is there already."""
        is_patch = not {"PATCH", "PUT"}.isdisjoint(self.methods or ())
        if not (is_patch or "{" in self.path or self.path.endswith(":upsert")):
            return []
        assert self.body_field is not None
        both = self.response_model, self.body_field.field_info.annotation
        return [found for one in both if (found := masks.masks_of(one)) is not None]

    def _conditionally(self, handle: Handler, masked: masks.Masks | None) -> Handler:
        """`handle` with ETags, If-None-Match and If-Match where the route is about one thing."""
        answers_with_version = preconditions.has_version(self.response_model)
        thing = preconditions.thing_named_by(self.path)
        may_be_known = not preconditions.changes_by_itself(self)

        async def read(request: Request) -> Response:
            response = await handle(request)
            etag = preconditions.tag(response)
            if masks.hides(masked):
                # What is hidden depends on more than the version.
                masks.tag_as_masked(response)
                return response
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


def _as_seen(handle: Handler, masked: masks.Masks | None) -> Handler:
    """`handle` for a reader, who sees no masked field and learns nothing about one."""
    if masked is None:
        return handle

    async def read(request: Request) -> Response:
        masks.refuse_asking(request, masked)
        return masks.as_seen(await handle(request), masked)

    return read


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


async def _each_custom_field(
    request: Request, columns: Sequence[str], entity: str
) -> Sequence[str]:
    """The columns of a file, with one for each custom field in the place of `custom`."""
    if "custom" not in columns:
        return columns
    place = columns.index("custom")
    each = await listing.columns(request.state.session, entity)
    return [*dict.fromkeys([*columns[:place], *each, *columns[place + 1 :]])]


def _refuse_verbs(request: Request) -> None:
    """To the framework, `…:accept` is a part of the id where no route has that verb."""
    if any(":" in value for value in request.path_params.values()):
        raise NoSuchVerb(f"there is nothing at {request.url.path}")


def _refuse_unknown(request: Request, known: set[str], *, is_extensible: bool = False) -> None:
    """Which custom fields there are is no matter of code: a list with them refuses others itself."""
    for name in request.query_params:
        if name not in known and not (is_extensible and name.startswith(PREFIX)):
            raise UnknownParameter(
                f"unknown parameter {name!r}; this endpoint knows"
                f" {', '.join(sorted(known)) or 'none'}",
                pointer=f"/{name}",
            )
