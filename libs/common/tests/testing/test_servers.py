import contextlib
import http.server
import json
import os
import re
import socket
import threading
import time
from pathlib import Path

import asyncpg
import pytest

from common.embedded_postgres import EmbeddedPostgres
from common.local_processes import command_line, wait_until_gone
from common.private_rabbitmq import BrokerUnavailable
from common.testing import keeper
from common.testing.servers import ServerUnavailable, SharedServers

REMEMBER = """
import json
from pathlib import Path
def remember(name, shared_servers, **facts):
    keepers = [int(file.read_text()) for file in shared_servers.directory.glob("*.keeper")]
    facts |= {"directory": str(shared_servers.directory), "keepers": keepers}
    Path(f"{name}.json").write_text(json.dumps(facts))
"""


def remembered(directory):
    return [json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))]


def assert_nothing_is_left(facts):
    pids = {pid for fact in facts for pid in fact["keepers"]}
    assert pids
    assert wait_until_gone(list(pids), timeout_s=10)
    assert not any(Path(fact["directory"]).exists() for fact in facts)


def test_workers_share_the_servers_and_nothing_is_left_after_a_failure(inner_run):
    program = REMEMBER + (
        "import aio_pika, asyncpg, pytest\n"
        "@pytest.mark.parametrize('number', [1, 2, 3, 4])\n"
        "async def test_both(number, worker_id, postgres_server, broker_url, shared_servers):\n"
        "    connection = await asyncpg.connect(postgres_server)\n"
        "    begun = await connection.fetchval('SELECT pg_postmaster_start_time()::text')\n"
        "    await connection.close()\n"
        "    async with await aio_pika.connect(broker_url) as connection:\n"
        "        channel = await connection.channel()\n"
        "        queue = await channel.declare_queue('same-name')\n"
        "        others = queue.declaration_result.message_count\n"
        "        await channel.default_exchange.publish(aio_pika.Message(b'x'), 'same-name')\n"
        "    remember(number, shared_servers, begun=begun, broker=broker_url, worker=worker_id)\n"
        "    assert number != 3\n"
    )

    said = inner_run(program, "-n", "2", FAIRWAY_TEST_SERVERS="installed")

    assert "1 failed, 3 passed" in said, said
    facts = remembered(inner_run.directory)
    assert len({fact["worker"] for fact in facts}) == 2
    assert len({fact["begun"] for fact in facts}) == 1
    assert len({fact["broker"].rpartition("/")[0] for fact in facts}) == 1
    assert len({fact["broker"] for fact in facts}) == 2
    assert len(facts[-1]["keepers"]) == 2
    assert_nothing_is_left(facts)


def test_the_servers_end_with_a_run_that_is_killed(inner_run):
    program = REMEMBER + (
        "import time\n"
        "def test_long(postgres_server, shared_servers):\n"
        "    remember('long', shared_servers)\n"
        "    time.sleep(60)\n"
    )
    run = inner_run.start(program, FAIRWAY_TEST_SERVERS="installed")
    while not (facts := remembered(inner_run.directory)):
        assert run.poll() is None
        time.sleep(0.05)

    run.kill()
    run.communicate()

    assert_nothing_is_left(facts)


def test_a_run_that_needs_no_server_starts_none(inner_run):
    program = REMEMBER + (
        "def test_nothing(shared_servers):\n    remember('nothing', shared_servers)\n"
    )

    said = inner_run(program)

    assert "1 passed" in said, said
    [fact] = remembered(inner_run.directory)
    assert fact["keepers"] == []
    assert not Path(fact["directory"]).exists()


async def test_a_server_from_the_environment_is_used_and_left_clean(inner_run, tmp_path):
    program = (
        "async def test_database(make_database, postgres_server):\n"
        "    async def migrate(url): pass\n"
        "    url = await make_database('sales', migrate)\n"
        "    assert url.rpartition('/')[0] == postgres_server.rpartition('/')[0]\n"
        "    print('made', url.rpartition('/')[2])\n"
    )
    with EmbeddedPostgres(tmp_path / "theirs", fast=True) as server:
        said = inner_run(program, "-s", TEST_DATABASE_URL=server.url())

        assert "1 passed" in said, said
        assert re.search(r"made sales_[0-9a-f]{8}_\w{8}", said)
        connection = await asyncpg.connect(server.url())
        rows = await connection.fetch("SELECT datname FROM pg_database ORDER BY 1")
        await connection.close()
        assert [name for (name,) in rows] == ["postgres", "template0", "template1"]


@contextlib.contextmanager
def silent_engine():
    """Accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def engine_without_images(pull):
    """Speaks the engine's language, has no image, and does what `pull` says when asked for one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.endswith("/_ping"):
                self.answer(200, b"OK")
            elif self.path.endswith("/version"):
                self.answer(200, b'{"ApiVersion": "1.44", "Version": "1"}')
            else:
                self.answer(404, b'{"message": "no such image"}')

        def do_POST(self):
            pull(self)

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pull_hangs(request):
    request.send_response(200)
    request.end_headers()
    request.wfile.write(b'{"status": "Pulling from library/postgres", "id": "18"}\n')
    request.wfile.flush()
    time.sleep(20)


def pull_fails(request):
    request.answer(500, b'{"message": "registry cannot be reached"}')


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param(silent_engine, id="silent"),
        pytest.param(lambda: engine_without_images(pull_hangs), id="pull hangs"),
        pytest.param(lambda: engine_without_images(pull_fails), id="pull fails"),
        pytest.param(lambda: contextlib.nullcontext("unix:///nowhere/docker.sock"), id="no engine"),
    ],
)
def test_an_engine_that_cannot_help_is_given_up_within_ten_seconds(monkeypatch, engine):
    with engine() as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
        monkeypatch.delenv("FAIRWAY_TEST_SERVERS", raising=False)
        servers = SharedServers.of_new_run()
        begun_at = time.monotonic()
        try:
            url = servers.postgres_url()
            took_s = time.monotonic() - begun_at
            state = json.loads((servers.directory / "postgres.json").read_text())
        finally:
            servers.close()

    assert url.startswith("postgresql://")
    assert state["source"] == "installed"
    assert took_s < 10


def test_containers_alone_can_be_demanded(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setenv("FAIRWAY_TEST_SERVERS", "containers")
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.delenv("TEST_AMQP_URL", raising=False)
    servers = SharedServers.of_new_run()
    try:
        with pytest.raises(ServerUnavailable, match="no container engine answers"):
            servers.postgres_url()
        with pytest.raises(BrokerUnavailable, match="no container engine answers"):
            servers.broker_url()
    finally:
        servers.close()


def test_a_missing_broker_is_an_error_that_says_what_to_install(monkeypatch, tmp_path):
    def nothing_found():
        raise BrokerUnavailable("no RabbitMQ on this machine: install `rabbitmq-server`")

    monkeypatch.setenv("FAIRWAY_TEST_SERVERS", "installed")
    monkeypatch.setattr("common.private_rabbitmq.find_scripts", nothing_found)

    with (
        contextlib.ExitStack() as held,
        pytest.raises(BrokerUnavailable, match=r"install `rabbitmq-server`.*or set TEST_AMQP_URL"),
    ):
        keeper._start_broker(tmp_path / "broker", held)


def test_a_broker_from_the_environment_cannot_be_shared_without_its_management(monkeypatch):
    monkeypatch.setenv("TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:1/only")
    monkeypatch.delenv("TEST_AMQP_MANAGEMENT_URL", raising=False)
    servers = SharedServers.of_new_run()
    try:
        assert servers.broker_url() == "amqp://guest:guest@127.0.0.1:1/only"
        with pytest.raises(BrokerUnavailable, match="TEST_AMQP_MANAGEMENT_URL"):
            servers.make_vhost("another")
    finally:
        servers.close()


def test_a_keeper_does_not_outlive_an_owner_that_is_gone_before_it(tmp_path):
    servers = SharedServers(tmp_path, owner_pid=a_pid_of_nobody())

    with contextlib.suppress(FileNotFoundError, ServerUnavailable):
        servers.postgres_url()

    assert wait_until_gone([int(file.read_text()) for file in tmp_path.glob("*.keeper")], 10)


def a_pid_of_nobody():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert command_line(pid) is None
    return pid
