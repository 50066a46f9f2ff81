"""The processes of a service, as a deployment runs them: start, work, drain, end."""

import asyncio
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

import common
from common.cli import service_cli
from common.db import Database
from common.errors import Conflict
from common.ids import new_id
from common.local_processes import free_port
from common.messaging.consumer import Consumer
from common.messaging.consumers import Consumers
from common.messaging.in_process import InProcessBus
from common.messaging.inbox import Inbox
from common.testing.databases import as_owner
from common.testing.processes import Supervisor
from common.testing.service import published, received_event

from .messaging.harness import eventually
from .shop.__main__ import ENTRY
from .shop.consumers import CONSUMERS

HERE = Path(__file__).parent
SOON_S = 15
"""A drain takes a moment on a quiet machine; this is for one that is busy with other tests."""


@pytest.fixture
def environment(database_url):
    """What every process of the shop needs; its port is free."""
    return os.environ | {
        "DATABASE_URL": database_url,
        "PORT": str(free_port()),
        "PYTHONPATH": f"{Path(common.__file__).parents[1]}:{HERE}",
        # Nobody listens there: a worker has to live with that.
        "AMQP_URL": "amqp://guest:guest@127.0.0.1:9/",
        "LOG_LEVEL": "INFO",
    }


@pytest.fixture
async def supervisor(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        yield supervisor


def shop(supervisor, environment, command, **more):
    process = supervisor.start(
        f"shop-{command}", [sys.executable, "-m", "shop", command], env=environment | more
    )
    process.base = f"http://127.0.0.1:{(environment | more)['PORT']}"
    return process


async def connections_with(database, condition):
    async with database.transaction() as session:
        await as_owner(session)
        found = await session.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity"
                f" WHERE datname = current_database() AND {condition}"
            )
        )
        return found.scalar_one()


def log_of(process):
    return [json.loads(line) for line in process.log.read_text().splitlines() if line[:1] == "{"]


# --------------------------------------------------------------------------------------- worker


async def test_a_signal_ends_a_worker_gracefully_also_while_it_waits_for_the_broker(
    supervisor, environment
):
    worker = shop(supervisor, environment, "worker")
    await worker.wait_for_http(f"{worker.base}/readyz")

    assert await worker.stop(SOON_S) == 0, worker.tail()
    assert not [line for line in log_of(worker) if "exception.stacktrace" in line]


async def test_a_worker_relays_and_consumes_and_ends_when_asked(
    supervisor, environment, make_vhost, client, database, session
):
    broker = make_vhost("cli")
    api = shop(supervisor, environment, "api", PORT=str(free_port()))
    worker = shop(
        supervisor,
        environment,
        "worker",
        AMQP_URL=broker,
        FAIRWAY_PEERS=json.dumps({"shop": api.base}),
    )
    await api.wait_for_http(f"{api.base}/readyz")
    async with httpx.AsyncClient(base_url=api.base, trust_env=False) as http:
        made = await http.post("/shop/v1/baskets", json={"name": "apples"})
        assert made.status_code == 201
        assert "server" not in made.headers

    async def is_heard():
        rows = await session.execute(text("SELECT what FROM heard"))
        return [row.what for row in rows] == ["apples"]

    await eventually(is_heard, within_s=60)
    async with httpx.AsyncClient(base_url=worker.base, trust_env=False) as http:
        assert (await http.get("/livez")).json() == {"status": "live"}
        ready = (await http.get("/readyz?verbose")).json()
        metrics = (await http.get("/metrics")).text
    assert ready["checks"] == {"database": "at head", "consuming": True, "draining": False}
    assert 'fairway_relay_partitions_owned{service="shop"} 16.0' in metrics

    assert await worker.stop(SOON_S) == 0, worker.tail()
    async with httpx.AsyncClient(base_url=api.base, trust_env=False, timeout=30) as http:
        slow = asyncio.create_task(http.get("/shop/v1/failures/slow?seconds=1"))

        async def is_under_way():
            return await connections_with(database, "query LIKE 'SELECT pg_sleep%'") == 1

        await eventually(is_under_way)
        api.send_signal(signal.SIGTERM)

        # What is under way is answered; then the process ends by itself.
        assert (await slow).status_code == 200
    assert await api.wait(SOON_S) == 0, api.tail()

    async def all_connections_are_given_back():
        return await connections_with(database, "application_name = 'fairway-shop-relay'") == 0

    await eventually(all_connections_are_given_back)


async def test_a_worker_without_its_database_is_live_not_ready_and_still_ends_when_asked(
    supervisor, environment
):
    worker = shop(
        supervisor, environment, "worker", DATABASE_URL="postgresql://a:b@127.0.0.1:9/shop"
    )
    await worker.wait_for_http(f"{worker.base}/livez")
    await worker.wait_for_http(f"{worker.base}/readyz", status=503)

    worker.send_signal(signal.SIGINT)
    assert await worker.wait(SOON_S) == 0, worker.tail()


async def test_a_second_signal_does_not_wait_for_the_drain(supervisor, environment, tmp_path):
    program = tmp_path / "stuck.py"
    program.write_text("""
import asyncio
from common.cli import _serve_worker
from common.settings import ServiceSettings

class Stuck:
    database = migrations = None
    consuming = asyncio.Event()

    async def run(self, stop):
        await stop.wait()
        print("draining", flush=True)
        await asyncio.sleep(3600)

asyncio.run(_serve_worker(Stuck(), ServiceSettings()))
""")
    worker = supervisor.start("stuck", [sys.executable, str(program)], env=environment)
    await worker.wait_for_http(f"http://127.0.0.1:{environment['PORT']}/livez")

    worker.send_signal(signal.SIGTERM)

    async def drains():
        return "draining" in worker.tail()

    await eventually(drains)
    assert worker.is_running
    worker.send_signal(signal.SIGTERM)

    assert await worker.wait(SOON_S) == 0


# ------------------------------------------------------------------------------------- commands


async def command(environment, *arguments):
    """Run it in this process, which saves the start of one; commands make a loop of their own."""
    cli = service_cli(ENTRY)
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=environment)


def output_of(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_migrate_looks_or_acts(environment, database):
    at_head = await command(environment, "migrate", "--check")
    async with database.transaction() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    behind = await command(environment, "migrate", "--check")
    async with database.transaction() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    acted = await command(environment, "migrate")

    assert [at_head.exit_code, behind.exit_code, acted.exit_code] == [0, 3, 0]
    assert "at 0001, head is 0002" in behind.stderr
    assert acted.stdout == ""


async def test_operators_see_what_waits_and_do_nothing_by_accident(
    environment, client, session, hear
):
    await client.post("/shop/v1/baskets", json={"name": "apples"})
    with pytest.raises(Conflict):
        await hear("shop.basket.filled.v1", name="poison")
    await park(session, environment)

    listed = output_of(await command(environment, "outbox", "ls"))
    parked = output_of(await command(environment, "parked", "ls", "--state", "dead"))
    event_id = parked[0]["event_id"]
    assert [row["type"] for row in listed] == ["shop.basket.filled.v1"]
    assert output_of(await command(environment, "parked", "show", event_id)) == parked
    for arguments, answer in {
        ("replay", "--since", "2020-01-01T00:00:00"): {"would_republish": 1},
        ("outbox", "unblock"): {"unblocked": 0},
        ("parked", "redrive", "--all-dead"): {"would_redrive": [event_id]},
        ("parked", "skip", event_id, "--reason", "x"): {"would_skip": [event_id]},
    }.items():
        assert output_of(await command(environment, *arguments)) == answer
    assert len(output_of(await command(environment, "parked", "ls"))) == 1

    skipped = await command(environment, "parked", "skip", event_id, "--reason", "x", "--yes")
    assert output_of(skipped) == {"skipped": [event_id]}
    assert output_of(await command(environment, "parked", "ls")) == []
    assert len(await published(session)) == 1


async def park(session, environment):
    """What a worker does with an event that is refused."""
    database = Database("shop", environment["DATABASE_URL"], pooled=False)
    inbox = Inbox(database, Consumers("shop", CONSUMERS))
    poison = received_event(
        "shop.basket.filled.v1", subject=new_id(), version=1, data={"name": "poison"}
    )
    consumer = Consumer(database, inbox, InProcessBus().transport(inbox.consumers.subscription))
    await consumer.apply_history([poison])
    await database.close()


async def test_a_moment_without_a_zone_is_utc(environment, client, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        await client.post("/shop/v1/baskets", json={"name": "apples"})
        ahead = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
        answer = output_of(await command(environment, "replay", "--since", ahead))
    finally:
        monkeypatch.undo()
        time.tzset()

    assert answer == {"would_republish": 0}


async def test_the_promises_are_printed(environment):
    openapi = output_of(await command(environment, "openapi"))
    asyncapi = output_of(await command(environment, "asyncapi"))

    assert "/shop/v1/baskets" in openapi["paths"]
    assert "shop.basket.filled.v1" in asyncapi["components"]["messages"]
