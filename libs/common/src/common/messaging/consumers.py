"""The CONSUMERS table of a service: which function applies which event."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common import context, telemetry
from common.events import AnyEvent, Consumed
from common.messaging.envelope import Envelope
from common.messaging.topology import Subscription, subscription_of

Handler = Callable[[AsyncSession, Any], Awaitable[None]]
BatchHandler = Callable[[AsyncSession, Sequence[Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Batch:
    """A handler that takes all events of one transaction at once, in order, for set-based effects.

    It receives the events of every type it stands for in the table, mixed, as they came.
    """

    handler: BatchHandler


def batch(handler: BatchHandler) -> Batch:
    """Mark a handler in the CONSUMERS table as one that takes many events."""
    return Batch(handler)


ConsumersTable = Mapping[type[Consumed], Handler | Batch]


class Unsupported(Exception):
    """A newer major version of a type that is handled here: it waits for the next release."""


class Consumers:
    """A CONSUMERS table, indexed by wire name."""

    def __init__(self, service: str, table: ConsumersTable) -> None:
        self.service = service
        # Several classes may read the same type, each what its handler needs.
        self._by_type: dict[str, list[tuple[type[Consumed], Handler | Batch]]] = {}
        for consumed, handler in table.items():
            self._by_type.setdefault(consumed.type, []).append((consumed, handler))
        self._everything = self._by_type.get(AnyEvent.type, [])
        self._majors: dict[str, int] = {}
        for wire_type in self._by_type:
            if wire_type != AnyEvent.type:
                stem, major = wire_type.rsplit(".v", 1)
                self._majors[stem] = max(int(major), self._majors.get(stem, 0))

    @property
    def types(self) -> list[str]:
        """The wire names that are handled."""
        return sorted(self._by_type)

    @property
    def subscription(self) -> Subscription:
        """The queue and its bindings."""
        return subscription_of(self.service, self._by_type)

    def check_supported(self, envelope: Envelope) -> None:
        """Raise Unsupported for an event only a newer release can read."""
        stem, major = envelope.type.rsplit(".v", 1)
        known = self._majors.get(stem)
        if known is not None and int(major) > known and envelope.alsosaidas is None:
            raise Unsupported(f"{envelope.type} is newer than v{known}, which is handled here")

    async def apply(self, session: AsyncSession, envelopes: Sequence[Envelope]) -> None:
        """Run the handlers of these events, in order; whatever a handler raises comes through.

        Batch handlers run once, after the handlers of single events.
        """
        batches: dict[BatchHandler, list[Consumed]] = {}
        for envelope in envelopes:
            for consumed, handler in (*self._by_type.get(envelope.type, ()), *self._everything):
                event = consumed.of(envelope)
                if isinstance(handler, Batch):
                    batches.setdefault(handler.handler, []).append(event)
                    continue
                with (
                    telemetry.consuming(self.service, envelope) as traceparent,
                    context.working_in(_context_of(envelope, traceparent)),
                ):
                    await handler(session, event)
        for batch_handler, events in batches.items():
            await batch_handler(session, events)


@contextmanager
def because_of(event: Consumed) -> Iterator[None]:
    """What a batch handler records inside the block was caused by this one of its events."""
    with context.working_in(_context_of(event.envelope, event.envelope.traceparent)):
        yield


def _context_of(envelope: Envelope, traceparent: str | None) -> context.Context:
    return context.Context(
        actor_id=envelope.actorid,
        correlation_id=envelope.correlationid,
        causation_id=str(envelope.id),
        traceparent=traceparent,
    )
