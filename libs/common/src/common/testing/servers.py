"""The servers that a test run shares: one PostgreSQL and at most one RabbitMQ, started when needed.

They are looked for in this order: a URL in the environment (`TEST_DATABASE_URL`, `TEST_AMQP_URL`),
a container engine that answers and has the image, what is installed on this machine.
`FAIRWAY_TEST_SERVERS=containers|installed` leaves one of the last two.

Several processes of one run (pytest-xdist) share a directory. The first that needs a server starts
a keeper for it under a file lock; the keeper holds the server until the run's owner ends, however
it ends.
"""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import httpx

import common
from common.local_processes import command_line, log_tail, signal_pids, wait_until_gone
from common.private_rabbitmq import BrokerUnavailable, RabbitMQNode
from common.testing.databases import DatabaseTemplates

Kind = Literal["postgres", "broker"]

__all__ = ["BrokerUnavailable", "ServerUnavailable", "SharedServers"]

_URL_VARIABLES: dict[Kind, str] = {"postgres": "TEST_DATABASE_URL", "broker": "TEST_AMQP_URL"}
_MANAGEMENT_VARIABLE = "TEST_AMQP_MANAGEMENT_URL"
_DIRECTORY_PREFIX = "fairway-tests-"

# An image may have to be pulled; everything else is a matter of seconds.
_LONGEST_START_S = 600


class ServerUnavailable(RuntimeError):
    """No PostgreSQL for the tests, or not of the demanded kind; the message says what to do."""


class SharedServers:
    """One test run's servers, seen from one of its processes."""

    def __init__(self, directory: Path, owner_pid: int) -> None:
        """`directory` is the run's own; the servers end with the process `owner_pid`."""
        self.directory = directory
        self.owner_pid = owner_pid

    @classmethod
    def of_new_run(cls) -> "SharedServers":
        """For the process that owns the run and calls `close` at its end."""
        directory = Path(tempfile.mkdtemp(prefix=_DIRECTORY_PREFIX))
        # The account that PostgreSQL runs as, when root starts it, passes through.
        directory.chmod(0o711)
        return cls(directory, os.getpid())

    @property
    def run_id(self) -> str:
        """Eight characters, the same in all processes of the run."""
        return self.directory.name.removeprefix(_DIRECTORY_PREFIX).replace("_", "0").lower()

    def postgres_url(self) -> str:
        """The URL of the server's maintenance database, of a user who may create databases.

        Blocks while the server starts. Raises ServerUnavailable.
        """
        return str(self._server("postgres")["url"])

    def broker_url(self) -> str:
        """The URL of the broker's default virtual host, of an administrator.

        Blocks while the broker starts. Raises BrokerUnavailable; tests are never skipped for it.
        """
        return str(self._server("broker")["url"])

    def make_vhost(self, name: str) -> str:
        """Add a virtual host to the shared broker; its URL.

        A broker from the environment needs `TEST_AMQP_MANAGEMENT_URL` for that, with user and
        password in it; raises BrokerUnavailable without.
        """
        broker = self._server("broker")
        if "data_dir" in broker:
            return RabbitMQNode(broker["data_dir"]).make_vhost(name)
        if broker.get("management_url") is None:
            raise BrokerUnavailable(
                "TEST_AMQP_URL names one virtual host: run without -n, or set "
                f"{_MANAGEMENT_VARIABLE} (http://user:password@host:15672) to get one a worker"
            )
        # Who adds a virtual host this way gets all permissions in it.
        answer = httpx.put(f"{broker['management_url']}/api/vhosts/{name}", trust_env=False)
        answer.raise_for_status()
        return f"{str(broker['url']).rpartition('/')[0]}/{name}"

    def databases(self) -> DatabaseTemplates:
        return DatabaseTemplates(self.postgres_url(), self.run_id)

    def close(self) -> None:
        """Stop what was started, drop what was made on a server of others, remove the directory."""
        if (url := os.environ.get(_URL_VARIABLES["postgres"])) and self._asked_for("postgres"):
            templates = DatabaseTemplates(url, self.run_id)
            # In a thread, so that no loop of pytest's is running or replaced.
            with ThreadPoolExecutor(1) as aside:
                aside.submit(lambda: asyncio.run(templates.drop_all())).result()
        keepers = []
        for pid_file in self.directory.glob("*.keeper"):
            pid = int(pid_file.read_text())
            if str(self.directory) in (command_line(pid) or ""):
                signal_pids([pid], signal.SIGTERM)
                keepers.append(pid)
        if not wait_until_gone(keepers, timeout_s=30):
            # Its servers go with it: their leash is the keeper's.
            signal_pids(keepers, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _asked_for(self, kind: Kind) -> bool:
        return (self.directory / f"{kind}.lock").exists()

    def _server(self, kind: Kind) -> dict[str, Any]:
        with (self.directory / f"{kind}.lock").open("w") as lock:
            url = os.environ.get(_URL_VARIABLES[kind])
            if url:
                return {"url": url, "management_url": os.environ.get(_MANAGEMENT_VARIABLE)}
            fcntl.flock(lock, fcntl.LOCK_EX)
            state_file = self.directory / f"{kind}.json"
            if not state_file.exists():
                self._start_keeper(kind, state_file)
            state: dict[str, Any] = json.loads(state_file.read_text())
        if "error" in state:
            unavailable = BrokerUnavailable if kind == "broker" else ServerUnavailable
            raise unavailable(state["error"])
        return state

    def _start_keeper(self, kind: Kind, state_file: Path) -> None:
        log = self.directory / f"{kind}.keeper.log"
        library = str(Path(common.__file__).parents[1])
        path = os.pathsep.join([library, os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        # Not subprocess: the keeper outlives the worker that happens to start it, and nobody
        # waits for it.
        pid = os.posix_spawn(
            sys.executable,
            [
                sys.executable,
                "-m",
                "common.testing.keeper",
                kind,
                str(self.directory),
                str(self.owner_pid),
            ],
            os.environ | {"PYTHONPATH": path},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        (self.directory / f"{kind}.keeper").write_text(str(pid))
        deadline = time.monotonic() + _LONGEST_START_S
        while not state_file.exists():
            ended, _ = os.waitpid(pid, os.WNOHANG)
            if ended or time.monotonic() > deadline:
                raise ServerUnavailable(f"the {kind} for the tests did not start:\n{log_tail(log)}")
            time.sleep(0.02)
