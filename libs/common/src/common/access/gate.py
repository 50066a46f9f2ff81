"""The one decision before every endpoint: is this operation for this actor, and over which rows.

Decided by the operation's name in the service's policy table, whatever the method, headers or
spelling of the path that led to it. What the table does not list is refused, and a service with an
operation that is not in its table does not start.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog
from fastapi import APIRouter, Request
from starlette.routing import Route

from common import context
from common.access.accounts import Accounts
from common.access.rights import INTERNAL, PUBLIC, SIGNED_IN, Policy
from common.access.rows import Rows
from common.access.tokens import BadToken
from common.auth import ANONYMOUS, LOCAL_OPERATOR, Actor, acting_as, within
from common.errors import Forbidden, NotSignedIn

log = structlog.get_logger(__name__)


class RightMissing(Forbidden):
    """None of your roles gives the right that this operation needs; `right` names it."""

    code = "right_missing"


@asynccontextmanager
async def admitted(request: Request, operation: str) -> AsyncIterator[Rows | None]:
    """Act as the request's actor; yields the rows that the operation may touch, None is all.

    Raises NotSignedIn without a good token and RightMissing when no role gives the right.
    """
    needed = request.app.state.policy.get(operation)
    actor = await _actor_of(request)
    rows = None if needed in (PUBLIC, INTERNAL) else _reach(request, actor, needed)
    here = replace(context.current(), actor_id=actor.id)
    with acting_as(actor), within(rows), context.working_in(here):
        yield rows


async def _actor_of(request: Request) -> Actor:
    accounts: Accounts | None = request.app.state.accounts
    if accounts is None:
        return LOCAL_OPERATOR
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        return ANONYMOUS
    try:
        return await accounts.actor_of(token.strip())
    except BadToken as reason:
        log.info("token refused", reason=str(reason))
        return ANONYMOUS


def _reach(request: Request, actor: Actor, needed: str | None) -> Rows | None:
    if not actor.is_signed_in:
        raise NotSignedIn("a good bearer token is needed")
    if needed is None:
        raise RightMissing("this operation is for nobody")
    if needed == SIGNED_IN:
        return actor.rows(SIGNED_IN)
    return reach(actor, right_of(request.app.state.service, needed))


def reach(actor: Actor, right: str) -> Rows | None:
    """The rows over which the actor has the right; raises RightMissing."""
    if not actor.may(right):
        raise RightMissing(f"you need the right {right}", right=right)
    return actor.rows(right)


def right_of(service: str, needed: str) -> str:
    """The whole name of a right of a policy table."""
    return f"{service.replace('_', '-')}.{needed}"


def check_complete(service: str, policy: Policy, routers: Iterable[APIRouter]) -> None:
    """Refuse a policy table that lacks an operation, or lists one there is not.

    Only a ServiceRoute asks the table, so that anything else can be for everybody only.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, Route)]
    there = {route.name for route in routes}
    lacking, beyond = sorted(there - set(policy)), sorted(set(policy) - there)
    if lacking or beyond:
        raise ValueError(
            f"the policy table of {service} lacks {lacking or 'nothing'} and lists"
            f" {beyond or 'nothing'} that is not there"
        )
    for route in routes:
        if not getattr(route, "asks_policy", False) and policy[route.name] != PUBLIC:
            raise ValueError(f"{route.name} of {service} is no ServiceRoute and so not guarded")
