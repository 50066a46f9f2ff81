"""Rows 7, 9 and 16: the broker killed, suspended, or not there yet. Writes never notice."""

import asyncio
import random
import time

import pytest

from common.private_rabbitmq import RabbitMQNode
from common.testing.pytest_plugin import Verdict

from .services import Pair


@pytest.mark.fault(16)
async def test_the_broker_may_come_after_the_services(
    pair_on_own_broker: Pair, own_broker: RabbitMQNode, seed: int, verdict: Verdict
) -> None:
    pair = pair_on_own_broker
    await asyncio.to_thread(own_broker.stop)
    began = time.monotonic()
    pair.launch("customer api")
    await pair.api.ready()
    ready_s = time.monotonic() - began
    pair.launch("reporting worker")
    await pair.launch("customer worker").ready()

    async with pair.load(seed) as load:
        await load.writes(150)
        unsent = (await pair.databases.levels())["unsent"]
        stopped_s = await pair.relay.stop_in_order()
        pair.relay.process.start()
        await asyncio.to_thread(own_broker.start)
        drained_s = await pair.databases.drained(within_s=60, check=pair.check)
        found, _ = await pair.settle(load)

    verdict(
        "16 broker absent at start",
        **found.counts,
        api_ready_s=round(ready_s, 1),
        unsent=unsent,
        worker_stopped_s=stopped_s,
        drained_s=drained_s,
    )
    assert load.ledger.failures == 0
    assert unsent >= 150
    found.assert_sound()


@pytest.mark.fault(7)
async def test_a_broker_killed_while_it_confirms_costs_nothing_but_time(
    pair_on_own_broker: Pair, own_broker: RabbitMQNode, seed: int, verdict: Verdict
) -> None:
    pair = pair_on_own_broker
    await pair.start()

    async with pair.load(seed) as load:
        await load.writes(random.Random(seed).randrange(60, 200))
        before_ms = load.ledger.slowest_ms()
        own_broker.kill()
        await load.writes(100)
        await asyncio.to_thread(own_broker.start)
        ledger = await load.stop()
        drained_s = await pair.drained(within_s=60)
    found = await pair.databases.examine(ledger)

    verdict(
        "7 broker killed during confirms",
        **found.counts,
        failed_writes=ledger.failures,
        slowest_ms_before=before_ms,
        slowest_ms=ledger.slowest_ms(),
        drained_s=drained_s,
    )
    assert ledger.failures == 0
    found.assert_sound()
    assert drained_s <= 30


@pytest.mark.fault(9)
@pytest.mark.nightly
@pytest.mark.timeout(300)
@pytest.mark.parametrize("silent_s", [5, 60])
async def test_a_broker_that_falls_silent_holds_up_no_write(
    pair_on_own_broker: Pair, own_broker: RabbitMQNode, seed: int, verdict: Verdict, silent_s: int
) -> None:
    pair = pair_on_own_broker
    await pair.start()

    async with pair.load(seed) as load:
        await load.writes(50)
        own_broker.suspend()
        await asyncio.sleep(silent_s)
        own_broker.resume()
        ledger = await load.stop()
        drained_s = await pair.drained(within_s=60)
    found = await pair.databases.examine(ledger)

    verdict(
        f"9 broker silent for {silent_s} s",
        **found.counts,
        failed_writes=ledger.failures,
        drained_s=drained_s,
    )
    assert ledger.failures == 0
    found.assert_sound()
