"""Rows 1 to 4: our own processes killed between any two steps of an event's way."""

import asyncio
import random
from uuid import UUID, uuid4

import httpx
import pytest

from common.testing.pytest_plugin import Verdict

from .findings import count, eventually
from .load import Ledger
from .services import Pair


@pytest.mark.fault(1)
async def test_what_was_committed_is_told_although_the_process_died_before_telling(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    await pair.start(api={"FAIRWAY_FAULT": "after_commit:kill:120"})
    await pair.caught_up()

    async with pair.load(seed) as load:
        await pair.api.killed_itself()
        told_after_s = await pair.drained(within_s=15)
        await pair.api.restart()
        await load.writes(100)
        found, _ = await pair.settle(load)

    verdict(
        "1 API killed between commit and publish",
        **found.counts,
        told_after_s=told_after_s,
        answered_by_repetition=load.ledger.replayed,
    )
    found.assert_sound()
    assert load.ledger.cut_off > 0


@pytest.mark.fault(2)
async def test_what_was_not_committed_has_neither_state_nor_event_and_its_repetition_one_effect(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    ledger = Ledger()
    nth = random.Random(seed).randrange(10, 40)
    await pair.start(api={"FAIRWAY_FAULT": f"before_commit:kill:{nth}"})
    url = f"{pair.api.url}/customer/v1/customers"

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        while True:
            name, key = f"一 {uuid4()}", {"Idempotency-Key": str(uuid4())}
            try:
                answer = await client.post(url, json={"name": name}, headers=key)
            except httpx.TransportError:
                break
            ledger.versions[UUID(answer.json()["id"])] = 1
        await pair.api.killed_itself()
        left_behind = await count(
            pair.databases.customer, "SELECT count(*) FROM customers WHERE name = $1", name
        )
        await pair.api.restart()
        answers = [await client.post(url, json={"name": name}, headers=key) for _ in range(3)]
    ledger.versions[UUID(answers[0].json()["id"])] = 1
    await pair.drained()
    found = await pair.databases.examine(ledger)

    verdict("2 API killed before commit", **found.counts, left_behind=left_behind)
    assert len(ledger.versions) == nth
    assert left_behind == 0
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert ["idempotency-replayed" in answer.headers for answer in answers] == [False, True, True]
    found.assert_sound()


@pytest.mark.fault(3)
async def test_what_was_confirmed_and_not_noted_is_sent_again_and_applied_once(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    await pair.start(relay={"FAIRWAY_FAULT": "after_confirm:kill:5"})

    async with pair.load(seed) as load:
        await pair.relay.killed_itself()
        await load.writes(50)
        await pair.relay.restart(fault="after_confirm:kill:2")
        await pair.relay.killed_itself()
        await pair.relay.restart()
        found, _ = await pair.settle(load)
    repeated = await pair.consumer.metric("fairway_inbox_duplicates_total", service="reporting")

    verdict("3 relay killed after confirm", **found.counts, repeated=int(repeated))
    found.assert_sound()
    assert repeated > 0


@pytest.mark.fault(4)
async def test_a_relay_killed_at_any_moment_loses_nothing(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    chance = random.Random(seed)
    await pair.start()
    unsent = []

    async with pair.load(seed) as load:
        for _ in range(3):
            # What is written while no relay runs makes the waves of the next one long.
            pair.relay.process.kill()
            await load.writes(80)
            backlog = (await pair.databases.levels())["unsent"]
            pair.relay.process.start()

            async def is_sending(backlog: int = backlog) -> bool:
                return (await pair.databases.levels())["unsent"] < backlog

            await eventually(is_sending, what="the relay sends", check=pair.check)
            await asyncio.sleep(chance.random() * 0.05)
            pair.relay.process.kill()
            unsent.append((await pair.databases.levels())["unsent"])
        await pair.relay.restart()
        found, _ = await pair.settle(load)
    repeated = await pair.consumer.metric("fairway_inbox_duplicates_total", service="reporting")

    verdict("4 relay killed at random", **found.counts, unsent=unsent, repeated=int(repeated))
    found.assert_sound()
