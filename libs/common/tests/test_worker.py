"""The background process: timers, jobs and parts that fail and come back."""

import asyncio

import pytest
from sqlalchemy import text

from common.messaging.in_process import InProcessBus
from common.messaging.outbox import record
from common.settings import ServiceSettings
from common.worker import COMMON_TIMERS, Timer

from .messaging.harness import eventually, running
from .shop.model import Basket
from .shop.worker import create


def a_worker(database):
    settings = ServiceSettings(DATABASE_URL=database.dsn)
    bus = InProcessBus()
    made = create(settings, transport=object(), database=database)
    return create(settings, transport=bus.transport(made.consumers.subscription), database=database)


def timer_named(name):
    return next(timer for timer in COMMON_TIMERS if timer.name == name)


async def heard(database):
    async with database.reading() as session:
        return [
            row.what for row in await session.execute(text("SELECT what FROM heard ORDER BY place"))
        ]


def hear(what):
    return text("INSERT INTO heard (what) VALUES (:what)").bindparams(what=what)


async def test_keys_of_yesterday_are_forgotten_and_those_of_today_kept(database, client):
    for key in ("old", "young"):
        await client.post("/shop/v1/baskets", json={"name": key}, headers={"Idempotency-Key": key})
    async with database.transaction() as session:
        await session.execute(
            text(
                "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 minute'"
                " WHERE key = 'old'"
            )
        )

    async with database.transaction() as session:
        await timer_named("forget old idempotency keys").run(session)

    async with database.reading() as session:
        kept = (await session.execute(text("SELECT key FROM idempotency_keys"))).scalars().all()
    assert kept == ["young"]


async def test_the_log_has_partitions_for_months_to_come(database):
    async with database.transaction() as session:
        await timer_named("prepare event log partitions").run(session)
        rows = await session.execute(
            text("""
                SELECT count(*) FROM pg_inherits
                WHERE inhparent = 'event_log'::regclass
            """)
        )
        assert rows.scalar_one() >= 3


async def test_a_timer_runs_on_one_worker_at_a_time(database):
    at_once, most = 0, 0

    async def act(session):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await session.execute(hear("tick"))
        await asyncio.sleep(0.02)
        at_once -= 1

    timer = Timer("tick", 0.01, act)

    async def often_enough():
        return len(await heard(database)) >= 8

    async with running(*[lambda: a_worker(database)._keep_time(timer)] * 3):
        await eventually(often_enough)

    assert most == 1


@pytest.mark.capability("P-17")
async def test_what_a_timer_changes_is_told_in_its_name(database):
    async def act(session):
        basket = Basket(name="by time")
        session.add(basket)
        record(session, basket, basket.fill("by time"))

    async def actors():
        async with database.reading() as session:
            rows = await session.execute(text("SELECT DISTINCT actor_id FROM audit_entries"))
            return list(rows.scalars())

    async def done():
        return await actors() != []

    async with running(lambda: a_worker(database)._keep_time(Timer("tick", 5, act))):
        await eventually(done)

    assert await actors() == ["timer:tick"]


async def test_a_timer_that_fails_leaves_nothing_and_is_tried_again(database):
    failures = iter([RuntimeError("once"), ValueError("twice")])

    async def act(session):
        await session.execute(hear("tick"))
        if (failure := next(failures, None)) is not None:
            raise failure

    async def done():
        return await heard(database) != []

    async with running(lambda: a_worker(database)._keep_time(Timer("tick", 0.3, act))):
        await eventually(done)

    assert await heard(database) == ["tick"]


async def test_a_job_works_while_there_is_something_to_do_and_survives_a_failure(
    database, monkeypatch
):
    left = ["one", RuntimeError("stumbles"), "two", "three"]

    async def job(held):
        if not left:
            return False
        item = left.pop(0)
        if isinstance(item, Exception):
            raise item
        async with held.transaction() as session:
            await session.execute(hear(item))
        return True

    async def done():
        return len(await heard(database)) == 3

    async with running(lambda: a_worker(database)._work_off(job)):
        await eventually(done)

    assert await heard(database) == ["one", "two", "three"]


async def test_a_part_that_dies_is_started_again_and_one_that_ends_is_not(database):
    ends = iter([RuntimeError("first"), RuntimeError("second"), None])
    started = []

    async def part():
        started.append(1)
        if (end := next(ends)) is not None:
            raise end

    await asyncio.wait_for(a_worker(database)._forever("part", part), 60)

    assert len(started) == 3


def test_a_worker_without_a_bus_is_not_made():
    with pytest.raises(ValueError, match="AMQP_URL"):
        create(ServiceSettings(DATABASE_URL="postgresql://a:b@127.0.0.1:9/shop"))
