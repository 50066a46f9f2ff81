"""The relay: partitions are shared, a refused event holds up its aggregate only, order is kept."""

import asyncio
import contextlib
import random
from collections import Counter as Tally
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from common import operations
from common.ids import new_id
from common.messaging import relay as relay_module
from common.messaging.consumer import Consumer
from common.messaging.consumers import Consumers
from common.messaging.envelope import decode
from common.messaging.inbox import Inbox, Received
from common.messaging.outbox import PARTS
from common.messaging.relay import Pending, Relay, waves
from common.messaging.transport import BusDown, Outgoing, Refused, Transport
from common.testing.databases import as_owner

from .harness import (
    CONSUMER,
    PRODUCER,
    Behaviour,
    all_pairs,
    count_up,
    effects_in,
    eventually,
    pending,
    running,
)


class Bus(Transport):
    """Takes everything, in the order it comes, unless told otherwise."""

    keeps_order = False

    def __init__(self):
        self.taken = []
        self.batches = []
        self.refuse = lambda event: None
        self.is_down = False
        self.delay_s = 0.0

    async def publish(self, events):
        if self.is_down:
            raise BusDown("down")
        self.batches.append(list(events))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        outcomes = [self.refuse(event) for event in events]
        self.taken += [
            event for event, outcome in zip(events, outcomes, strict=True) if outcome is None
        ]
        return outcomes

    async def consume(self, deliver):
        raise AssertionError("nobody consumes here")

    async def close(self):
        return None

    @property
    def versions(self):
        found = {}
        for event in self.taken:
            found.setdefault(event.aggregate_id, []).append(decode(event.body).aggregateversion)
        return found


# ---------------------------------------------------------------------------------------- waves

aggregates = [new_id() for _ in range(5)]


@given(st.lists(st.sampled_from(aggregates), max_size=60))
def test_waves_hold_each_event_once_each_aggregate_once_a_wave_and_keep_its_order(subjects):
    rows = [
        Pending(seq, 0, Outgoing(new_id(), "sales.counter.counted.v1", subject, b""))
        for seq, subject in enumerate(subjects)
    ]

    found = waves(rows)

    assert sorted(row.seq for wave in found for row in wave) == [row.seq for row in rows]
    assert all(found)
    for wave in found:
        assert max(Tally(row.event.aggregate_id for row in wave).values()) == 1
        assert [row.seq for row in wave] == sorted(row.seq for row in wave)
    for subject in aggregates:
        seqs = [row.seq for wave in found for row in wave if row.event.aggregate_id == subject]
        assert seqs == sorted(seqs)
    # As few waves as there can be.
    assert len(found) == max(Tally(subjects).values(), default=0)


# -------------------------------------------------------------------------- one relay and its bus


async def test_everything_committed_is_sent_in_order_and_forgotten(producer):
    bus = Bus()
    ids = [await count_up(producer, times=3) for _ in range(5)]
    relay = Relay(PRODUCER, producer.dsn, bus)

    async with running(relay.run):
        await eventually(lambda: is_empty(producer))
        producer.on_said = relay.nudge
        await asyncio.gather(*(count_up(producer, each, times=2) for each in ids))
        await eventually(lambda: is_empty(producer))

    assert bus.versions == {each: [1, 2, 3, 4, 5] for each in ids}
    for batch in bus.batches:
        assert max(Tally(event.aggregate_id for event in batch).values()) == 1


async def is_empty(database):
    return await pending(database) == 0


async def test_a_bus_that_keeps_the_order_gets_all_at_once(producer):
    bus = Bus()
    bus.keeps_order = True
    counter_id = await count_up(producer, times=6)

    async with running(Relay(PRODUCER, producer.dsn, bus).run):
        await eventually(lambda: is_empty(producer))

    assert [len(batch) for batch in bus.batches] == [6]
    assert bus.versions == {counter_id: [1, 2, 3, 4, 5, 6]}


async def test_a_refused_event_holds_up_its_aggregate_only_and_waits_longer_each_time(
    producer, monkeypatch
):
    monkeypatch.setattr(relay_module, "FIRST_BACKOFF_S", 0.2)
    bus = Bus()
    sick = await count_up(producer, times=2)
    bus.refuse = lambda event: Refused("full") if event.aggregate_id == sick else None
    well = [await count_up(producer, times=3) for _ in range(4)]

    async def blocked():
        async with producer.reading() as session:
            query = "SELECT * FROM outbox_pending WHERE attempts > 0"
            return (await session.execute(text(query))).all()

    async def refused_three_times():
        return [row.attempts for row in await blocked()] == [3]

    async with running(Relay(PRODUCER, producer.dsn, bus).run):
        await eventually(refused_three_times)
        (row,) = await blocked()
        async with producer.reading() as session:
            wait_s = (
                await session.execute(
                    text(
                        "SELECT extract(epoch FROM next_attempt_at - clock_timestamp())::float8"
                        " FROM outbox_pending WHERE attempts > 0"
                    )
                )
            ).scalar_one()
        assert row.last_error == "full"
        assert wait_s <= 0.2 * 4 * 1.25
        assert bus.versions == {each: [1, 2, 3] for each in well}
        # Behind the refused first event the second was not even tried.
        tried = [e for batch in bus.batches for e in batch if e.aggregate_id == sick]
        assert {decode(event.body).aggregateversion for event in tried} == {1}

        bus.refuse = lambda event: None
        assert await operations.unblock_outbox(producer) == 1
        await eventually(lambda: is_empty(producer))

    assert bus.versions[sick] == [1, 2]


async def test_the_longest_wait_is_a_minute():
    waits = [
        min(relay_module.FIRST_BACKOFF_S * 2**n, relay_module.LONGEST_BACKOFF_S) for n in range(9)
    ]

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_a_bus_that_is_down_costs_no_attempt_and_is_tried_again(producer, monkeypatch):
    monkeypatch.setattr(relay_module, "FIRST_BACKOFF_S", 0.05)
    bus = Bus()
    bus.is_down = True
    counter_id = await count_up(producer, times=2)
    relay = Relay(PRODUCER, producer.dsn, bus)
    circuit = relay_module.metrics.RELAY_CIRCUIT.labels(PRODUCER)

    async def circuit_is_open():
        return circuit._value.get() == 1

    async with running(relay.run):
        await eventually(circuit_is_open)
        async with producer.reading() as session:
            rows = (await session.execute(text("SELECT * FROM outbox_pending"))).all()
        assert {(row.attempts, row.next_attempt_at, row.last_error) for row in rows} == {
            (0, None, None)
        }
        bus.is_down = False
        await eventually(lambda: is_empty(producer))

    assert bus.versions == {counter_id: [1, 2]}
    assert circuit._value.get() == 0


async def test_draining_finishes_the_wave_under_way_and_sends_no_other(producer):
    bus = Bus()
    bus.delay_s = 0.3
    counter_id = await count_up(producer, times=3)
    relay = Relay(PRODUCER, producer.dsn, bus)

    async def sending():
        return bool(bus.batches)

    async with running(relay.run):
        await eventually(sending)
        await relay.drain(20)

    assert bus.versions == {counter_id: [1]}
    assert await pending(producer) == 2


# ---------------------------------------------------------------------------------- many relays


async def owners(database):
    """Which session owns which partitions."""
    async with database.reading() as session:
        rows = await session.execute(
            text(
                "SELECT pid, objid FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND classid = :ownership AND objsubid = 2 AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            ),
            {"ownership": relay_module._OWNERSHIP},
        )
    found = {}
    for row in rows:
        found.setdefault(row.pid, set()).add(row.objid)
    return found


def shared_by(database, relays):
    async def is_shared():
        found = await owners(database)
        sizes = sorted(len(parts) for parts in found.values())
        share = -(-PARTS // relays)
        return (
            len(found) == relays
            and set().union(*found.values()) == set(range(PARTS))
            and sizes[-1] <= share
        )

    return is_shared


@pytest.mark.parametrize("relays", [2, 3])
async def test_relays_share_the_partitions_and_each_is_owned_once(producer, monkeypatch, relays):
    monkeypatch.setattr(relay_module, "REBALANCE_EVERY_S", 0.1)
    bus = Bus()
    together = [Relay(PRODUCER, producer.dsn, bus) for _ in range(relays)]

    async with running(*(relay.run for relay in together)):
        await eventually(shared_by(producer, relays))
        owned = [relay._owned for relay in together]
        assert sum(map(len, owned)) == len(set().union(*owned)) == PARTS

    async def all_free():
        return await owners(producer) == {}

    await eventually(all_free)


async def test_the_partitions_of_a_relay_that_dies_go_to_the_others(producer, monkeypatch):
    monkeypatch.setattr(relay_module, "REBALANCE_EVERY_S", 0.1)
    bus = Bus()
    first, second = (Relay(PRODUCER, producer.dsn, bus) for _ in range(2))

    async with running(second.run):
        async with running(first.run):
            await eventually(shared_by(producer, 2))
        # Nothing was handed over: its connection is simply gone.
        await eventually(shared_by(producer, 1))
        assert second._owned == set(range(PARTS))

        ids = [await count_up(producer, times=2) for _ in range(20)]
        await eventually(lambda: is_empty(producer))

    assert bus.versions == {each: [1, 2] for each in ids}


async def test_a_relay_that_loses_its_session_stops_and_comes_back(producer, monkeypatch):
    monkeypatch.setattr(relay_module, "REBALANCE_EVERY_S", 0.1)
    bus = Bus()
    relays = [Relay(PRODUCER, producer.dsn, bus) for _ in range(2)]

    async with running(*(relay.run for relay in relays)):
        await eventually(shared_by(producer, 2))
        for _ in range(3):
            async with producer.transaction() as session:
                await as_owner(session)
                await session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                        " datname = current_database() AND application_name LIKE '%-relay'"
                    )
                )
            await asyncio.gather(*(count_up(producer, times=2) for _ in range(5)))
        await eventually(lambda: is_empty(producer))
        await eventually(shared_by(producer, 2))

    first_occurrences = {each: list(dict.fromkeys(seen)) for each, seen in bus.versions.items()}
    assert len(first_occurrences) == 15
    assert set(map(tuple, first_occurrences.values())) == {(1, 2)}


@pytest.mark.fault(5)
@pytest.mark.parametrize("relays", [2, 3])
async def test_relays_that_come_and_go_under_load_lose_nothing_and_keep_the_order(
    producer, consumer_database, monkeypatch, verdict, seed, relays
):
    monkeypatch.setattr(relay_module, "REBALANCE_EVERY_S", 0.1)
    bus = Bus()
    bus.delay_s = 0.002
    chance = random.Random(seed)
    ids: list[UUID] = []

    async def write():
        for _ in range(40):
            ids.append(await count_up(producer, times=chance.randint(1, 2)))
            await count_up(producer, chance.choice(ids))

    async def come_and_go():
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chance.uniform(0.1, 0.5)):
                    await Relay(PRODUCER, producer.dsn, bus).run()

    async with running(*[come_and_go] * relays):
        await asyncio.gather(write(), write(), write())
        await eventually(lambda: is_empty(producer), within_s=40)

    behaviour = Behaviour()
    inbox = Inbox(consumer_database, Consumers(CONSUMER, behaviour.table))
    received = [Received(event.body, decode(event.body)) for event in bus.taken]
    for first in range(0, len(received), 100):
        await Consumer(consumer_database, inbox, bus)._apply_all(received[first : first + 100])
    effects = await effects_in(consumer_database)
    async with producer.reading() as session:
        said = (await session.execute(text("SELECT count(*) FROM event_log"))).scalar_one()
    verdict(
        f"5 {relays} relays at once",
        said=said,
        duplicated=len(bus.taken) - said,
        effects=len(effects.pairs),
    )
    assert len(effects.pairs) == said
    assert set(effects.pairs) == {
        (each, version) for each in ids for version in range(1, len(effects.versions[each]) + 1)
    }
    assert effects.disorder() == []
    first_occurrences = {each: list(dict.fromkeys(seen)) for each, seen in bus.versions.items()}
    for seen in first_occurrences.values():
        assert seen == list(range(1, len(seen) + 1))


async def test_a_stranger_that_holds_a_partition_holds_up_its_aggregates_only(
    producer, monkeypatch
):
    """What a zombie would do: the others do not send what is another's."""
    monkeypatch.setattr(relay_module, "REBALANCE_EVERY_S", 0.1)
    bus = Bus()
    stranger = await asyncpg.connect(producer.dsn)
    ids = [await count_up(producer) for _ in range(30)]
    async with producer.reading() as session:
        rows = await session.execute(text("SELECT aggregate_id, part FROM outbox_pending"))
        parts = {row.aggregate_id: row.part for row in rows}
    held = parts[ids[0]]
    kept_back = {each for each, part in parts.items() if part == held}
    await stranger.execute("SELECT pg_advisory_lock($1, $2)", relay_module._OWNERSHIP, held)

    async def only_those_are_left():
        return await pending(producer) == len(kept_back)

    async with running(Relay(PRODUCER, producer.dsn, bus).run):
        await eventually(only_those_are_left)
        await asyncio.sleep(0.3)
        assert set(bus.versions) == set(ids) - kept_back
        await stranger.close()
        await eventually(lambda: is_empty(producer))

    assert {(each, 1) for each in bus.versions} == all_pairs(ids, 1)
