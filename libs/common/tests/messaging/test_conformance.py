"""One suite over both buses: what the services may rely on, whichever carries their events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aio_pika
import pytest
import pytest_asyncio

from common import operations
from common.db import Database
from common.messaging import metrics
from common.messaging.in_process import InProcessBus
from common.messaging.outbox import record
from common.messaging.rabbitmq import RabbitMQTransport, declare
from common.messaging.transport import Transport
from common.testing.pytest_plugin import MakeVhost

from .harness import (
    CONSUMER,
    Behaviour,
    Counted,
    Counter,
    PoisonError,
    a_consumer,
    a_relay,
    all_pairs,
    count_up,
    effects_in,
    eventually,
    pending,
    running,
    subscriptions,
    waiting_states,
)


@dataclass
class Bus:
    """Two ends of a bus; each call gives a new one, as a new process would have."""

    name: str
    producer: Callable[[], Transport]
    consumer: Callable[[], Transport]


@pytest_asyncio.fixture(params=["in_process", "rabbitmq"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    said, heard = subscriptions()
    if request.param == "in_process":
        held = InProcessBus()
        yield Bus("in_process", lambda: held.transport(said), lambda: held.transport(heard))
        return
    make_vhost: MakeVhost = request.getfixturevalue("make_vhost")
    url = make_vhost("conformance")
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        for queue in (heard.inbox, heard.dead):
            await channel.queue_delete(queue)
    await declare(url, said)
    await declare(url, heard)
    # A quorum queue elects its leader first; an event sent before that would wait for a retry.
    await asyncio.sleep(1)
    opened: list[Transport] = []

    def end(subscription: object) -> Transport:
        transport = RabbitMQTransport(url, subscription)  # type: ignore[arg-type]  # the harness says object
        opened.append(transport)
        return transport

    yield Bus("rabbitmq", lambda: end(said), lambda: end(heard))
    for transport in opened:
        await transport.close()


async def test_every_committed_event_has_its_effect_once_and_in_order(
    bus: Bus, producer: Database, consumer_database: Database
) -> None:
    behaviour = Behaviour()
    _, consumer = a_consumer(consumer_database, behaviour, bus.consumer())
    relay = a_relay(producer, bus.producer())

    async with running(relay.run, consumer.run):
        ids = [await count_up(producer, times=2) for _ in range(20)]
        await asyncio.gather(*(count_up(producer, counter_id, times=3) for counter_id in ids))

        async def all_applied() -> bool:
            return len((await effects_in(consumer_database)).pairs) >= 100

        await eventually(all_applied)

    effects = await effects_in(consumer_database)
    assert set(effects.pairs) == all_pairs(ids, 5)
    assert effects.disorder() == []
    assert await pending(producer) == 0


async def test_what_was_rolled_back_is_never_said(
    bus: Bus, producer: Database, consumer_database: Database
) -> None:
    _, consumer = a_consumer(consumer_database, Behaviour(), bus.consumer())
    relay = a_relay(producer, bus.producer())

    async with running(relay.run, consumer.run):
        with pytest.raises(PoisonError):
            async with producer.transaction() as session:
                counter = Counter(value=1)
                session.add(counter)
                record(session, counter, Counted(value=1))
                raise PoisonError
        told = await count_up(producer)

        async def applied() -> bool:
            return bool((await effects_in(consumer_database)).pairs)

        await eventually(applied)

    assert (await effects_in(consumer_database)).pairs == [(told, 1)]


async def test_a_poison_event_is_parked_and_holds_up_only_its_aggregate(
    bus: Bus, producer: Database, consumer_database: Database
) -> None:
    behaviour = Behaviour(refuse_notes={"poison"})
    _, consumer = a_consumer(consumer_database, behaviour, bus.consumer())
    relay = a_relay(producer, bus.producer())

    async with running(relay.run, consumer.run):
        sick = await count_up(producer)
        await count_up(producer, sick, note="poison")
        await count_up(producer, sick, times=2)
        well = await count_up(producer, times=4)

        async def parked() -> bool:
            applied = (await effects_in(consumer_database)).versions
            states = await waiting_states(consumer_database)
            return states == {"dead": 1, "gap": 2} and applied.get(well) == [1, 2, 3, 4]

        await eventually(parked)
        assert (await effects_in(consumer_database)).versions[sick] == [1]

        behaviour.refuse_notes.clear()
        (dead,) = await operations.list_parked(consumer_database, states=["dead"])
        await operations.redrive_parked(consumer_database, [dead["event_id"]])
        await operations.redrive_parked(consumer_database, [dead["event_id"]])

        async def drained() -> bool:
            return await waiting_states(consumer_database) == {}

        await eventually(drained)

    effects = await effects_in(consumer_database)
    assert effects.versions[sick] == [1, 2, 3, 4]


async def test_a_parked_event_can_be_passed_over(
    bus: Bus, producer: Database, consumer_database: Database
) -> None:
    behaviour = Behaviour(refuse_notes={"poison"})
    _, consumer = a_consumer(consumer_database, behaviour, bus.consumer())
    relay = a_relay(producer, bus.producer())

    async with running(relay.run, consumer.run):
        sick = await count_up(producer, note="poison")
        await count_up(producer, sick)

        async def parked() -> bool:
            return await waiting_states(consumer_database) == {"dead": 1, "gap": 1}

        await eventually(parked)
        (dead,) = await operations.list_parked(consumer_database, states=["dead"])
        await operations.skip_parked(consumer_database, [dead["event_id"]], reason="worthless")

        async def drained() -> bool:
            return await waiting_states(consumer_database) == {}

        await eventually(drained)

    assert (await effects_in(consumer_database)).versions == {sick: [2]}


async def test_a_passing_failure_is_retried_in_place_and_parks_nothing(
    bus: Bus, producer: Database, consumer_database: Database
) -> None:
    failures = iter([PoisonError(), PoisonError()])
    behaviour = Behaviour(raise_on=lambda event: next(failures, None))
    _, consumer = a_consumer(consumer_database, behaviour, bus.consumer())
    relay = a_relay(producer, bus.producer())

    async with running(relay.run, consumer.run):
        told = await count_up(producer)

        async def applied() -> bool:
            return bool((await effects_in(consumer_database)).pairs)

        await eventually(applied)

    assert (await effects_in(consumer_database)).pairs == [(told, 1)]
    assert await waiting_states(consumer_database) == {}
    assert behaviour.calls == 3


async def test_a_consumer_that_dies_and_returns_repeats_nothing(
    bus: Bus, producer: Database, consumer_database: Database
) -> None:
    behaviour = Behaviour()
    relay = a_relay(producer, bus.producer())

    async with running(relay.run):
        ids = [await count_up(producer, times=3) for _ in range(30)]
        for _ in range(4):
            _, consumer = a_consumer(consumer_database, behaviour, bus.consumer())
            async with running(consumer.run):
                await asyncio.sleep(0.15)
        _, consumer = a_consumer(consumer_database, behaviour, bus.consumer())
        async with running(consumer.run):

            async def all_applied() -> bool:
                return len((await effects_in(consumer_database)).pairs) >= 90

            await eventually(all_applied, within_s=40)

    effects = await effects_in(consumer_database)
    assert set(effects.pairs) == all_pairs(ids, 3)
    assert effects.disorder() == []


async def test_an_event_waits_in_the_outbox_while_nobody_takes_it(
    producer: Database, consumer_database: Database
) -> None:
    held = InProcessBus()
    said, heard = subscriptions()
    held.transport(heard)
    relay = a_relay(producer, held.transport(said))

    async with running(relay.run):
        await count_up(producer)
        await asyncio.sleep(0.3)
        assert await pending(producer) == 1

        _, consumer = a_consumer(consumer_database, Behaviour(), held.transport(heard))
        async with running(consumer.run):

            async def gone() -> bool:
                return await pending(producer) == 0

            await eventually(gone)

    assert len((await effects_in(consumer_database)).pairs) == 1


async def test_what_is_no_event_goes_to_the_dead_letters_and_the_rest_goes_on(
    make_vhost: MakeVhost, producer: Database, consumer_database: Database
) -> None:
    said, heard = subscriptions()
    url = make_vhost("undecodable")
    await declare(url, said)
    await declare(url, heard)
    await asyncio.sleep(1)
    ends = [RabbitMQTransport(url, subscription) for subscription in (said, heard)]
    _, consumer = a_consumer(consumer_database, Behaviour(), ends[1])
    relay = a_relay(producer, ends[0])
    rejected = metrics.DEAD_LETTERED.labels(CONSUMER, heard.inbox, "undecodable")
    before = rejected._value.get()

    async with running(relay.run, consumer.run):
        connection = await aio_pika.connect(url)
        async with connection:
            channel = await connection.channel()
            for body in (b"", b"{", b"[" * 5000, b'{"id": 1}'):
                await channel.default_exchange.publish(
                    aio_pika.Message(body, content_type="application/cloudevents+json"),
                    routing_key=heard.inbox,
                )
            told = await count_up(producer)

            async def applied() -> bool:
                return bool((await effects_in(consumer_database)).pairs)

            await eventually(applied)

            async def all_dead() -> bool:
                return len(await operations.peek_dead(url, heard)) == 4

            await eventually(all_dead)

    for end in ends:
        await end.close()
    letters = await operations.peek_dead(url, heard)
    assert all("not " in letter.reason for letter in letters)
    assert rejected._value.get() - before == 4
    assert (await effects_in(consumer_database)).pairs == [(told, 1)]
