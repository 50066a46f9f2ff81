"""Fixtures over the shared servers, and the verdict lines of the fault tests.

A top-level conftest takes them with `pytest_plugins = ["common.testing.pytest_plugin"]`.
"""

import os
import random
import time
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from common.testing.databases import Migrate
from common.testing.servers import SharedServers

MakeDatabase = Callable[[str, Migrate], Awaitable[str]]
MakeVhost = Callable[[str], str]

_RUN_VARIABLE = "FAIRWAY_TEST_RUN"
_SERVERS = pytest.StashKey[SharedServers]()
_SEED = pytest.StashKey[int]()
_VERDICT = pytest.StashKey["Verdict"]()
_VERDICT_PROPERTY = "fairway_verdict"


def pytest_configure(config: pytest.Config) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ and _RUN_VARIABLE in os.environ:
        # The run is the controller's, our parent; it is told apart by its directory.
        config.stash[_SERVERS] = SharedServers(Path(os.environ[_RUN_VARIABLE]), os.getppid())
        return
    servers = config.stash[_SERVERS] = SharedServers.of_new_run()
    os.environ[_RUN_VARIABLE] = str(servers.directory)


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash.get(_SERVERS, None)
    if servers is not None and servers.owner_pid == os.getpid():
        servers.close()
        os.environ.pop(_RUN_VARIABLE, None)


@pytest.fixture(scope="session")
def shared_servers(pytestconfig: pytest.Config) -> SharedServers:
    """The run's servers; nothing is started before it is asked for."""
    return pytestconfig.stash[_SERVERS]


@pytest.fixture(scope="session")
def postgres_server(shared_servers: SharedServers) -> str:
    """The URL of the shared PostgreSQL's maintenance database, of a user who may do anything."""
    return shared_servers.postgres_url()


@pytest.fixture(scope="session")
def make_database(shared_servers: SharedServers, postgres_server: str) -> MakeDatabase:
    """`await make_database("sales", migrate)`: the URL of a new, migrated, empty database.

    `migrate(url)` runs once a service and run; each call is a copy of what it made. The databases
    go with the run.
    """
    templates = shared_servers.databases()

    async def make(service_package: str, migrate: Migrate) -> str:
        await templates.make(service_package, migrate)
        return await templates.create(service_package)

    return make


@pytest.fixture(scope="session")
def broker_url(shared_servers: SharedServers) -> str:
    """The AMQP URL of the shared broker, for this process alone: each xdist worker has a vhost."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None or os.environ.get("PYTEST_XDIST_WORKER_COUNT") == "1":
        return shared_servers.broker_url()
    return shared_servers.make_vhost(f"{shared_servers.run_id}-{worker}")


@pytest.fixture(scope="session")
def make_vhost(shared_servers: SharedServers) -> MakeVhost:
    """`make_vhost("poison")`: the URL of a virtual host of that name, new for this process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return lambda name: shared_servers.make_vhost(f"{shared_servers.run_id}-{worker}-{name}")


class Verdict:
    """One line a fault test, printed at the end of the run whether it passed or not."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._begun_at = time.monotonic()
        self._title = request.node.name
        self._facts: dict[str, object] = {}

    def __call__(self, title: str, **facts: object) -> None:
        """Say what was tried, as "7 broker killed during confirms", and what was counted.

        May be called again as more becomes known; say it before asserting on it.
        """
        self._title = title
        self._facts |= facts

    def line(self) -> str:
        """Title, counts, seed and time, without the outcome."""
        facts = dict(self._facts)
        seed = self._request.node.stash.get(_SEED, None)
        if seed is not None:
            facts["seed"] = seed
        counts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())
        took_s = time.monotonic() - self._begun_at
        return f"{self._title}: {counts}{', ' if counts else ''}{took_s:.1f} s"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Seeds what a fault test decides by chance; `FAIRWAY_SEED` repeats a run."""
    chosen = int(os.environ.get("FAIRWAY_SEED") or random.SystemRandom().randrange(1_000_000))
    request.node.stash[_SEED] = chosen
    return chosen


@pytest.fixture
def verdict(request: pytest.FixtureRequest) -> Verdict:
    """`verdict("7 broker killed during confirms", lost=0, duplicated=3)`."""
    made = request.node.stash[_VERDICT] = Verdict(request)
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    verdict = item.stash.get(_VERDICT, None)
    if verdict is not None and call.when == "call":
        # A property of the report, because it has to reach the controller from a worker.
        item.user_properties.append((_VERDICT_PROPERTY, verdict.line()))
    report = yield
    seed = item.stash.get(_SEED, None)
    if report.failed and seed is not None:
        report.sections.append(("seed", f"repeat with FAIRWAY_SEED={seed}"))
    return report


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    lines = [
        f"{report.outcome}  {line}"
        for report in [
            *terminalreporter.getreports("passed"),
            *terminalreporter.getreports("failed"),
        ]
        if report.when == "call"
        for name, line in report.user_properties
        if name == _VERDICT_PROPERTY
    ]
    if lines:
        terminalreporter.section("verdicts")
        for line in lines:
            terminalreporter.line(line)
