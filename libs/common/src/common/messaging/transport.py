"""What the relay and the consumer need of a bus. Two exist: `in_process` and `rabbitmq`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event on its way out: the bytes, and what operators want to see without parsing them."""

    event_id: UUID
    type: str
    aggregate_id: UUID
    body: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The bus took the connection but not this event: no queue for it, or the queue said no."""

    reason: str


class BusDown(Exception):
    """The bus could not be reached, or the connection broke before it answered.

    Nothing is known of the events in flight: they are sent again, and their repetition is removed
    by the receivers.
    """


@dataclass(slots=True)
class Delivery:
    """One message handed to a consumer, which must end in `ack` or `reject`."""

    body: bytes
    content_type: str | None
    ack: Callable[[], Awaitable[None]]
    reject: Callable[[], Awaitable[None]]
    redelivered: bool = False
    returns: int = 0
    """How often it was delivered before and came back, because a consumer ended."""


Deliver = Callable[[Delivery], Awaitable[None]]
"""Takes a delivery over; waits while the consumer is busy, which is the back-pressure."""


class Transport(Protocol):
    """A bus.

    Every event published is delivered at least once to each queue bound for its aggregate type,
    and again after a crash until it is acknowledged.
    """

    keeps_order: bool
    """Whether one call of `publish` is delivered in order and stops an aggregate at its first
    failure. Where it does not, the relay sends an aggregate's events one by one, in waves."""

    async def publish(self, events: Sequence[Outgoing]) -> list[Refused | None]:
        """Send `events`; None for each that the bus has taken for good.

        Raises BusDown; then some of them may have arrived.
        """
        ...

    async def consume(self, deliver: Deliver) -> None:
        """Hand every message of this service's queue to `deliver`, until cancelled.

        Survives the loss of the bus: connects again by itself.
        """
        ...

    async def close(self) -> None:
        """Give the connections back; unacknowledged messages return to their queue."""
        ...
