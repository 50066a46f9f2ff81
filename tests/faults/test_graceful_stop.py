"""Row 40: processes stopped in order, again and again, under load."""

import asyncio

import pytest

from common.testing.pytest_plugin import Verdict

from .load import KEYED_KINDS
from .services import Pair


async def stop_and_start(pair: Pair, seed: int, verdict: Verdict, *, rounds: int) -> None:
    await pair.start()
    services = list(pair.services.values())
    took_s: list[float] = []

    async with pair.load(seed, kinds=KEYED_KINDS) as load:
        for _ in range(rounds):
            await load.writes(40)
            took_s += await asyncio.gather(*(held.stop_in_order() for held in services))
            for service in services:
                service.process.start()
            await pair.ready()
        found, drained_s = await pair.settle(load)

    verdict(
        "40 stopped in order under load",
        **found.counts,
        stops=len(took_s),
        longest_s=max(took_s),
        # Its effect was there, its answer was not: a client that was cut off.
        cut_off_while_answered=load.ledger.replayed,
        drained_s=drained_s,
    )
    found.assert_sound()
    assert load.ledger.replayed == 0


@pytest.mark.fault(40)
async def test_fifteen_stops_in_order_cut_off_nobody_and_lose_nothing(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    await stop_and_start(pair, seed, verdict, rounds=5)


@pytest.mark.fault(40)
@pytest.mark.nightly
@pytest.mark.timeout(1200)
async def test_a_hundred_stops_in_order_cut_off_nobody_and_lose_nothing(
    pair: Pair, seed: int, verdict: Verdict
) -> None:
    await stop_and_start(pair, seed, verdict, rounds=34)
