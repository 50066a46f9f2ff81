"""Who acts, and because of what: carried along one request or one consumed event.

Read when an event is recorded and when a log line is written, so that no function has to pass
these values on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """What the present work belongs to; ids are opaque strings.

    `correlation_id` is one for everything that follows from the same first request;
    `causation_id` is the id of the event being consumed; `traceparent` is the W3C trace context.
    """

    actor_id: str | None = None
    request_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


_NOTHING = Context()
_current: ContextVar[Context] = ContextVar("fairway_context", default=_NOTHING)


def current() -> Context:
    """The context of the present task; empty outside a request or an event."""
    return _current.get()


@contextmanager
def working_in(context: Context) -> Iterator[None]:
    """Make `context` the present one inside the block."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
