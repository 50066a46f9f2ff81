"""What operators do: look, drive again, pass over, discard, replay; each may be done twice."""

import asyncio
import contextlib
from datetime import timedelta

import aio_pika
import pytest
from sqlalchemy import text

from common import clock, operations
from common.errors import Conflict
from common.ids import new_id
from common.messaging import metrics
from common.messaging.envelope import CONTENT_TYPE
from common.messaging.in_process import InProcessBus
from common.messaging.rabbitmq import RabbitMQTransport, declare, queue_depth
from common.testing.service import received_event

from .harness import (
    CONSUMER,
    Behaviour,
    CountedHeard,
    a_consumer,
    a_relay,
    count_up,
    effects_in,
    eventually,
    pending,
    running,
    subscriptions,
    waiting_states,
)
from .test_envelope import MALFORMED

COUNTED = CountedHeard.type
LONG_AGO = timedelta(days=1000)


async def actions(database):
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT action, subject, reason, actor FROM operator_action ORDER BY id")
        )
        return [tuple(row) for row in rows]


# --------------------------------------------------------------------------------- parked events


def events_of(subject, *notes):
    """Versions 1, 2, … with these notes."""
    return [
        received_event(
            COUNTED, subject=subject, version=version, data={"value": version, "note": note}
        )
        for version, note in enumerate(notes, start=1)
    ]


class Parked:
    """A consumer whose handler refuses the notes that begin with `bad`."""

    def __init__(self, database):
        self.database = database
        self.behaviour = Behaviour()
        self.cured = False
        self.behaviour.raise_on = lambda event: (
            Conflict(event.note) if event.note.startswith("bad") and not self.cured else None
        )
        bus = InProcessBus().transport(subscriptions()[1])
        _, self.consumer = a_consumer(database, self.behaviour, bus)

    async def receive(self, *events):
        await self.consumer._apply_all(list(events))

    async def versions(self, subject):
        return (await effects_in(self.database)).versions.get(subject, [])


@pytest.fixture
def parked(consumer_database):
    return Parked(consumer_database)


async def test_what_is_parked_is_listed_with_its_reason_the_oldest_first(parked, consumer_database):
    sick, other = new_id(), new_id()
    bad, waits = events_of(sick, "bad luck", "fine")
    await parked.receive(bad)
    await parked.receive(waits)
    await parked.receive(*events_of(other, "bad as well"))

    listed = await operations.list_parked(consumer_database)

    assert [(row["aggregate_id"], row["aggregate_version"], row["state"]) for row in listed] == [
        (sick, 1, "dead"),
        (sick, 2, "gap"),
        (other, 1, "dead"),
    ]
    assert listed[0]["event_id"] == bad.envelope.id
    assert (listed[0]["error_class"], listed[0]["last_error"]) == ("Conflict", "bad luck")
    assert [
        row["event_id"] for row in await operations.list_parked(consumer_database, states=["gap"])
    ] == [waits.envelope.id]
    (one,) = await operations.list_parked(consumer_database, event_id=bad.envelope.id)
    assert one["attempts"] == 1
    assert len(await operations.list_parked(consumer_database, limit=2)) == 2
    assert await operations.list_parked(consumer_database, event_id=new_id()) == []
    assert (await operations.levels(consumer_database))["inbox_dead"] == 2


async def test_a_reason_that_no_text_column_takes_is_parked_all_the_same(parked, consumer_database):
    """Else the event would come again for ever, and stop everything behind it."""
    await parked.receive(*events_of(new_id(), "bad \0 luck"))

    (row,) = await operations.list_parked(consumer_database)
    assert row["last_error"] == "bad \ufffd luck"


async def test_driving_again_twice_and_at_once_has_one_effect(parked, consumer_database):
    sick = new_id()
    bad, waits = events_of(sick, "bad", "fine")
    await parked.receive(bad, waits)
    parked.cured = True
    ids = [bad.envelope.id]

    driven = await asyncio.gather(
        *(operations.redrive_parked(consumer_database, ids, reason="mended") for _ in range(4))
    )
    others = [Parked(consumer_database) for _ in range(3)]
    for other in others:
        other.cured = True
    await asyncio.gather(*(one.consumer.sweep_once() for one in [parked, *others]))

    assert driven == [ids] * 4
    assert await operations.redrive_parked(consumer_database, ids) == []
    assert await parked.versions(sick) == [1, 2]
    assert await waiting_states(consumer_database) == {}
    noted = await actions(consumer_database)
    assert [entry[:3] for entry in noted] == [
        *[("parked redrive", str(bad.envelope.id), "mended")] * 4,
        ("parked redrive", "nothing", None),
    ]
    assert all(entry[3] for entry in noted)


async def test_what_is_driven_again_and_fails_again_is_parked_again(parked, consumer_database):
    (bad,) = events_of(new_id(), "bad")
    await parked.receive(bad)

    await operations.redrive_parked(consumer_database, [bad.envelope.id])
    await parked.consumer.sweep_once()

    (row,) = await operations.list_parked(consumer_database)
    assert (row["state"], row["redriven"]) == ("dead", 1)


async def test_what_waits_for_an_earlier_event_cannot_be_driven(parked, consumer_database):
    bad, waits = events_of(new_id(), "bad", "fine")
    await parked.receive(bad, waits)

    assert await operations.redrive_parked(consumer_database, [waits.envelope.id]) == []
    assert await waiting_states(consumer_database) == {"dead": 1, "gap": 1}


async def test_passing_over_the_first_event_of_all_lets_the_later_ones_in(
    parked, consumer_database
):
    """Nothing but the parked event is known of the aggregate then."""
    sick = new_id()
    bad, later = events_of(sick, "bad", "fine")
    await parked.receive(bad)

    assert await operations.skip_parked(
        consumer_database, [bad.envelope.id], reason="worthless"
    ) == [bad.envelope.id]
    await parked.receive(later)

    assert await parked.versions(sick) == [2]
    assert await waiting_states(consumer_database) == {}


async def test_several_events_of_one_thing_are_passed_over_in_their_order(
    parked, consumer_database
):
    sick = new_id()
    events = events_of(sick, "fine", "bad", "bad", "bad", "fine")
    await parked.receive(*events)
    ids = [event.envelope.id for event in events]

    skipped = await operations.skip_parked(
        consumer_database, [ids[3], ids[1], ids[2]], reason="worthless"
    )
    await parked.consumer.sweep_once()

    assert skipped == ids[1:4]
    assert await parked.versions(sick) == [1, 5]
    assert await waiting_states(consumer_database) == {}


async def test_what_waits_for_an_earlier_event_is_not_passed_over(parked, consumer_database):
    """It would be gone, and the thing would wait for it for ever."""
    sick = new_id()
    bad, waits, last = events_of(sick, "bad", "fine", "fine")
    await parked.receive(bad, waits, last)

    assert (
        await operations.skip_parked(consumer_database, [waits.envelope.id], reason="wrong one")
        == []
    )
    assert await waiting_states(consumer_database) == {"dead": 1, "gap": 2}

    await operations.skip_parked(consumer_database, [bad.envelope.id], reason="right one")
    await parked.consumer.sweep_once()
    assert await parked.versions(sick) == [2, 3]


async def test_passing_over_twice_and_at_once_is_passing_over_once(parked, consumer_database):
    sick = new_id()
    events = events_of(sick, "bad", "fine")
    await parked.receive(*events)
    ids = [events[0].envelope.id]

    skipped = await asyncio.gather(
        *(operations.skip_parked(consumer_database, ids, reason="no") for _ in range(5))
    )
    await parked.receive(events[0])
    await parked.consumer.sweep_once()

    assert sorted(map(len, skipped)) == [0, 0, 0, 0, 1]
    assert await parked.versions(sick) == [2]
    assert [entry[1] for entry in await actions(consumer_database)].count("nothing") == 4


# -------------------------------------------------------------------------------- outbox, replay


async def test_the_outbox_is_listed_the_oldest_first(producer):
    first, second = await count_up(producer, times=2), await count_up(producer)

    listed = await operations.list_outbox(producer)

    assert [(row["aggregate_id"], row["aggregate_version"]) for row in listed] == [
        (first, 1),
        (first, 2),
        (second, 1),
    ]
    assert len(await operations.list_outbox(producer, 1)) == 1
    levels = await operations.levels(producer)
    assert levels["outbox_pending"] == 3
    assert levels["outbox_oldest_s"] >= 0


async def test_a_replay_says_what_it_would_do_and_does_it_when_told(
    producer, consumer_database, parked
):
    bus = InProcessBus()
    said, heard = subscriptions()
    behaviour = Behaviour()
    _, consumer = a_consumer(consumer_database, behaviour, bus.transport(heard))
    relay = a_relay(producer, bus.transport(said))
    async with running(relay.run, consumer.run):
        before = clock.utc_now()
        counter_id = await count_up(producer, times=5)

        async def all_sent():
            return await pending(producer) == 0

        await eventually(all_sent)
        duplicates = metrics.INBOX_DUPLICATES.labels(CONSUMER, COUNTED)
        seen_before = duplicates._value.get()
        since = before - timedelta(minutes=5)

        assert await operations.republish(producer, since=since) == 5
        assert await operations.republish(producer, since=since, limit=2) == 2
        assert await operations.republish(producer, since=clock.utc_now() + timedelta(days=1)) == 0
        assert await operations.republish(producer, since=since, aggregates=["sales.quote"]) == 0
        assert await pending(producer) == 0
        assert await actions(producer) == []

        assert await operations.republish(producer, since=since, dry_run=False) == 5
        await eventually(all_sent)
        assert await operations.republish(producer, since=since, limit=2, dry_run=False) == 2
        await eventually(all_sent)

    assert (await effects_in(consumer_database)).versions == {counter_id: [1, 2, 3, 4, 5]}
    assert behaviour.calls == 5
    assert duplicates._value.get() - seen_before == 7
    assert [entry[0] for entry in await actions(producer)] == ["republish", "republish"]


async def test_a_replay_of_what_is_still_to_be_sent_adds_nothing(producer):
    await count_up(producer, times=3)
    since = clock.utc_now() - LONG_AGO

    done = await asyncio.gather(
        *(operations.republish(producer, since=since, dry_run=False) for _ in range(3))
    )

    assert done == [0, 0, 0]
    assert await pending(producer) == 3


# ---------------------------------------------------------------------------------- dead letters


class Broker:
    """A virtual host with the two services' topology."""

    def __init__(self, url):
        self.url = url
        self.said, self.heard = subscriptions()
        self._opened = []

    def end(self, subscription):
        """A service's end of the bus."""
        transport = RabbitMQTransport(self.url, subscription)
        self._opened.append(transport)
        return transport

    async def close(self):
        for transport in self._opened:
            await transport.close()

    async def publish(self, *messages, queue=None):
        connection = await aio_pika.connect(self.url)
        async with connection:
            channel = await connection.channel()
            for body, content_type in messages:
                await channel.default_exchange.publish(
                    aio_pika.Message(body, content_type=content_type, delivery_mode=2),
                    routing_key=queue or self.heard.inbox,
                )

    async def depth(self, queue):
        connection = await aio_pika.connect(self.url)
        async with connection:
            return await queue_depth(await connection.channel(), queue)

    async def bodies(self, queue):
        """What is in a queue; it is empty afterwards."""
        found = []

        async def take(message):
            found.append(message.body)
            await message.ack()

        connection = await aio_pika.connect(self.url)
        async with connection:
            channel = await connection.channel()
            held = await channel.declare_queue(queue, passive=True)
            await held.consume(take)
            seen = -1
            while len(found) > seen or await queue_depth(channel, queue):
                seen = len(found)
                await asyncio.sleep(0.15)
        return found

    async def purge(self):
        connection = await aio_pika.connect(self.url)
        async with connection:
            channel = await connection.channel()
            for name in (self.heard.inbox, self.heard.dead):
                queue = await channel.declare_queue(name, passive=True)
                await queue.purge()

    async def holds(self, queue, count):
        async def has_so_many():
            return await self.depth(queue) == count

        await eventually(has_so_many, within_s=40, what=f"{count} messages in {queue}")


@pytest.fixture
async def broker(make_vhost):
    made = Broker(make_vhost("operations"))
    for subscription in (made.said, made.heard):
        await declare(made.url, subscription)
    await made.purge()
    yield made
    await made.close()


def letters(count):
    return [(f"letter {number}".encode(), "text/plain") for number in range(count)]


async def test_dead_letters_are_looked_at_as_often_as_one_likes_and_all_stay(broker):
    await broker.publish(*letters(5), queue=broker.heard.dead)
    await broker.holds(broker.heard.dead, 5)

    for _ in range(25):
        # What was looked at returns a moment after the answer.
        await broker.holds(broker.heard.dead, 5)
        looked_at = await operations.peek_dead(broker.url, broker.heard)
        assert [letter.excerpt for letter in looked_at] == [f"letter {n}" for n in range(5)]

    assert "content type" in looked_at[0].reason
    await broker.holds(broker.heard.dead, 5)
    assert len(await operations.peek_dead(broker.url, broker.heard, limit=2)) == 2
    await broker.holds(broker.heard.dead, 5)
    assert sorted(await broker.bodies(broker.heard.dead)) == [body for body, _ in letters(5)]


async def test_dead_letters_driven_again_by_two_at_once_are_in_one_place_each(
    broker, consumer_database
):
    await broker.publish(*letters(40), queue=broker.heard.dead)
    await broker.holds(broker.heard.dead, 40)

    moved = await asyncio.gather(
        *(
            operations.redrive_dead(broker.url, broker.heard, database=consumer_database)
            for _ in range(2)
        )
    )
    again = await operations.redrive_dead(broker.url, broker.heard)

    assert sum(moved) == 40
    assert again == 0
    assert sorted(await broker.bodies(broker.heard.inbox)) == sorted(
        body for body, _ in letters(40)
    )
    assert {entry[0] for entry in await actions(consumer_database)} == {"dlq redrive"}


async def test_dead_letters_whose_move_is_interrupted_are_in_one_place_at_least(broker):
    await broker.publish(*letters(60), queue=broker.heard.dead)
    await broker.holds(broker.heard.dead, 60)

    for pause_s in (0.05, 0.1, 0.15):
        moving = asyncio.create_task(operations.redrive_dead(broker.url, broker.heard))
        await asyncio.sleep(pause_s)
        moving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await moving
    await operations.redrive_dead(broker.url, broker.heard)

    left = await broker.bodies(broker.heard.dead)
    assert {*left, *await broker.bodies(broker.heard.inbox)} == {body for body, _ in letters(60)}


async def test_dead_letters_are_driven_as_many_as_asked_for(broker):
    await broker.publish(*letters(5), queue=broker.heard.dead)
    await broker.holds(broker.heard.dead, 5)

    assert await operations.redrive_dead(broker.url, broker.heard, limit=2) == 2
    assert await broker.bodies(broker.heard.inbox) == [b"letter 0", b"letter 1"]
    assert await broker.bodies(broker.heard.dead) == [b"letter 2", b"letter 3", b"letter 4"]


async def test_what_dies_again_does_not_go_round_in_a_circle(broker, consumer_database):
    await broker.publish(*letters(3), queue=broker.heard.dead)
    await broker.holds(broker.heard.dead, 3)
    _, consumer = a_consumer(consumer_database, Behaviour(), broker.end(broker.heard))

    async with running(consumer.run):
        assert await operations.redrive_dead(broker.url, broker.heard) == 3
        await broker.holds(broker.heard.dead, 3)


async def test_dead_letters_are_discarded_with_a_reason_and_noted(broker, consumer_database):
    await broker.publish(*letters(3), queue=broker.heard.dead)
    await broker.holds(broker.heard.dead, 3)

    dropped = await operations.discard_dead(
        broker.url, broker.heard, consumer_database, limit=2, reason="noise"
    )

    assert dropped == 2
    assert await broker.bodies(broker.heard.dead) == [b"letter 2"]
    assert [entry[0::2] for entry in await actions(consumer_database)] == [
        ("dlq discard", "noise")
    ] * 2


@pytest.mark.fault(27)
async def test_whatever_is_no_event_goes_to_the_dead_letters_and_disturbs_nobody(
    broker, producer, consumer_database, verdict
):
    table = [(body, CONTENT_TYPE) for body in MALFORMED.values()]
    table += [
        (b"{}", "text/plain"),
        (b"{}", None),
        (b"x" * (10 * 1024 * 1024), CONTENT_TYPE),
    ]
    behaviour = Behaviour()
    _, consumer = a_consumer(consumer_database, behaviour, broker.end(broker.heard))
    relay = a_relay(producer, broker.end(broker.said))
    reconnects = metrics.AMQP_RECONNECTS.labels(CONSUMER)
    reconnects_before = reconnects._value.get()

    async with running(relay.run, consumer.run):
        # One alone, and then many between good ones.
        await broker.publish(table[0])
        await broker.holds(broker.heard.dead, 1)
        ids = []
        for message in table[1:]:
            await broker.publish(message)
            ids.append(await count_up(producer))
        await broker.holds(broker.heard.dead, len(table))

        async def all_applied():
            return len((await effects_in(consumer_database)).pairs) == len(ids)

        await eventually(all_applied, within_s=60)

    died = await operations.peek_dead(broker.url, broker.heard, limit=1000)
    verdict("27 malformed messages", dead=len(died), of=len(table), applied=len(ids))
    assert len(died) == len(table)
    assert all(letter.reason and "broker:" not in letter.reason for letter in died)
    assert {letter.bytes for letter in died} == {len(body) for body, _ in table}
    assert reconnects._value.get() == reconnects_before
    assert await waiting_states(consumer_database) == {}
