"""The bus of the one-machine suite: memory between the relay and the inboxes of one process.

It keeps nothing. An event counts as taken when every bound inbox has committed it, so the outbox
holds it until then and a crash loses nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from common.messaging.envelope import CONTENT_TYPE
from common.messaging.topology import Subscription
from common.messaging.transport import BusDown, Deliver, Delivery, Outgoing, Refused, Transport


@dataclass(slots=True)
class _Consumer:
    deliver: Deliver
    gone: asyncio.Future[None]


class InProcessBus:
    """Connects the services of one process; each takes its own `transport`."""

    def __init__(self) -> None:
        self._consumers: dict[str, _Consumer] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self.dead: dict[str, list[bytes]] = {}

    def transport(self, subscription: Subscription) -> "InProcessTransport":
        """The service's end of the bus; from now on its inbox counts as bound."""
        self._subscriptions[subscription.service] = subscription
        return InProcessTransport(self, subscription)

    async def publish(self, events: Sequence[Outgoing]) -> list[Refused | None]:
        """Deliver to all that are bound and wait until each has stored or applied every event."""
        bound = [s for s in self._subscriptions.values() if any(s.hears(e.type) for e in events)]
        missing = [s.service for s in bound if s.service not in self._consumers]
        if missing:
            raise BusDown(f"not consuming: {', '.join(missing)}")
        await asyncio.gather(*(self._deliver(subscription, events) for subscription in bound))
        return [
            None if any(s.hears(event.type) for s in bound) else Refused("no queue is bound for it")
            for event in events
        ]

    async def _deliver(self, subscription: Subscription, events: Sequence[Outgoing]) -> None:
        consumer = self._consumers[subscription.service]
        handing_over = asyncio.create_task(self._hand_over(subscription, consumer, events))
        try:
            await asyncio.wait({handing_over, consumer.gone}, return_when=asyncio.FIRST_COMPLETED)
            if not handing_over.done():
                raise BusDown(f"{subscription.service} stopped consuming")
            handing_over.result()
        finally:
            handing_over.cancel()

    async def _hand_over(
        self, subscription: Subscription, consumer: _Consumer, events: Sequence[Outgoing]
    ) -> None:
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[None]] = []
        for event in events:
            if not subscription.hears(event.type):
                continue
            answer: asyncio.Future[None] = loop.create_future()
            answers.append(answer)
            await consumer.deliver(self._delivery(subscription.service, event.body, answer))
        await asyncio.gather(*answers)

    def _delivery(self, service: str, body: bytes, answer: asyncio.Future[None]) -> Delivery:
        async def ack() -> None:
            if not answer.done():
                answer.set_result(None)

        async def reject() -> None:
            self.dead.setdefault(service, []).append(body)
            await ack()

        return Delivery(body, CONTENT_TYPE, ack, reject)

    async def consume(self, service: str, deliver: Deliver) -> None:
        """Take the deliveries of `service` until cancelled."""
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._consumers[service] = _Consumer(deliver, gone)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            del self._consumers[service]
            gone.set_result(None)


class InProcessTransport(Transport):
    """One service's end of an `InProcessBus`."""

    keeps_order = True

    def __init__(self, bus: InProcessBus, subscription: Subscription) -> None:
        self._bus = bus
        self._subscription = subscription

    async def publish(self, events: Sequence[Outgoing]) -> list[Refused | None]:
        return await self._bus.publish(events)

    async def consume(self, deliver: Deliver) -> None:
        await self._bus.consume(self._subscription.service, deliver)

    async def close(self) -> None:
        return None
