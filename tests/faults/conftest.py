"""Services as processes, on databases of each test's own and a bus that is new for each."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import aio_pika
import asyncpg
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractQueue

from common.messaging.rabbitmq import declare
from common.messaging.topology import subscription_of
from common.migrations import upgrade
from common.private_rabbitmq import RabbitMQNode
from common.testing.processes import Supervisor
from common.testing.pytest_plugin import MakeDatabase
from customer.consumers import CONSUMERS as CUSTOMER_HEARS
from customer.db import MIGRATIONS as CUSTOMER_MIGRATIONS
from reporting.consumers import CONSUMERS as REPORTING_HEARS
from reporting.db import MIGRATIONS as REPORTING_MIGRATIONS

from .brittle.consumers import CONSUMERS as BRITTLE_HEARS
from .brittle.db import MIGRATIONS as BRITTLE_MIGRATIONS
from .findings import Databases, eventually
from .services import Pair

SUBSCRIPTIONS = {
    service: subscription_of(service, [consumed.type for consumed in heard])
    for service, heard in (
        ("customer", CUSTOMER_HEARS),
        ("reporting", REPORTING_HEARS),
        ("brittle", BRITTLE_HEARS),
    )
}


LONGEST_TEST_S = 300
"""On a machine that has much else to do; quiet, each takes 5 to 30 s."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONGEST_TEST_S))


async def migrate_customer(url: str) -> None:
    await upgrade(url, CUSTOMER_MIGRATIONS)
    await hear_nothing_from_history(url, SUBSCRIPTIONS["customer"].aggregates)


async def migrate_reporting(url: str) -> None:
    await upgrade(url, REPORTING_MIGRATIONS)
    await hear_nothing_from_history(url, SUBSCRIPTIONS["reporting"].aggregates - {"customer"})


async def hear_nothing_from_history(url: str, aggregates: Iterable[str]) -> None:
    """Note that all that was said of these is known: who would tell it does not run here."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO subscription (aggregate_type, caught_up_at)"
            " SELECT unnest($1::text[]), now()",
            list(aggregates),
        )
    finally:
        await connection.close()


async def migrate_brittle(url: str) -> None:
    """What was said before it was made does not concern it."""
    await upgrade(url, BRITTLE_MIGRATIONS)
    await hear_nothing_from_history(url, SUBSCRIPTIONS["brittle"].aggregates)


@pytest_asyncio.fixture
async def databases(make_database: MakeDatabase) -> Databases:
    """Empty ones, on the server of the test run."""
    return Databases(
        # Not the services' own templates, which know of no subscription.
        customer=await make_database("faults_customer", migrate_customer),
        reporting=await make_database("faults_reporting", migrate_reporting),
    )


@pytest_asyncio.fixture
async def brittle_database(make_database: MakeDatabase) -> str:
    """For the consumer that dies and refuses on demand."""
    return await make_database("brittle", migrate_brittle)


async def renew_topology(url: str, *services: str) -> None:
    """Exchanges and empty queues of these services, each queue with a leader."""

    async def is_renewed() -> bool:
        # A broker that has just started may know its queues and not have them at hand yet.
        with contextlib.suppress(aio_pika.exceptions.AMQPError):
            async with await aio_pika.connect(url) as connection:
                channel = await connection.channel()
                for old in SUBSCRIPTIONS.values():
                    await channel.queue_delete(old.inbox)
                    await channel.queue_delete(old.dead)
                for name in services:
                    await declare(url, SUBSCRIPTIONS[name])
                for name in services:
                    for queue in (SUBSCRIPTIONS[name].inbox, SUBSCRIPTIONS[name].dead):
                        await wait_for_leader(await channel.get_queue(queue))
                return True
        return False

    await eventually(is_renewed, what="the broker makes queues")


async def wait_for_leader(queue: AbstractQueue) -> None:
    """A quorum queue that has just been made takes a message only when it has elected a leader."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(TimeoutError):
                await queue.channel.default_exchange.publish(
                    aio_pika.Message(b"is anybody there?"), routing_key=queue.name, timeout=3
                )
                break
    await queue.purge()


@pytest_asyncio.fixture
async def bus(broker_url: str) -> str:
    """The URL of the run's broker, for tests that leave it alive."""
    await renew_topology(broker_url, "customer", "reporting", "brittle")
    return broker_url


@pytest.fixture(scope="session")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQNode]:
    """A broker that a test may kill, stop and suspend; it leaves it running."""
    with RabbitMQNode(tmp_path_factory.mktemp("broker")) as node:
        yield node


@pytest_asyncio.fixture
async def own_bus(own_broker: RabbitMQNode) -> str:
    """The URL of a broker that the test may break."""
    await asyncio.to_thread(own_broker.start)
    url = own_broker.url()
    await renew_topology(url, "customer", "reporting")
    return url


@pytest_asyncio.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    async with Supervisor(tmp_path / "logs") as held:
        yield held


@pytest_asyncio.fixture
async def pair(supervisor: Supervisor, databases: Databases, bus: str) -> AsyncIterator[Pair]:
    """Both services, not started yet, on the run's broker."""
    held = Pair(supervisor, databases, bus)
    yield held
    held.kill()


@pytest_asyncio.fixture
async def pair_on_own_broker(
    supervisor: Supervisor, databases: Databases, own_bus: str
) -> AsyncIterator[Pair]:
    """Both services, not started yet, on a broker that the test may break."""
    held = Pair(supervisor, databases, own_bus)
    yield held
    held.kill()
