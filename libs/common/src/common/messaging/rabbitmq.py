"""RabbitMQ: confirmed publishing, quorum queues, dead letters; AMQP 0-9-1 through aio-pika.

Publishing and consuming have a connection each: a broker that blocks publishers (memory or disk
alarm) must not stop the consumers that would relieve it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import aio_pika
import structlog
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
)
from aio_pika.exceptions import DeliveryError
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from aiormq.exceptions import PublishError
from pamqp import commands as spec

from common import telemetry
from common.crash_points import crash_point
from common.messaging import metrics
from common.messaging.envelope import CONTENT_TYPE
from common.messaging.topology import Subscription, exchange_of
from common.messaging.transport import BusDown, Deliver, Delivery, Outgoing, Refused, Transport

log = structlog.get_logger(__name__)

HEARTBEAT_S = 10
"""A dead peer is noticed after about three of these; the broker's default is blind for 183 s."""
CONFIRM_TIMEOUT_S = 30
FIRST_RECONNECT_S, LONGEST_RECONNECT_S = 0.5, 10.0
PREFETCH = 1000
DEAD_EXCHANGE = "dead"
DELIVERY_LIMIT = 20
"""Crash loops end in the dead letter queue; without a limit a message returns to the tail."""
NO_DELIVERY_LIMIT = 1_000_000

_LINK_ERRORS = (OSError, asyncio.TimeoutError, aio_pika.exceptions.AMQPError, RuntimeError)


async def _connect(url: str, name: str) -> AbstractConnection:
    return await aio_pika.connect(
        url,
        timeout=10,
        heartbeat=HEARTBEAT_S,
        client_properties={"connection_name": name},
    )


class RabbitMQTransport(Transport):
    """One service's end of the broker."""

    keeps_order = False

    def __init__(self, url: str, subscription: Subscription, *, declare: bool = True) -> None:
        """`declare`: make the topology when missing; else it must be there already."""
        self._url = url
        self._subscription = subscription
        self._declare = declare
        self._publisher: tuple[AbstractConnection, AbstractChannel] | None = None
        self._consumer: AbstractConnection | None = None

    async def publish(self, events: Sequence[Outgoing]) -> list[Refused | None]:
        try:
            channel = await self._publish_channel()
            async with asyncio.timeout(CONFIRM_TIMEOUT_S):
                results = await asyncio.gather(
                    *(self._publish_one(channel, event) for event in events),
                    return_exceptions=True,
                )
        except _LINK_ERRORS as error:
            await self._drop_publisher()
            raise BusDown(_say(error)) from error
        outcomes: list[Refused | None] = []
        for result in results:
            if isinstance(result, (DeliveryError, PublishError)):
                outcomes.append(Refused(_say(result)))
            elif isinstance(result, BaseException):
                await self._drop_publisher()
                raise BusDown(_say(result)) from result
            else:
                outcomes.append(None)
        return outcomes

    async def _publish_one(self, channel: Channel, event: Outgoing) -> None:
        """Send and wait for the confirm.

        One layer below aio-pika's Exchange, which waits for each message's bytes to leave before
        it takes the next: a wave is bounded, so it may be handed to the socket as a whole.
        """
        exchange = exchange_of(self._subscription.service)
        with telemetry.publishing(self._subscription.service, exchange, event.type, event.body):
            await channel.basic_publish(
                event.body,
                exchange=exchange,
                routing_key=event.type,
                mandatory=True,
                properties=_properties(event),
                wait=False,
            )

    async def _publish_channel(self) -> Channel:
        if self._publisher is not None:
            connection, channel = self._publisher
            if not connection.is_closed and not channel.is_closed:
                return await _underlay(channel)
            await self._drop_publisher()
        connection = await _connect(self._url, f"{self._subscription.service} publisher")
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            if self._declare:
                await _declare_exchange(channel, self._subscription.service)
        except BaseException:
            await connection.close()
            raise
        self._publisher = connection, channel
        metrics.AMQP_CONNECTED.labels(self._subscription.service, "publisher").set(1)
        return await _underlay(channel)

    async def _drop_publisher(self) -> None:
        if self._publisher is None:
            return
        connection, _ = self._publisher
        self._publisher = None
        metrics.AMQP_CONNECTED.labels(self._subscription.service, "publisher").set(0)
        with contextlib.suppress(*_LINK_ERRORS):
            await asyncio.wait_for(connection.close(), 2)

    async def consume(self, deliver: Deliver) -> None:
        wait_s = FIRST_RECONNECT_S
        while True:
            try:
                reason = await self._consume_until_lost(deliver)
                # It was up: the next attempt is the first one again.
                wait_s = FIRST_RECONNECT_S
            except _LINK_ERRORS as error:
                reason = _say(error)
            metrics.AMQP_CONNECTED.labels(self._subscription.service, "consumer").set(0)
            metrics.AMQP_RECONNECTS.labels(self._subscription.service).inc()
            log.warning("bus lost, connecting again", reason=reason, wait_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_RECONNECT_S)

    async def _consume_until_lost(self, deliver: Deliver) -> str:
        """Why the bus was lost; raises what kept it from being reached."""
        connection = await _connect(self._url, f"{self._subscription.service} consumer")
        self._consumer = connection
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def lose(*why: object) -> None:
            if not lost.done():
                lost.set_result(str(why[-1] if why else "closed"))

        try:
            connection.close_callbacks.add(lose)
            channel = await connection.channel(publisher_confirms=False)
            channel.close_callbacks.add(lose)
            await channel.set_qos(prefetch_count=PREFETCH)
            if self._declare:
                await declare_topology(channel, self._subscription)
            underlay = await _underlay(channel)
            acknowledge = _Acknowledger(underlay)

            async def on_message(message: DeliveredMessage) -> None:
                await deliver(_delivery(underlay, message, acknowledge))

            # One layer below aio-pika's Queue, whose message objects cost more than our handling.
            await underlay.basic_consume(self._subscription.inbox, on_message)
            # A deleted queue cancels the consumer without closing the channel.
            watching = asyncio.create_task(_until_cancelled(underlay, lose))
            metrics.AMQP_CONNECTED.labels(self._subscription.service, "consumer").set(1)
            try:
                return await lost
            finally:
                watching.cancel()
        finally:
            self._consumer = None
            with contextlib.suppress(*_LINK_ERRORS):
                await asyncio.wait_for(connection.close(), 2)

    async def close(self) -> None:
        await self._drop_publisher()
        if self._consumer is not None:
            with contextlib.suppress(*_LINK_ERRORS):
                await asyncio.wait_for(self._consumer.close(), 5)


async def _underlay(channel: AbstractChannel) -> Channel:
    """The channel below aio-pika's, where many messages cost less."""
    below = await channel.get_underlay_channel()
    assert isinstance(below, Channel)
    return below


async def _until_cancelled(channel: Channel, lose: Callable[[object], None]) -> None:
    """Watch for the broker taking the consumer away (its queue was deleted)."""
    while channel.consumers:
        await asyncio.sleep(2)
    lose("the queue is gone")


class _Acknowledger:
    """Acknowledges many deliveries with one frame: all up to the last without a gap.

    Lanes finish in any order; a delivery behind an unfinished one waits for it. What a crash
    leaves unacknowledged comes again and is recognised. What has come again is acknowledged by
    itself: the unfinished one before it may be what the process dies of.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._finished: dict[int, bool] = {}
        self._last = 0
        self._sending: asyncio.Handle | None = None

    def finish(self, tag: int, *, settled: bool = False) -> None:
        """The delivery's effect is committed; `settled`: the broker has been told already."""
        self._finished[tag] = settled
        if self._sending is None:
            # Whatever finishes in this turn of the loop leaves in one frame.
            loop = asyncio.get_running_loop()
            self._sending = loop.call_soon(lambda: loop.create_task(self._send()))

    async def _send(self) -> None:
        self._sending = None
        to_acknowledge = 0
        while self._last + 1 in self._finished:
            self._last += 1
            # A settled tag is gone: naming it would be a protocol error and close the channel.
            if not self._finished.pop(self._last):
                to_acknowledge = self._last
        if to_acknowledge:
            # The channel may have died since: then the broker delivers again, which is harmless.
            with contextlib.suppress(*_LINK_ERRORS):
                await self._channel.basic_ack(to_acknowledge, multiple=True, wait=False)


def _delivery(channel: Channel, message: DeliveredMessage, acknowledge: _Acknowledger) -> Delivery:
    tag = message.delivery_tag
    assert tag is not None

    redelivered = bool(getattr(message.delivery, "redelivered", False))

    async def ack() -> None:
        crash_point("before_ack")
        if redelivered:
            with contextlib.suppress(*_LINK_ERRORS):
                await channel.basic_ack(tag)
        acknowledge.finish(tag, settled=redelivered)

    async def reject() -> None:
        with contextlib.suppress(*_LINK_ERRORS):
            await channel.basic_reject(tag, requeue=False)
        acknowledge.finish(tag, settled=True)

    properties = message.header.properties
    returns = (properties.headers or {}).get("x-delivery-count", 0)
    return Delivery(
        message.body,
        properties.content_type,
        ack,
        reject,
        redelivered=redelivered,
        returns=returns if isinstance(returns, int) else 0,
    )


def _properties(event: Outgoing) -> spec.Basic.Properties:
    service = event.type.split(".", 1)[0].replace("_", "-")
    return spec.Basic.Properties(
        message_id=str(event.event_id),
        message_type=event.type,
        app_id=f"fairway-{service}",
        timestamp=datetime.now(UTC),
        content_type=CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        headers={"x-agg": str(event.aggregate_id)},
    )


def _say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


async def _declare_exchange(channel: AbstractChannel, service: str) -> None:
    await channel.declare_exchange(exchange_of(service), aio_pika.ExchangeType.TOPIC, durable=True)


async def declare_topology(channel: AbstractChannel, subscription: Subscription) -> None:
    """Make the exchanges, queues and bindings of one service; repeating it changes nothing.

    The dead letter side comes first: with at-least-once dead-lettering a message that is rejected
    before its exchange exists is held for three minutes.
    """
    service = subscription.service
    dead = await channel.declare_exchange(DEAD_EXCHANGE, aio_pika.ExchangeType.DIRECT, durable=True)
    parking = await channel.declare_queue(
        subscription.dead,
        durable=True,
        # To look at a letter gives it back; by default RabbitMQ 4 drops it after twenty looks.
        arguments={"x-queue-type": "quorum", "x-delivery-limit": NO_DELIVERY_LIMIT},
    )
    await parking.bind(dead, routing_key=subscription.dead)
    await _declare_exchange(channel, service)
    if not subscription.aggregates:
        return
    inbox = await channel.declare_queue(
        subscription.inbox,
        durable=True,
        arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD_EXCHANGE,
            "x-dead-letter-routing-key": subscription.dead,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-single-active-consumer": True,
        },
    )
    for exchange, pattern in subscription.bindings:
        await _declare_exchange(channel, exchange.removesuffix(".events"))
        await inbox.bind(exchange, routing_key=pattern)


async def declare(url: str, subscription: Subscription) -> None:
    """Connect, declare and leave: the deploy command."""
    connection = await _connect(url, f"{subscription.service} topology")
    async with connection:
        channel = await connection.channel()
        await declare_topology(channel, subscription)


async def queue_depth(channel: AbstractChannel, name: str) -> int:
    """Messages ready in a queue."""
    queue = await channel.declare_queue(name, passive=True)
    return queue.declaration_result.message_count or 0
