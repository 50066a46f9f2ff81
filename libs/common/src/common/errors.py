"""Refusals and faults that the HTTP layer knows how to say; the statuses stand in `common.app`.

A rule refuses by raising a subclass with a written `code`, kept beside the rule.
"""

from typing import Any
from uuid import UUID


class Refusal(Exception):
    """A request or an event that the rules do not allow; nothing was changed."""

    code = "refused"

    def __init__(self, detail: str, **facts: Any) -> None:
        """`facts` become members of the problem document; they must be JSON values."""
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class NotFound(Refusal):
    """The thing does not exist, or not for this actor."""

    code = "not_found"


class Conflict(Refusal):
    """The thing's present state does not allow the act."""

    code = "conflict"


class Moved(Conflict):
    """The thing is part of another one now. A read is sent there, a write is refused."""

    code = "moved"

    def __init__(self, detail: str, *, old_id: UUID, existing_id: UUID) -> None:
        super().__init__(detail, existing_id=str(existing_id))
        self.old_id = old_id
        self.existing_id = existing_id


class Invalid(Refusal):
    """The request is well-formed but its values break a rule.

    `pointer` is the JSON pointer of the offending member, as `/lines/0/quantity`.
    """

    code = "invalid"

    def __init__(self, detail: str, *, pointer: str | None = None, **facts: Any) -> None:
        if pointer is not None:
            facts["errors"] = [{"pointer": pointer, "code": self.code, "message": detail}]
        super().__init__(detail, **facts)


class NotSignedIn(Refusal):
    """There is no access token with the request, or it is not good (any more)."""

    code = "not_signed_in"


class Forbidden(Refusal):
    """The actor may not do this."""

    code = "forbidden"


class BadRequest(Refusal):
    """The request cannot be understood: a cursor of another list, a missing header."""

    code = "bad_request"


class PreconditionFailed(Refusal):
    """The thing is not, or no longer, as the request says it must be."""

    code = "precondition_failed"


class PreconditionRequired(Refusal):
    """The request must say how the thing has to be for the change to be made."""

    code = "precondition_required"


class UnsupportedMediaType(Refusal):
    """The body is of a type that this endpoint does not read."""

    code = "unsupported_media_type"


class TooManyRequests(Refusal):
    """The caller asks more often than it may; `retry_after_s` says when it may again."""

    code = "too_many_requests"


class Unavailable(Exception):
    """A server that this process needs does not answer; the caller may try again."""

    def __init__(self, detail: str, *, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
