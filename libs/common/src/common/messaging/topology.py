"""Who listens to what: derived from the services' CONSUMERS tables, never written twice."""

from collections.abc import Iterable
from dataclasses import dataclass

from common.messaging.envelope import aggregate_type_of

ALL_SERVICES = ("channel", "customer", "sales", "contract", "service_desk", "reporting")
"""The packages of the suite, in the order in which people meet them: the organisation first, the
reports last. Written out and not looked up, because a consumer that hears everything must know the
exchanges of services that are not installed beside it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One service's queue and the aggregates it hears.

    A consumer that handles one type of an aggregate receives all of its types and passes over the
    rest: only so can it tell a gap from an event it was never meant to see.
    """

    service: str
    aggregates: frozenset[str]

    @property
    def inbox(self) -> str:
        """The queue's name."""
        return f"{self.service}.inbox"

    @property
    def dead(self) -> str:
        """The name of the queue for what could not be stored, and its routing key."""
        return f"{self.service}.dead"

    @property
    def bindings(self) -> list[tuple[str, str]]:
        """Pairs of exchange and routing key pattern."""
        return sorted(
            (exchange_of(aggregate.split(".", 1)[0]), f"{aggregate}.#")
            for aggregate in self.aggregates
        )

    def hears(self, event_type: str) -> bool:
        """Whether an event of this type is delivered to the queue."""
        service = event_type.split(".", 1)[0]
        return aggregate_type_of(event_type) in self.aggregates or service in self.aggregates


def exchange_of(service: str) -> str:
    """The topic exchange a service (its package name) publishes to."""
    return f"{service}.events"


def subscription_of(service: str, event_types: Iterable[str]) -> Subscription:
    """The subscription for a CONSUMERS table; `*` stands for everything the others say."""
    whole_services: set[str] = set()
    aggregates: set[str] = set()
    for event_type in event_types:
        if event_type == "*":
            whole_services.update(other for other in ALL_SERVICES if other != service)
        else:
            aggregates.add(aggregate_type_of(event_type))
    # Who hears a whole service hears its aggregates: one binding, and one feed to catch up from.
    single = {name for name in aggregates if name.split(".", 1)[0] not in whole_services}
    return Subscription(service, frozenset(whole_services | single))
