"""The inbox under repetition, disorder and gaps, without a bus: what comes is what is handed in."""

import asyncio
import random
from uuid import UUID

import pytest
from sqlalchemy import text

from common import operations
from common.db import Database
from common.ids import new_id
from common.messaging.consumer import MOST_ATTEMPTS, Consumer
from common.messaging.in_process import InProcessBus
from common.messaging.inbox import Received, VersionConflict
from common.messaging.transport import Delivery
from common.testing.pytest_plugin import Verdict
from common.testing.service import received_event

from .harness import (
    Behaviour,
    CountedHeard,
    PoisonError,
    a_consumer,
    all_pairs,
    effects_in,
    eventually,
    running,
    subscriptions,
    waiting_states,
)

COUNTED = CountedHeard.type


def history(aggregates: int, versions: int) -> tuple[list[UUID], list[Received]]:
    """Events 1..n of so many aggregates, in order."""
    ids = [new_id() for _ in range(aggregates)]
    events = [
        received_event(COUNTED, subject=subject, version=version, data={"value": version})
        for version in range(1, versions + 1)
        for subject in ids
    ]
    return ids, events


async def deliver_all(consumer: Consumer, events: list[Received]) -> None:
    """Hand events over as a bus would and wait until each is acknowledged."""
    acknowledged = 0
    done = asyncio.Event()

    async def ack() -> None:
        nonlocal acknowledged
        acknowledged += 1
        if acknowledged == len(events):
            done.set()

    async def feed() -> None:
        for event in events:
            delivery = Delivery(event.body, "application/cloudevents+json", ack, ack)
            await consumer._deliver(delivery)

    async with running(consumer.run):
        await feed()
        async with asyncio.timeout(90):
            await done.wait()


def consumer_on(database: Database, behaviour: Behaviour) -> Consumer:
    _, heard = subscriptions()
    return a_consumer(database, behaviour, InProcessBus().transport(heard))[1]


@pytest.mark.fault(20)
async def test_every_delivery_three_times_and_shuffled_has_one_effect(
    consumer_database: Database, seed: int, verdict: Verdict
) -> None:
    ids, events = history(40, 10)
    shuffled = events * 3
    random.Random(seed).shuffle(shuffled)

    await deliver_all(consumer_on(consumer_database, Behaviour()), shuffled)

    effects = await effects_in(consumer_database)
    verdict("20 thrice and shuffled", deliveries=len(shuffled), effects=len(effects.pairs))
    assert sorted(effects.pairs) == sorted(all_pairs(ids, 10))
    assert effects.disorder() == []
    assert await waiting_states(consumer_database) == {}


@pytest.mark.fault(21)
async def test_ten_thousand_events_in_any_order_end_in_order(
    consumer_database: Database, seed: int, verdict: Verdict
) -> None:
    ids, events = history(200, 50)
    random.Random(seed).shuffle(events)

    await deliver_all(consumer_on(consumer_database, Behaviour()), events)

    effects = await effects_in(consumer_database)
    verdict("21 random permutation", events=len(events), effects=len(effects.pairs))
    assert set(effects.pairs) == all_pairs(ids, 50)
    assert effects.disorder() == []
    assert await waiting_states(consumer_database) == {}


@pytest.mark.fault(22)
async def test_behind_a_hole_only_its_aggregate_waits(
    consumer_database: Database, verdict: Verdict
) -> None:
    ids, events = history(2, 4)
    missing = events.pop(2)
    assert missing.envelope.subject == ids[0]
    consumer = consumer_on(consumer_database, Behaviour())

    await deliver_all(consumer, events)
    held = await effects_in(consumer_database)
    waiting = await waiting_states(consumer_database)
    await deliver_all(consumer_on(consumer_database, Behaviour()), [missing])

    effects = await effects_in(consumer_database)
    verdict("22 hole, then the late event", waited=waiting.get("gap", 0))
    assert held.versions == {ids[0]: [1], ids[1]: [1, 2, 3, 4]}
    assert waiting == {"gap": 2}
    assert effects.versions == {ids[0]: [1, 2, 3, 4], ids[1]: [1, 2, 3, 4]}


@pytest.mark.fault(23)
async def test_a_repetition_years_later_has_no_effect(
    consumer_database: Database, verdict: Verdict
) -> None:
    _, events = history(1, 3)
    await deliver_all(consumer_on(consumer_database, Behaviour()), events)
    async with consumer_database.transaction() as session:
        # Nothing that can be pruned is needed to recognise it.
        await session.execute(text("DELETE FROM inbox_event"))

    await deliver_all(consumer_on(consumer_database, Behaviour()), events)

    verdict("23 repetition after pruning", effects=len((await effects_in(consumer_database)).pairs))
    assert len((await effects_in(consumer_database)).pairs) == 3


@pytest.mark.fault(24)
async def test_what_always_fails_is_parked_after_its_attempts_and_can_be_driven_again(
    consumer_database: Database, verdict: Verdict
) -> None:
    ids, events = history(2, 3)
    sick = ids[0]
    behaviour = Behaviour(
        raise_on=lambda event: (
            PoisonError("always") if (event.subject, event.value) == (sick, 2) else None
        )
    )
    consumer = consumer_on(consumer_database, behaviour)

    await deliver_all(consumer, events)
    for _ in range(MOST_ATTEMPTS):
        async with consumer_database.transaction() as session:
            await session.execute(
                text(
                    "UPDATE inbox_event SET next_attempt_at = now() - '1s'::interval WHERE state = 'retry'"
                )
            )
        await consumer.sweep_once()
    parked = await operations.list_parked(consumer_database, states=["dead"])
    others = (await effects_in(consumer_database)).versions[ids[1]]
    behaviour.raise_on = lambda event: None
    await operations.redrive_parked(consumer_database, [parked[0]["event_id"]])
    await consumer.sweep_once()

    verdict("24 poison", attempts=parked[0]["attempts"])
    assert parked[0]["attempts"] == MOST_ATTEMPTS
    assert others == [1, 2, 3]
    assert (await effects_in(consumer_database)).versions[sick] == [1, 2, 3]
    assert await waiting_states(consumer_database) == {}


@pytest.mark.fault(26)
async def test_what_fails_three_times_waits_its_backoff_and_then_succeeds(
    consumer_database: Database, verdict: Verdict
) -> None:
    _, events = history(1, 1)
    failures = iter([PoisonError()] * 3)
    consumer = consumer_on(
        consumer_database, Behaviour(raise_on=lambda event: next(failures, None))
    )

    await deliver_all(consumer, events)
    async with consumer_database.reading() as session:
        wait_s = (
            await session.execute(
                text(
                    "SELECT extract(epoch FROM next_attempt_at - received_at)::float8"
                    " FROM inbox_event WHERE state = 'retry'"
                )
            )
        ).scalar_one()
    async with consumer_database.transaction() as session:
        await session.execute(
            text("UPDATE inbox_event SET next_attempt_at = now() - '1s'::interval")
        )
    await consumer.sweep_once()

    verdict("26 three failures", wait_s=round(wait_s, 1))
    assert 4.0 <= wait_s <= 6.1
    assert len((await effects_in(consumer_database)).pairs) == 1
    assert await waiting_states(consumer_database) == {}


@pytest.mark.fault(33)
async def test_two_consumers_that_conflict_both_get_through(
    consumer_database: Database, seed: int, verdict: Verdict
) -> None:
    ids, events = history(30, 6)
    orders = [list(events), list(events)]
    for number, order in enumerate(orders):
        random.Random(seed + number).shuffle(order)

    await asyncio.gather(
        *(deliver_all(consumer_on(consumer_database, Behaviour()), order) for order in orders)
    )

    async def drained() -> bool:
        return await waiting_states(consumer_database) == {}

    sweeper = consumer_on(consumer_database, Behaviour())
    async with running(sweeper._sweep):
        await eventually(drained)
    effects = await effects_in(consumer_database)
    verdict("33 conflicting consumers", effects=len(effects.pairs))
    assert sorted(effects.pairs) == sorted(all_pairs(ids, 6))
    assert effects.disorder() == []


async def test_two_different_events_of_one_version_are_told_apart(
    consumer_database: Database,
) -> None:
    subject = new_id()
    inbox, _ = a_consumer(
        consumer_database, Behaviour(), InProcessBus().transport(subscriptions()[1])
    )
    first = received_event(COUNTED, subject=subject, version=1, data={"value": 1})
    other = received_event(COUNTED, subject=subject, version=1, data={"value": 2})
    await inbox.apply([first])

    with pytest.raises(VersionConflict):
        await inbox.apply([other])


async def test_a_newer_major_waits_for_the_release_that_can_read_it(
    consumer_database: Database,
) -> None:
    subject = new_id()
    newer = received_event(
        "sales.counter.counted.v2", subject=subject, version=1, data={"value": 1}
    )
    follower = received_event(COUNTED, subject=subject, version=2, data={"value": 2})

    await deliver_all(consumer_on(consumer_database, Behaviour()), [newer, follower])

    assert await waiting_states(consumer_database) == {"unsupported": 1, "gap": 1}
