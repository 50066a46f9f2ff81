"""Rows 5 and 6: several relays of one service at once, and one that was taken for dead."""

import random

import pytest

from common.messaging.outbox import PARTS
from common.testing.pytest_plugin import Verdict

from .findings import eventually, fetch
from .services import Pair, Service

SESSIONS = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'fairway-customer-relay' AND datname = current_database()
"""
# Which session holds which partition.
OWNERS = f"""
    SELECT objid AS part, pid FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {0x46570001} AND granted AND pid IN ({SESSIONS})
"""


async def shares(relays: list[Service]) -> list[int]:
    """How many partitions each relay says it owns."""
    return [
        int(await relay.metric("fairway_relay_partitions_owned", service="customer"))
        for relay in relays
    ]


async def until_shared(pair: Pair, relays: list[Service]) -> list[int]:
    """Wait until every partition has one owner and each relay has its share; the shares."""
    fair = -(-PARTS // len(relays))

    async def is_shared() -> list[int] | None:
        found = await shares(relays)
        return found if sum(found) == PARTS and all(0 < s <= fair for s in found) else None

    found: list[int] = await eventually(
        is_shared, what="the relays share the partitions", check=pair.check
    )
    owners = await fetch(pair.databases.customer, OWNERS)
    assert sorted(row["part"] for row in owners) == list(range(PARTS))
    assert len({row["pid"] for row in owners}) == len(relays)
    return found


@pytest.mark.fault(5)
async def test_two_and_three_relays_share_the_work_and_keep_the_order(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    await pair.start()
    relays = [pair.relay]

    async with pair.load(seed) as load:
        seen = []
        for number in (2, 3):
            relays.append(pair.launch(f"customer worker {number}"))
            await relays[-1].ready()
            seen.append(await until_shared(pair, relays))
            await load.writes(80)
        gone = relays.pop(random.Random(seed).randrange(3))
        gone.process.kill()
        seen.append(await until_shared(pair, relays))
        await load.writes(80)
        found, _ = await pair.settle(load)

    verdict("5 two, three, two relays", **found.counts, partitions=seen)
    found.assert_sound()


async def new_session(pair: Pair, known: set[int]) -> int:
    """The session of the relay that came last."""

    async def has_come() -> set[int]:
        return {row["pid"] for row in await fetch(pair.databases.customer, SESSIONS)} - known

    (session,) = await eventually(has_come, what="the relay connects", check=pair.check)
    return int(session)


@pytest.mark.fault(6)
async def test_a_relay_that_wakes_after_it_was_replaced_does_no_harm(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    # The first falls asleep at the worst moment: the broker has the events, the outbox still does.
    await pair.start(
        relay={"FAIRWAY_FAULT": "after_confirm:sleep:30", "FAIRWAY_FAULT_SECONDS": "3"}
    )
    session_of = {"customer worker": await new_session(pair, set())}
    await pair.launch("customer worker 2").ready()
    session_of["customer worker 2"] = await new_session(pair, set(session_of.values()))
    relays = [pair.services[name] for name in session_of]
    await until_shared(pair, relays)

    async with pair.load(seed) as load:
        for name, session in list(session_of.items()):
            sleeper = pair.services[name]
            (heir,) = [relay for relay in relays if relay is not sleeper]
            if sleeper is pair.relay:
                await sleeper.stalls()
            else:
                await load.writes(random.Random(seed).randrange(40, 80))
            sleeper.process.suspend()
            # Its session ends without its knowledge, as when a connection is cut on the way.
            await fetch(pair.databases.customer, "SELECT pg_terminate_backend($1)", session)

            async def has_inherited(heir: Service = heir) -> bool:
                return await shares([heir]) == [PARTS]

            await eventually(has_inherited, what="the other one takes over", check=pair.check)
            await load.writes(40)
            sleeper.process.resume()
            await until_shared(pair, relays)
        found, _ = await pair.settle(load)
    repeated = await pair.consumer.metric("fairway_inbox_duplicates_total", service="reporting")

    verdict("6 relay suspended, replaced, woken", **found.counts, repeated=int(repeated))
    found.assert_sound()
    assert repeated > 0
