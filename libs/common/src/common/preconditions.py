"""Conditional requests: a thing's version is its ETag.

`ServiceRoute` does all of it. `If-None-Match` saves a reader the body it has; `If-Match` saves a
writer from changing what somebody else changed meanwhile.
"""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import from_json
from sqlalchemy import event, inspect
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.masks import MASKED
from common.clock import time_of_request
from common.errors import PreconditionFailed, PreconditionRequired

_TAG = re.compile(r'(W/)?"([^"]*)"')
_NAMES_A_THING = re.compile(r"/\{(\w+_id)\}[^{}]*$")


class VersionMismatch(PreconditionFailed):
    """The thing is not at the version that If-Match names; `current_version` says where it is.

    Somebody changed it after you read it: read it again, look, and repeat. A weak tag (`W/"3"`)
    never matches.
    """

    code = "precondition_failed"


class IfMatchMissing(PreconditionRequired):
    """This request replaces whole lists, so it must say in If-Match which version it replaces."""

    code = "precondition_required"


async def _require_if_match(
    if_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> None:
    if not (if_match or "").strip():
        raise IfMatchMissing("say in If-Match which version you change: the ETag of what you read")


IfMatchRequired = Depends(_require_if_match)
"""For `dependencies=[…]` of a route whose change replaces what others may have added to."""


class WantedVersion:
    """The versions of one thing that a request may change, compared with the one it found."""

    def __init__(self, thing_id: UUID, if_match: str) -> None:
        self._thing_id = thing_id
        self._any = if_match.strip() == "*"
        # An answer with masked fields has the same version under another tag.
        self._tags = {
            tag.removesuffix(f".{MASKED}") for weak, tag in _TAG.findall(if_match) if not weak
        }
        self._found: int | None = None

    def watch(self, session: AsyncSession) -> None:
        """Notice the thing when `session` loads it, whoever asks, before anybody changes it."""
        event.listen(session.sync_session, "loaded_as_persistent", self._notice)

    def _notice(self, _: Any, thing: Any) -> None:
        if self._found is None and is_versioned(thing) and thing.id == self._thing_id:
            self._found = thing.version

    def refuse_other(self) -> None:
        """Raises VersionMismatch when the thing was found at a version that is not wanted."""
        if self._found is not None and not self._any and str(self._found) not in self._tags:
            raise VersionMismatch(
                f"this is at version {self._found}, which If-Match does not name",
                current_version=self._found,
            )

    def refuse_unseen(self) -> None:
        """Raises VersionMismatch when nobody loaded the thing, so that nothing was compared."""
        if self._found is None and not self._any:
            raise VersionMismatch("the version of this thing cannot be compared")


def is_versioned(thing: Any) -> bool:
    """Whether the thing has the version that an ETag names: aggregates do, and little else."""
    return inspect(type(thing)).version_id_col is not None


def thing_named_by(path: str) -> str | None:
    """The path parameter with the id of the thing that a route is about, if it is about one."""
    found = _NAMES_A_THING.search(path)
    return found.group(1) if found else None


def has_version(response_model: Any) -> bool:
    """Whether an answer of this model is one thing with a version."""
    return (
        isinstance(response_model, type)
        and issubclass(response_model, BaseModel)
        and {"id", "version"} <= response_model.model_fields.keys()
    )


def changes_by_itself(route: APIRoute) -> bool:
    """Whether the answer depends on the time as well, so that its version does not tell all."""
    return any(one.call is time_of_request for one in route.dependant.dependencies)


def tag(response: Response) -> str | None:
    """Give the answer its version as ETag, and return that; None where it is no such answer.

    A route may answer in another format, or that something is under way.
    """
    is_json = response.headers.get("content-type", "").startswith("application/json")
    if not is_json or response.status_code >= 300:
        return None
    version = from_json(bytes(response.body))["version"]
    etag = response.headers["etag"] = f'"{version}"'
    return etag


def is_known(etag: str, if_none_match: str) -> bool:
    """Whether the reader has this version; for reading, a weak tag is as good."""
    return if_none_match.strip() == "*" or etag.strip('"') in {
        tag for _, tag in _TAG.findall(if_none_match)
    }


def documented(route: APIRoute) -> dict[str, Any]:
    """What the route's OpenAPI has beside what FastAPI knows: these headers."""
    extra: dict[str, Any] = dict(route.openapi_extra or {})
    reads = "GET" in (route.methods or ())
    parameters = list(extra.get("parameters", ()))
    if reads and has_version(route.response_model) and not changes_by_itself(route):
        parameters.append(_IF_NONE_MATCH)
    elif not reads and thing_named_by(route.path) is not None:
        required = any(
            dependency.dependency is _require_if_match for dependency in route.dependencies
        )
        parameters.append({**_IF_MATCH, "required": required})
    if parameters:
        extra["parameters"] = parameters
    if has_version(route.response_model):
        answers: dict[str, Any] = {str(route.status_code or 200): {"headers": {"ETag": _ETAG}}}
        if reads and not changes_by_itself(route):
            answers["304"] = {"description": "Not changed since", "headers": {"ETag": _ETAG}}
        extra["responses"] = {**extra.get("responses", {}), **answers}
    return extra


_ETAG = {
    "description": "The version, in quotes, for If-Match and If-None-Match",
    "schema": {"type": "string"},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETags that the caller has; 304 without a body when the present one is among"
    " them",
    "schema": {"type": "string"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "ETags of the version to change, or `*`; 412 with `current_version` when it is"
    " another one",
    "schema": {"type": "string"},
}
