"""The whole suite for tests, started as a person starts it: its own process, folder and port.

A `conftest.py` takes the fixtures it wants: `from fairway.testing import suite, own_suite`. One
suite with demo data serves all tests of a process, whichever conftest they sit under; `own_suite`
is a test's own.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.local_processes import ChildProcess, free_port, log_tail
from fairway.catching_up import until_reported
from fairway.home import Running
from fairway.signing_in import CLIENT, CommandSignIn, own_secret, token_request

READY_WITHIN_S = 180
"""A busy machine may take long; on a quiet one it is seconds."""
SETTLED_WITHIN_S = 300
TEST_TIMEOUT_S = 900
"""Of a test with a suite: the first one waits for its start."""
_STARTED = pytest.StashKey["Suite"]()
_NOT_INHERITED = ("AMQP_URL", "DATABASE_URL", "FAIRWAY_", "PORT", "HOST")
"""Settings of whoever runs the tests, which would lead the suite to servers that are not its own."""


class Suite:
    """`fairway up` in a folder of its own; it can be stopped, killed and started again."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fairway-suite-"))
        # The account that PostgreSQL runs as, when root starts it, passes through.
        self._folder.chmod(0o711)
        self.home = self._folder / "home"
        self.log = self._folder / "suite.log"
        # For commands that are to meet this suite.
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)
        } | {"FAIRWAY_HOME": str(self.home), "FAIRWAY_PORT": str(free_port()), "COLUMNS": "200"}
        self._process: ChildProcess | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.running.url

    @property
    def running(self) -> Running:
        """What the suite says of itself; raises FileNotFoundError or ValueError before it does."""
        said: dict[str, Any] = json.loads((self.home / "running.json").read_text(encoding="utf-8"))
        return Running(**said)

    @property
    def is_ready(self) -> bool:
        """Whether the suite has said where it answers."""
        try:
            return self.running.pid == self.pid
        except (FileNotFoundError, ValueError):
            return False

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    @property
    def sign_in(self) -> httpx.Auth | None:
        """Brings the token of the suite's own commands to requests; None where nobody is asked."""
        if not self.running.issues_tokens:
            return None
        return CommandSignIn(self.url, (CLIENT, own_secret(self.home)))

    @property
    def token(self) -> str:
        """A token of the suite's own commands, good for five minutes."""
        asking = token_request(self.url, CLIENT, own_secret(self.home))
        with httpx.Client(trust_env=False) as client:
            given: dict[str, Any] = client.send(asking).raise_for_status().json()
        return str(given["access_token"])

    def start(self, *arguments: str) -> float:
        """Start it and wait until it is ready; the seconds that took. Raises AssertionError."""
        began = time.monotonic()
        self._process = ChildProcess(
            [sys.executable, "-m", "fairway", "up", *arguments], log=self.log, env=self.environment
        )
        while not self.is_ready:
            took_s = time.monotonic() - began
            assert self._process.is_running, f"the suite ended:\n{log_tail(self.log)}"
            assert took_s < READY_WITHIN_S, f"the suite is not ready:\n{log_tail(self.log)}"
            time.sleep(0.05)
        return time.monotonic() - began

    def stop(self) -> tuple[int, float]:
        """SIGTERM, and wait for the end; its exit code and the seconds that took."""
        assert self._process is not None
        began = time.monotonic()
        code = self._process.stop(timeout_s=60)
        return code, time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL: it cannot finish anything."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout_s=10)

    def command(self, *arguments: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Run `fairway …` against this suite."""
        return subprocess.run(
            [sys.executable, "-m", "fairway", *arguments],
            env=self.environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=timeout_s,
        )

    def settle(self) -> None:
        """Wait until the reports have everything the services said. Raises TimeoutError."""
        # In a thread, so that no loop of pytest's is running or replaced.
        with ThreadPoolExecutor(1) as aside:
            waiting = until_reported(self.running, timeout_s=SETTLED_WITHIN_S)
            aside.submit(asyncio.run, waiting).result()

    def close(self) -> None:
        """End it, and forget its folder."""
        if self._process is not None and self._process.is_running:
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For a conftest to import: tests with a suite have the time its start may take."""
    for item in items:
        if {"suite", "own_suite"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def suite(pytestconfig: pytest.Config) -> Suite:
    """The running suite with demo data; tests may add to it, and leave it running."""
    started = pytestconfig.stash.get(_STARTED, None)
    if started is None:
        started = pytestconfig.stash[_STARTED] = Suite()
        pytestconfig.add_cleanup(started.close)
        started.start("--demo")
        started.settle()
    return started


@pytest.fixture
def own_suite() -> Iterator[Suite]:
    """A suite of the test's own, not started yet, with nothing in it."""
    made = Suite()
    yield made
    made.close()
