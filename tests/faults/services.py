"""The customer service, which says events, and the reporting service, which keeps them all."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from common.local_processes import free_port
from common.testing.processes import ManagedProcess, Supervisor

from .findings import Databases, Findings, eventually, fetch
from .load import Load

ROOT = Path(__file__).parents[2]
BOOT_S = 60
"""Enough for a process to become ready on a machine that has much else to do; quiet, it takes 3."""
LONGEST_STOP_S = 25

_NOT_THEIRS = ("FAIRWAY_", "OTEL_", "PYTEST_", "DATABASE_URL", "AMQP_URL", "PORT", "HOST")
_SAMPLE = re.compile(r"^(\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)


@dataclass
class Service:
    """One process of a service, with its health and metrics."""

    process: ManagedProcess
    url: str

    async def ready(self) -> None:
        """Until it says that it is ready."""
        await self.process.wait_for_http(f"{self.url}/readyz", timeout_s=BOOT_S)

    async def restart(self, *, fault: str = "") -> None:
        """Start again after its end, with another fault or none, and wait until it is ready."""
        self.process.start(env={"FAIRWAY_FAULT": fault})
        await self.ready()

    async def killed_itself(self, *, within_s: float = 60) -> None:
        """Until the crash point it was given has ended it."""
        code = await self.process.wait(within_s)
        assert code == -9, f"{self.process.name} ended with {code}:\n{self.process.tail()}"
        self.process.kill()  # So that its end counts as asked for.

    async def stop_in_order(self) -> float:
        """SIGTERM until the end, which comes soon and with code 0; how many seconds it took."""
        began = time.monotonic()
        code = await self.process.stop(LONGEST_STOP_S)
        assert code == 0, f"{self.process.name} ended with {code}:\n{self.process.tail()}"
        return round(time.monotonic() - began, 1)

    async def stalls(self) -> None:
        """Until its event loop stands still at the crash point it was given."""

        async def sleeps() -> bool:
            return " sleeps\n" in self.process.log.read_text()

        await eventually(sleeps, what="the crash point is reached", check=self.process.check)

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            page = (await client.get(f"{self.url}/metrics")).text
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        return sum(
            float(value)
            for found, shown, value in _SAMPLE.findall(page)
            if found == name and wanted <= set(shown.split(","))
        )


@dataclass
class Pair:
    """Both services on their databases and one bus; started, broken and looked at by a test."""

    supervisor: Supervisor
    databases: Databases
    amqp_url: str
    services: dict[str, Service] = field(default_factory=dict)

    @property
    def api(self) -> Service:
        """The customer service's API."""
        return self.services["customer api"]

    @property
    def relay(self) -> Service:
        """The customer service's worker, whose relay sends what the API committed."""
        return self.services["customer worker"]

    @property
    def consumer(self) -> Service:
        """The reporting service's worker, which applies what it hears."""
        return self.services["reporting worker"]

    async def start(
        self,
        *,
        api: Mapping[str, str] | None = None,
        relay: Mapping[str, str] | None = None,
        consumer: Mapping[str, str] | None = None,
    ) -> None:
        """Start the three processes, each with this more in its environment; wait for them."""
        self.launch("customer api", api)
        self.launch("customer worker", relay)
        self.launch("reporting worker", consumer)
        await self.ready()

    async def ready(self) -> None:
        """Until all processes are ready and the consumer listens."""
        await asyncio.gather(*(service.ready() for service in self.services.values()))

    async def caught_up(self) -> None:
        """Until the consumer needs the API no more: it has read what was said before it listened."""

        async def is_caught_up() -> bool:
            rows = await fetch(
                self.databases.reporting,
                "SELECT 1 FROM subscription WHERE aggregate_type = 'customer'"
                " AND caught_up_at IS NOT NULL",
            )
            return bool(rows)

        await eventually(is_caught_up, what="the consumer has caught up", check=self.check)

    def launch(
        self,
        name: str,
        more: Mapping[str, str] | None = None,
        *,
        module: str | None = None,
        database: str | None = None,
    ) -> Service:
        """Start one process: `name` is its package, its command, and what tells it from others."""
        package, command, *_ = name.split()
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        peer = self.services["customer api"].url if self.services else url
        process = self.supervisor.start(
            name.replace(" ", "-"),
            [sys.executable, "-m", module or package, command],
            env=self.environment(database or getattr(self.databases, package))
            | {"PORT": str(port), "FAIRWAY_PEERS": json.dumps({"customer": peer})}
            | dict(more or {}),
            cwd=ROOT,
        )
        service = self.services[name] = Service(process, url)
        return service

    def begin(self, title: str, module: str, *arguments: str, database: str) -> ManagedProcess:
        """A command that ends by itself, if nobody kills it before."""
        return self.supervisor.start(
            title,
            [sys.executable, "-m", module, *arguments],
            env=self.environment(database),
            cwd=ROOT,
        )

    async def ended(self, command: ManagedProcess) -> int:
        """The exit code of a command once it has ended."""
        code = await command.wait(BOOT_S)
        command.kill()  # So that its end counts as asked for.
        return code

    async def run(self, module: str, *arguments: str, database: str) -> Any:
        """What a command prints as JSON."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", module, *arguments],
            env=self.environment(database),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{module} {' '.join(arguments)}: {done.stderr}"
        return json.loads(done.stdout)

    def environment(self, database: str) -> dict[str, str]:
        """For a process on this database and the bus, with nothing of ours in it."""
        return {
            name: value for name, value in os.environ.items() if not name.startswith(_NOT_THEIRS)
        } | {"DATABASE_URL": database, "AMQP_URL": self.amqp_url, "HOST": "127.0.0.1"}

    def load(self, seed: int, **how: object) -> Load:
        """Clients that write to the API."""
        return Load(self.api.url, seed, **how)  # type: ignore[arg-type]  # as Load takes it

    def check(self) -> None:
        """Raises ProcessCrashed when a process ended and nobody asked it to."""
        self.supervisor.check()

    async def drained(self, *, within_s: float = 60) -> float:
        """Wait until everything said is applied; how many seconds it took."""
        return await self.databases.drained(within_s=within_s, check=self.check)

    async def settle(self, load: Load, *, within_s: float = 60) -> tuple[Findings, float]:
        """End the load, wait until everything is applied, and look; also the seconds that took."""
        ledger = await load.stop()
        took_s = await self.drained(within_s=within_s)
        return await self.databases.examine(ledger), took_s

    def kill(self) -> None:
        """End every process at once."""
        for service in self.services.values():
            service.process.kill()
