"""The background process of a service: relay, inbox, timers and jobs, each restarted by itself.

A service's `worker.py` hands over its CONSUMERS, TIMERS and JOBS.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common import context, telemetry
from common.db import Database
from common.errors import Unavailable
from common.ids import stable_hash
from common.messaging.catch_up import catch_up
from common.messaging.consumer import Consumer
from common.messaging.consumers import Consumers, ConsumersTable
from common.messaging.feed import FeedClient
from common.messaging.inbox import Inbox
from common.messaging.rabbitmq import RabbitMQTransport
from common.messaging.rabbitmq import declare as declare_topology
from common.messaging.relay import Relay
from common.messaging.transport import Transport
from common.settings import ServiceSettings

log = structlog.get_logger(__name__)

LONGEST_RESTART_S = 30
"""Between two starts of a part that fails at once; what had worked for so long starts quickly."""
IDEMPOTENCY_KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Timer:
    """An act that is due again and again: on one worker at a time, in one transaction.

    `run` looks for due rows itself, so that nothing is missed after downtime and nothing done
    twice.
    """

    name: str
    every_s: float
    run: Callable[[AsyncSession], Awaitable[None]]


Job = Callable[[Database], Awaitable[bool]]
"""Long work in transactions of its own; answers whether there was something to do."""


async def _prepare_partitions(session: AsyncSession) -> None:
    await session.execute(text("SELECT ensure_event_log_partitions(2)"))


async def _forget_old_keys(session: AsyncSession) -> None:
    await session.execute(
        text("DELETE FROM idempotency_keys WHERE created_at < now() - CAST(:age AS interval)"),
        {"age": IDEMPOTENCY_KEPT_FOR},
    )


COMMON_TIMERS = (
    Timer("prepare event log partitions", 6 * 3600, _prepare_partitions),
    Timer("forget old idempotency keys", 3600, _forget_old_keys),
)


class Worker:
    """Everything a service does when nobody asks it."""

    def __init__(
        self,
        service: str,
        *,
        settings: ServiceSettings,
        consumers: ConsumersTable,
        migrations: Path,
        timers: Sequence[Timer] = (),
        jobs: Sequence[Job] = (),
        database: Database | None = None,
        transport: Transport | None = None,
        feed_transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        """`transport`: the bus; from the settings' AMQP_URL when not given.

        `feed_transports`: how to reach peers that live in the same process.
        Raises ValueError when there is no bus.
        """
        self.service = service
        self.settings = settings
        self.migrations = migrations
        self.database = database or Database(service, settings.dsn, pool_size=12)
        self.consumers = Consumers(service, consumers)
        subscription = self.consumers.subscription
        if transport is None:
            if settings.amqp_url is None:
                raise ValueError("AMQP_URL is needed: this worker has no bus")
            transport = RabbitMQTransport(
                settings.amqp_url.get_secret_value(),
                subscription,
                declare=settings.declare_topology,
            )
        self._transport = transport
        self._relay = Relay(service, settings.dsn, transport)
        inbox = Inbox(self.database, self.consumers)
        self._consumer = Consumer(self.database, inbox, transport)
        self._feeds = FeedClient(settings, dict(feed_transports or {}))
        self._timers = [*COMMON_TIMERS, *timers]
        self._jobs = list(jobs)
        self.database.on_said = self._relay.nudge
        self.consuming = asyncio.Event()

    def nudge(self) -> None:
        """Another part of this process has committed events: relay them at once."""
        self._relay.nudge()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain: finish what is under way, take nothing new."""
        tasks = [asyncio.create_task(self._forever("relay", self._relay.run))]
        if self.consumers.types:
            tasks.append(asyncio.create_task(self._forever("consumer", self._consume)))
        else:
            self.consuming.set()
        tasks += [asyncio.create_task(self._keep_time(timer)) for timer in self._timers]
        tasks += [asyncio.create_task(self._work_off(job)) for job in self._jobs]
        try:
            await stop.wait()
            await self._relay.drain(10)
            await self._consumer.drain(10)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._transport.close()
            await self.database.close()

    async def _consume(self) -> None:
        if self.settings.amqp_url is not None and self.settings.declare_topology:
            await self._declare(self.settings.amqp_url.get_secret_value())
        while True:
            try:
                await catch_up(self.database, self._consumer, self._feeds)
                break
            except Unavailable as reason:
                log.warning("cannot catch up yet", reason=reason.detail)
                await asyncio.sleep(2)
        self.consuming.set()
        await self._consumer.run()

    async def _declare(self, url: str) -> None:
        """Make the queue before the feed is read, so that nothing falls between the two."""
        while True:
            try:
                await declare_topology(url, self.consumers.subscription)
                return
            except (TimeoutError, OSError) as error:
                log.warning("waiting for the broker", reason=str(error))
                await asyncio.sleep(1)

    async def _forever(self, name: str, act: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        wait_s = 0.5
        while True:
            started_at = loop.time()
            try:
                await act()
                return
            except Exception:
                # Whatever ended it, it is begun again, more and more slowly.
                if loop.time() - started_at > LONGEST_RESTART_S:
                    wait_s = 0.5
                log.exception("restarting after a failure", part=name, wait_s=wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, LONGEST_RESTART_S)

    async def _keep_time(self, timer: Timer) -> None:
        lock = stable_hash(timer.name.encode()) - 2**63
        while True:
            try:
                async with self.database.transaction() as session:
                    if (
                        await session.execute(
                            text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock}
                        )
                    ).scalar():
                        with context.working_in(context.Context(actor_id=f"timer:{timer.name}")):
                            await timer.run(session)
            except Exception:
                # A service's own function may raise anything; the timers after it go on.
                log.exception("timer failed", timer=timer.name)
            await asyncio.sleep(timer.every_s * (0.9 + 0.2 * random.random()))  # noqa: S311

    async def _work_off(self, job: Job) -> None:
        while True:
            busy = False
            try:
                busy = await job(self.database)
            except Exception:
                # As with timers: what failed is tried again, and the worker lives.
                log.exception("job failed", job=getattr(job, "__name__", str(job)))
                await asyncio.sleep(2)
            if not busy:
                await asyncio.sleep(0.5)


def flush_telemetry() -> None:
    """Send what spans are held; the last act of a process."""
    telemetry.flush()
