"""The suite in the shape of production: an API and a worker process a service, over RabbitMQ."""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from common.cli import ServiceEntry
from common.local_processes import ChildProcess, free_port
from common.messaging.consumers import Consumers
from common.messaging.rabbitmq import declare
from common.private_rabbitmq import RabbitMQNode
from fairway.database import DatabaseServer
from fairway.front import Forward
from fairway.home import home
from fairway.services import path_of

READY_WITHIN_S = 60
GRACE_S = 25


@asynccontextmanager
async def broker() -> AsyncIterator[str]:
    """The broker in AMQP_URL, or a private node from the installed RabbitMQ.

    Raises common.private_rabbitmq.BrokerUnavailable when there is neither.
    """
    given = os.environ.get("AMQP_URL")
    if given:
        yield given
        return
    node = RabbitMQNode(home() / "rabbitmq")
    await asyncio.to_thread(node.start)
    try:
        yield node.url()
    finally:
        await asyncio.to_thread(node.stop)


@asynccontextmanager
async def apps(
    entries: Sequence[ServiceEntry], server: DatabaseServer, amqp_url: str
) -> AsyncIterator[dict[str, ASGIApp]]:
    """Run twelve processes while the block lasts; yields what forwards to the APIs."""
    for entry in entries:
        await declare(amqp_url, Consumers(entry.package, entry.consumers).subscription)
    ports = {entry.package: (free_port(), free_port()) for entry in entries}
    shared = {
        **os.environ,
        "AMQP_URL": amqp_url,
        "HOST": "127.0.0.1",
        # The one port in front, which tells them whose request it brings.
        "FAIRWAY_TRUSTED_PROXIES": "127.0.0.1",
        "FAIRWAY_INTERNAL_TOKEN": secrets.token_urlsafe(32),
        "FAIRWAY_PEERS": json.dumps(
            {path_of(package): f"http://127.0.0.1:{api}" for package, (api, _) in ports.items()}
        ),
    }
    logs = home() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    processes: list[ChildProcess] = []
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_stop, processes)
        for entry in entries:
            for role, port in zip(("api", "worker"), ports[entry.package], strict=True):
                environment = {
                    **shared,
                    "DATABASE_URL": server.url(entry.package),
                    "PORT": str(port),
                }
                processes.append(_start(entry.package, role, environment, logs))
        await asyncio.gather(*(_ready(port) for pair in ports.values() for port in pair))
        made: dict[str, ASGIApp] = {}
        for package, (api, _) in ports.items():
            forward = Forward(f"http://127.0.0.1:{api}")
            stack.push_async_callback(forward.close)
            made[path_of(package)] = forward
        yield made


def _start(package: str, role: str, environment: dict[str, str], logs: Path) -> ChildProcess:
    return ChildProcess(
        [sys.executable, "-m", package, role], log=logs / f"{package}-{role}.log", env=environment
    )


async def _stop(processes: Sequence[ChildProcess]) -> None:
    """All at once: each drains by itself, and a dozen one after the other would take long."""
    await asyncio.gather(*(asyncio.to_thread(process.stop, GRACE_S) for process in processes))


async def _ready(port: int) -> None:
    deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
    async with httpx.AsyncClient() as client:
        while True:
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                if answer.status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"the process on port {port} is not ready; see the logs")
            await asyncio.sleep(0.1)
