"""Events through RabbitMQ: from the outbox of sales to their committed effect in reporting.

Everything is real: PostgreSQL with fsync, a broker node with quorum queues, the two workers as
processes of their own. Beside it, in the same run, what aio-pika does alone: confirmed publishing
and acknowledged consuming over a quorum queue.

Measured:
- raw: messages a second published and consumed by aio-pika, bodies of an event's size;
- sustained: 20,000 events that wait in the outbox, relayed and applied at the same time;
- backlog: the same with 100,000;
- latency: 50 writes a second for a minute, from the commit of the write to the commit of its effect
  in reporting, by the commit timestamps of PostgreSQL itself.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import aio_pika
import asyncpg
import httpx

from common import clock
from common.auth import LOCAL_OPERATOR
from common.db import Database
from common.embedded_postgres import EmbeddedPostgres
from common.ids import new_id
from common.local_processes import ChildProcess, free_port
from common.messaging.consumers import Consumers
from common.messaging.rabbitmq import declare
from common.migrations import upgrade
from common.private_rabbitmq import RabbitMQNode
from reporting.__main__ import ENTRY as REPORTING
from sales.__main__ import ENTRY as SALES
from sales.opportunities import use_cases as opportunities
from sales.opportunities.schemas import PastDeal

RAW_MESSAGES = 20_000
BODY = b"x" * 900
WRITES_A_SECOND = 50
SECONDS_OF_WRITES = 60


def run() -> None:
    """Measure and print."""
    asyncio.run(_run())


async def _run() -> None:
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        postgres = EmbeddedPostgres(
            Path(folder) / "postgres", settings={"track_commit_timestamp": "on"}
        )
        broker = RabbitMQNode(Path(folder) / "rabbitmq")
        await asyncio.to_thread(postgres.start)
        await asyncio.to_thread(broker.start)
        try:
            await _raw(broker.url())
            bench = _Bench(postgres, broker.url(), Path(folder))
            await bench.prepare()
            await bench.drain("sustained", 20_000)
            await bench.drain("backlog", 100_000)
            await bench.latency()
        finally:
            await asyncio.to_thread(broker.stop)
            await asyncio.to_thread(postgres.stop)


async def _raw(url: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.set_qos(1000)
        queue = await channel.declare_queue(
            "raw", durable=True, arguments={"x-queue-type": "quorum"}
        )
        await asyncio.sleep(2)
        message = aio_pika.Message(BODY, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        began = time.perf_counter()
        for _ in range(RAW_MESSAGES // 500):
            await asyncio.gather(
                *(channel.default_exchange.publish(message, "raw") for _ in range(500))
            )
        _say("raw aio-pika publish, confirmed", RAW_MESSAGES, time.perf_counter() - began)
        done = asyncio.Event()
        seen = 0

        async def take(incoming: aio_pika.abc.AbstractIncomingMessage) -> None:
            nonlocal seen
            await incoming.ack()
            seen += 1
            if seen == RAW_MESSAGES:
                done.set()

        began = time.perf_counter()
        await queue.consume(take)
        await done.wait()
        _say("raw aio-pika consume, acknowledged", RAW_MESSAGES, time.perf_counter() - began)
        await queue.delete(if_unused=False, if_empty=False)


class _Bench:
    """Sales and reporting on real servers."""

    def __init__(self, postgres: EmbeddedPostgres, amqp_url: str, folder: Path) -> None:
        self._postgres = postgres
        self._amqp_url = amqp_url
        self._folder = folder
        self._api_port = free_port()

    async def prepare(self) -> None:
        """Databases, exchanges and queues."""
        for entry in (SALES, REPORTING):
            url = await self._postgres.ensure_database(entry.package)
            await upgrade(url, entry.migrations)
            await declare(self._amqp_url, Consumers(entry.package, entry.consumers).subscription)
        # Reporting has nothing to catch up with: its queue was there before the first event.
        connection = await asyncpg.connect(self._postgres.url("reporting"))
        await connection.executemany(
            "INSERT INTO subscription (aggregate_type, caught_up_at) VALUES ($1, now())",
            [
                (aggregate,)
                for aggregate in Consumers("reporting", REPORTING.consumers).subscription.aggregates
            ],
        )
        await connection.close()
        await asyncio.sleep(2)

    async def drain(self, what: str, events: int) -> None:
        """Fill the outbox, start both workers, and wait until reporting has applied it all."""
        said = await self._fill(events)
        already = await self._applied()
        began = time.perf_counter()
        async with self._processes([("sales", "worker"), ("reporting", "worker")]):
            ready_s: float | None = None
            while (applied := await self._applied() - already) < said:
                if applied and ready_s is None:
                    ready_s = time.perf_counter() - began
                await asyncio.sleep(0.05)
            took_s = time.perf_counter() - began
        assert ready_s is not None
        # The workers' own start (interpreter, imports) is not the pipeline's.
        _say(f"{what}: outbox to committed effect", said, took_s - ready_s)
        _print(f"  {took_s:.1f} s with the start of both processes ({ready_s:.1f} s)")

    async def _fill(self, events: int) -> int:
        """Deals in the outbox of sales, with the history of a deal: about four events each."""
        database = Database("sales", self._postgres.url("sales"), pool_size=2)
        before = await self._said()
        today = date(2026, 3, 2)
        while await self._said() - before < events:
            async with database.transaction() as session:
                await opportunities.bring_in(
                    session,
                    [_a_deal(today) for _ in range(500)],
                    actor=LOCAL_OPERATOR,
                    now=clock.utc_now(),
                )
        await database.close()
        return await self._said() - before

    async def _said(self) -> int:
        return await self._count("sales", "SELECT count(*) FROM event_log")

    async def _applied(self) -> int:
        return await self._count(
            "reporting", "SELECT coalesce(sum(last_version), 0) FROM consumer_aggregate"
        )

    async def _count(self, package: str, query: str) -> int:
        connection = await asyncpg.connect(self._postgres.url(package))
        try:
            counted: int = await connection.fetchval(query)
        finally:
            await connection.close()
        return counted

    async def latency(self) -> None:
        """Fifty writes a second through the API, from commit to commit."""
        parts = [("sales", "worker"), ("reporting", "worker"), ("sales", "api")]
        async with (
            self._processes(parts),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._api_port}", timeout=30) as client,
        ):
            await _until_answering(client)
            # The workers have started when a first write has come through.
            await self._write(client)
            before = await self._applied()
            while await self._applied() == before:
                await asyncio.sleep(0.05)
            ids = await self._writes_at_a_steady_rate(client)
            while not await self._all_applied(ids):
                await asyncio.sleep(0.2)
        latencies_s = await self._commit_to_commit(ids)
        cuts = statistics.quantiles(latencies_s, n=100)
        _print(
            f"latency, {len(latencies_s)} writes at {WRITES_A_SECOND}/s, commit to commit:"
            f" p50 {cuts[49] * 1000:.0f} ms, p95 {cuts[94] * 1000:.0f} ms,"
            f" p99 {cuts[98] * 1000:.0f} ms, most {max(latencies_s) * 1000:.0f} ms"
        )

    async def _writes_at_a_steady_rate(self, client: httpx.AsyncClient) -> list[UUID]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        writes: list[asyncio.Task[UUID]] = []
        for number in range(WRITES_A_SECOND * SECONDS_OF_WRITES):
            await asyncio.sleep(max(0.0, began + number / WRITES_A_SECOND - loop.time()))
            writes.append(asyncio.create_task(self._write(client)))
        return list(await asyncio.gather(*writes))

    async def _write(self, client: httpx.AsyncClient) -> UUID:
        sku = f"B-{new_id().hex}"
        answer = await client.post(
            "/sales/v1/products",
            json={"sku": sku, "name": sku, "list_price": "12.50", "currency": "CNY"},
        )
        answer.raise_for_status()
        return UUID(answer.json()["id"])

    async def _all_applied(self, ids: Sequence[UUID]) -> bool:
        connection = await asyncpg.connect(self._postgres.url("reporting"))
        try:
            found = await connection.fetchval(
                "SELECT count(*) FROM consumer_aggregate WHERE aggregate_id = ANY($1)", list(ids)
            )
        finally:
            await connection.close()
        return bool(found == len(ids))

    async def _commit_to_commit(self, ids: Sequence[UUID]) -> list[float]:
        query = "SELECT {id} AS id, pg_xact_commit_timestamp(xmin) AS at FROM {table}"
        committed = {}
        for package, id_column, table in (
            ("sales", "aggregate_id", "event_log"),
            ("reporting", "aggregate_id", "events"),
        ):
            connection = await asyncpg.connect(self._postgres.url(package))
            rows = await connection.fetch(
                query.format(id=id_column, table=table) + f" WHERE {id_column} = ANY($1)",
                list(ids),
            )
            await connection.close()
            committed[package] = {row["id"]: row["at"] for row in rows}
        return [
            (committed["reporting"][item] - committed["sales"][item]).total_seconds()
            for item in ids
        ]

    @asynccontextmanager
    async def _processes(self, parts: Sequence[tuple[str, str]]) -> AsyncIterator[None]:
        running = []
        for package, role in parts:
            port = self._api_port if role == "api" else free_port()
            running.append(
                ChildProcess(
                    [sys.executable, "-m", package, role],
                    log=self._folder / f"{package}-{role}.log",
                    env={
                        **os.environ,
                        "DATABASE_URL": self._postgres.url(package),
                        "AMQP_URL": self._amqp_url,
                        "PORT": str(port),
                        "LOG_LEVEL": "WARNING",
                    },
                )
            )
        try:
            yield
        finally:
            for process in running:
                await asyncio.to_thread(process.stop, 30)


def _a_deal(today: date) -> PastDeal:
    opened_on = today - timedelta(days=60)
    return PastDeal(
        name="Benchmark",
        opened_on=opened_on,
        external_source="benchmark",
        external_id=new_id().hex,
        stages=[
            ("prospecting", opened_on),
            ("engaging", opened_on + timedelta(days=10)),
            ("proposal", opened_on + timedelta(days=30)),
        ],
        expected_amount=Decimal(5000),
        outcome="lost",
        closed_on=today,
    )


async def _until_answering(client: httpx.AsyncClient) -> None:
    for _ in range(300):
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.1)
    raise TimeoutError("the API does not answer")


def _say(what: str, count: int, took_s: float) -> None:
    _print(f"{what}: {count:,} in {took_s:.1f} s = {count / took_s:,.0f}/s")


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
