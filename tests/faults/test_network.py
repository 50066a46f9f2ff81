"""Rows 12 to 15: the way to the broker breaks, goes silent, becomes slow."""

import asyncio
import random
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from common.testing.pytest_plugin import Verdict
from common.testing.tcp_proxy import TcpProxy

from .findings import eventually
from .services import Pair


@pytest_asyncio.fixture
async def proxy(bus: str, seed: int) -> AsyncIterator[TcpProxy]:
    """A way to the broker that can be made bad."""
    parts = urlsplit(bus)
    async with TcpProxy(parts.hostname or "127.0.0.1", parts.port or 5672, seed=seed) as held:
        yield held


def through(proxy: TcpProxy, bus: str) -> dict[str, str]:
    """The environment of a process that goes through the proxy."""
    parts = urlsplit(bus)
    user = parts.netloc.rpartition("@")[0]
    return {"AMQP_URL": parts._replace(netloc=f"{user}@{proxy.host}:{proxy.port}").geturl()}


async def reset_when_connected(
    pair: Pair, proxy: TcpProxy, chance: random.Random, *, connections: int, times: int
) -> None:
    """Break all connections so many times, each time a moment after they were made."""
    wanted = connections
    for _ in range(times):

        async def are_made(wanted: int = wanted) -> bool:
            return proxy.accepted >= wanted and proxy.connections >= connections

        await eventually(are_made, what="the connections are made again", check=pair.check)
        await asyncio.sleep(chance.random() * 0.4)
        wanted = proxy.accepted + connections
        proxy.reset()


async def reset_publisher(
    pair: Pair, proxy: TcpProxy, seed: int, verdict: Verdict, *, times: int
) -> None:
    await pair.start(relay=through(proxy, pair.amqp_url))

    async with pair.load(seed) as load:
        # The worker that relays also listens.
        await reset_when_connected(pair, proxy, random.Random(seed), connections=2, times=times)
        found, drained_s = await pair.settle(load)
    repeated = await pair.consumer.metric("fairway_inbox_duplicates_total", service="reporting")

    verdict(
        "12 publisher's connection reset",
        **found.counts,
        resets=times,
        repeated=int(repeated),
        drained_s=drained_s,
    )
    assert load.ledger.failures == 0
    found.assert_sound()


@pytest.mark.fault(12)
async def test_a_publisher_that_is_cut_off_again_and_again_loses_nothing(
    pair: Pair, proxy: TcpProxy, seed: int, verdict: Verdict
) -> None:
    await reset_publisher(pair, proxy, seed, verdict, times=10)


@pytest.mark.fault(12)
@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_a_publisher_that_is_cut_off_fifty_times_loses_nothing(
    pair: Pair, proxy: TcpProxy, seed: int, verdict: Verdict
) -> None:
    await reset_publisher(pair, proxy, seed, verdict, times=50)


@pytest.mark.fault(13)
async def test_a_consumer_cut_off_between_commit_and_acknowledgement_repeats_no_effect(
    pair: Pair, proxy: TcpProxy, seed: int, verdict: Verdict
) -> None:
    await pair.start(
        consumer=through(proxy, pair.amqp_url)
        | {"FAIRWAY_FAULT": "before_ack:sleep:20", "FAIRWAY_FAULT_SECONDS": "2"}
    )

    async def duplicates() -> int:
        return int(
            await pair.consumer.metric("fairway_inbox_duplicates_total", service="reporting")
        )

    async with pair.load(seed) as load:
        await pair.consumer.stalls()
        proxy.reset()
        await eventually(duplicates, what="what was not acknowledged comes again", check=pair.check)
        first = await duplicates()
        await reset_when_connected(pair, proxy, random.Random(seed), connections=1, times=5)
        found, drained_s = await pair.settle(load)

    verdict(
        "13 consumer's connection reset between commit and acknowledgement",
        **found.counts,
        repeated_at_first=first,
        repeated=await duplicates(),
        drained_s=drained_s,
    )
    assert load.ledger.failures == 0
    found.assert_sound()
    assert first > 0


@pytest.mark.fault(14)
@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_a_silent_way_is_noticed_and_given_up(
    pair: Pair, proxy: TcpProxy, seed: int, verdict: Verdict
) -> None:
    way = through(proxy, pair.amqp_url)
    await pair.start(relay=way, consumer=way)

    async with pair.load(seed) as load:
        await load.writes(100)
        proxy.blackhole()
        began = asyncio.get_running_loop().time()

        async def is_noticed() -> bool:
            return await pair.relay.metric("fairway_amqp_connected", role="publisher") == 0

        await eventually(is_noticed, what="the relay notices", within_s=40, check=pair.check)
        noticed_s = asyncio.get_running_loop().time() - began
        await asyncio.sleep(60 - noticed_s)
        proxy.heal()
        found, drained_s = await pair.settle(load)

    verdict("14 silence for 60 s", **found.counts, noticed_s=round(noticed_s), drained_s=drained_s)
    assert load.ledger.failures == 0
    found.assert_sound()
    assert noticed_s <= 33


@pytest.mark.fault(15)
@pytest.mark.nightly
@pytest.mark.timeout(300)
@pytest.mark.parametrize("trouble", ["latency", "narrow", "sliced"])
async def test_a_bad_way_makes_slow_and_nothing_else(
    pair: Pair, proxy: TcpProxy, seed: int, verdict: Verdict, trouble: str
) -> None:
    way = through(proxy, pair.amqp_url)
    await pair.start(relay=way, consumer=way)
    for direction in (proxy.up, proxy.down):
        if trouble == "latency":
            direction.latency_s, direction.jitter_s = 0.2, 0.15
        elif trouble == "narrow":
            direction.bytes_per_s = 64_000
        else:
            direction.slice_bytes = 1

    async with pair.load(seed) as load:
        await load.writes(200)
        ledger = await load.stop()
        drained_s = await pair.drained(within_s=120)
        opened = await pair.relay.metric("fairway_relay_circuit_open", service="customer")
    found = await pair.databases.examine(ledger)

    verdict(f"15 {trouble} way", **found.counts, drained_s=drained_s)
    assert ledger.failures == 0
    assert opened == 0
    found.assert_sound()
