"""Row 30: PostgreSQL restarts under both services in the middle of everything."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aio_pika
import pytest
import pytest_asyncio

from common.embedded_postgres import EmbeddedPostgres
from common.messaging.rabbitmq import queue_depth
from common.testing.processes import Supervisor
from common.testing.pytest_plugin import Verdict

from .conftest import SUBSCRIPTIONS, migrate_customer, migrate_reporting
from .findings import Databases
from .services import Pair


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that the test may restart."""
    with EmbeddedPostgres(tmp_path / "postgres", fast=True) as server:
        yield server


@pytest_asyncio.fixture
async def pair_on_own_postgres(
    supervisor: Supervisor, own_postgres: EmbeddedPostgres, bus: str
) -> AsyncIterator[Pair]:
    databases = Databases(
        customer=await own_postgres.ensure_database("customer"),
        reporting=await own_postgres.ensure_database("reporting"),
    )
    await migrate_customer(databases.customer)
    await migrate_reporting(databases.reporting)
    held = Pair(supervisor, databases, bus)
    yield held
    held.kill()


@pytest.mark.fault(30)
async def test_a_database_that_restarts_sends_no_good_event_to_the_dead_letters(
    pair_on_own_postgres: Pair, own_postgres: EmbeddedPostgres, seed: int, verdict: Verdict
) -> None:
    pair = pair_on_own_postgres
    await pair.start()

    async with pair.load(seed) as load:
        for mode in ("fast", "immediate", "fast", "immediate"):
            await load.writes(60)
            await asyncio.to_thread(own_postgres.restart, mode)
        await load.writes(60)
        found, drained_s = await pair.settle(load)
    connection = await aio_pika.connect(pair.amqp_url)
    async with connection:
        dead = await queue_depth(await connection.channel(), SUBSCRIPTIONS["reporting"].dead)
    # Nothing went back to the broker, so nothing counts as delivered once more.
    reconnects = await pair.consumer.metric("fairway_amqp_reconnects_total", service="reporting")
    ledger = load.ledger

    verdict(
        "30 PostgreSQL restarted fast and immediate",
        **found.counts,
        cut_off=ledger.cut_off,
        turned_away=ledger.turned_away[503],
        dead=dead,
        drained_s=drained_s,
    )
    found.assert_sound()
    assert dead == 0
    assert reconnects == 0
    assert set(ledger.turned_away) <= {409, 503}
