"""Row 46: what was given up is driven again: twice, at once, and by somebody who is interrupted."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractQueue

from common.messaging.topology import Subscription
from common.testing.processes import ManagedProcess
from common.testing.pytest_plugin import Verdict

from .brittle.consumers import REFUSED, WELL
from .conftest import SUBSCRIPTIONS
from .findings import eventually, fetch
from .services import Pair

BRITTLE = "tests.faults.brittle"


@asynccontextmanager
async def queues(pair: Pair, service: Subscription) -> AsyncIterator[tuple[AbstractQueue, ...]]:
    """The inbox and the dead letters of a service."""
    connection = await aio_pika.connect(pair.amqp_url)
    async with connection:
        channel = await connection.channel()
        yield tuple([await channel.get_queue(name) for name in (service.inbox, service.dead)])


@pytest.mark.fault(46)
async def test_dead_letters_driven_by_several_and_one_of_them_killed_have_one_effect_each(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    pair.launch("customer api")
    pair.launch("customer worker")
    await pair.ready()
    # What it hears comes by the broker alone.
    await fetch(
        pair.databases.reporting,
        "INSERT INTO subscription (aggregate_type, caught_up_at) VALUES ('customer', now())",
    )
    async with pair.load(seed, pause_s=0) as load:
        await load.writes(300)
    await eventually(lambda: is_sent(pair), what="everything is sent", check=pair.check)

    async with queues(pair, SUBSCRIPTIONS["reporting"]) as (inbox, dead):
        letters = await depth(inbox)
        await give_up(inbox, letters)
        await eventually(lambda: holds(dead, letters), what="all are dead", check=pair.check)
        pair.launch("reporting worker")
        await pair.consumer.ready()

        killed = redrive(pair, "killed")
        await eventually(lambda: has_begun(dead, letters), what="it moves letters")
        await asyncio.sleep(random.Random(seed).random() * 0.1)
        killed.kill()
        left = await depth(dead)
        others = [redrive(pair, "one"), redrive(pair, "other")]
        codes = [await pair.ended(process) for process in others]
        await eventually(lambda: holds(dead, 0), what="no letter is left", check=pair.check)
        await pair.drained()
        in_between = await depth(inbox)
    found = await pair.databases.examine(load.ledger)
    repeated = await pair.consumer.metric("fairway_inbox_duplicates_total", service="reporting")

    verdict(
        "46 dead letters driven again by three, one killed",
        **found.counts,
        letters=letters,
        left_by_the_killed=left,
        repeated=int(repeated),
    )
    assert codes == [0, 0]
    assert 0 < left < letters
    assert in_between == 0
    found.assert_sound()


@pytest.mark.fault(46)
async def test_parked_events_driven_by_several_and_one_of_them_killed_have_one_effect_each(
    pair: Pair, brittle_database: str, seed: int, verdict: Verdict
) -> None:
    pair.launch("customer api")
    pair.launch("customer worker")
    brittle = pair.launch("brittle worker", module=BRITTLE, database=brittle_database)
    await pair.ready()
    async with httpx.AsyncClient(base_url=pair.api.url, trust_env=False, timeout=30) as client:
        for name in [REFUSED] * 30 + ["good"] * 5:
            made = await client.post("/customer/v1/customers", json={"name": name})
            for _ in range(2):
                await client.post(
                    f"/customer/v1/customers/{made.json()['id']}:transfer",
                    json={"owner_id": str(uuid4()), "department_id": None, "reason": "x"},
                )

    async def parked() -> dict[str, int]:
        rows = await fetch(brittle_database, "SELECT state, count(*) FROM inbox_event GROUP BY 1")
        return dict(map(tuple, rows))

    async def all_are_parked() -> bool:
        return await parked() == {"dead": 30, "gap": 60}

    await eventually(all_are_parked, what="all are parked", check=pair.check)
    await fetch(brittle_database, "INSERT INTO mended VALUES ($1)", WELL)
    drivers = [
        pair.begin(
            title, BRITTLE, "parked", "redrive", "--all-dead", "--yes", database=brittle_database
        )
        for title in ("one", "other", "killed")
    ]
    await asyncio.sleep(random.Random(seed).random() * 3)
    drivers[2].kill()
    codes = [await pair.ended(driver) for driver in drivers[:2]]

    async def none_is_parked() -> bool:
        return await parked() == {}

    await eventually(none_is_parked, what="none is parked", check=pair.check)
    rows = await fetch(brittle_database, "SELECT aggregate_id, version FROM events ORDER BY seq")
    order = defaultdict(list)
    for row in rows:
        order[row["aggregate_id"]].append(row["version"])

    verdict("46 parked events driven again by three", applied=len(rows), aggregates=len(order))
    assert codes == [0, 0]
    assert len(order) == 35
    assert set(map(tuple, order.values())) == {(1, 2, 3)}
    await brittle.ready()


def redrive(pair: Pair, title: str) -> ManagedProcess:
    return pair.begin(
        title, "reporting", "dlq", "redrive", "--yes", database=pair.databases.reporting
    )


async def is_sent(pair: Pair) -> bool:
    return (await pair.databases.levels())["unsent"] == 0


async def depth(queue: AbstractQueue) -> int:
    return (await queue.declare()).message_count or 0


async def holds(queue: AbstractQueue, letters: int) -> bool:
    return await depth(queue) == letters


async def has_begun(dead: AbstractQueue, letters: int) -> bool:
    return await depth(dead) < letters - 5


async def give_up(inbox: AbstractQueue, letters: int) -> None:
    """Reject so many messages, as the broker does with what was delivered too often."""
    async with inbox.iterator() as messages:
        async for message in messages:
            await message.reject()
            letters -= 1
            if letters == 0:
                return
