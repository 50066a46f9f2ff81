import asyncio
import signal
import sys

import pytest

from common.local_processes import command_line, free_port
from common.testing.processes import NotReady, ProcessCrashed, Supervisor

SERVER = """
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()
        self.wfile.write(os.environ.get("GREETING", "").encode())
print("started", os.environ.get("GREETING"), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
async def supervisor(tmp_path):
    supervisor = Supervisor(tmp_path / "logs")
    yield supervisor
    await supervisor.stop_all()


def server_on(port):
    return [sys.executable, "-c", SERVER, str(port)]


async def test_a_process_is_awaited_until_it_answers(supervisor):
    port = free_port()
    server = supervisor.start("server", server_on(port))

    await server.wait_for_port(port)
    await server.wait_for_http(f"http://127.0.0.1:{port}/readyz")
    await server.wait_for_http(f"http://127.0.0.1:{port}/other", status=503)

    assert server.is_running
    assert server.rss_bytes() > 1_000_000
    assert server.open_files() >= 4
    assert supervisor["server"] is server


async def test_a_crash_while_waiting_is_told_with_the_last_words(supervisor):
    crashing = supervisor.start("crashing", [sys.executable, "-c", "raise SystemExit('no luck')"])

    with pytest.raises(ProcessCrashed, match=r"crashing ended with exit code 1(.|\n)*no luck"):
        await crashing.wait_for_port(free_port())


async def test_silence_is_told_with_what_was_answered(supervisor):
    port = free_port()
    server = supervisor.start("server", server_on(port))
    await server.wait_for_port(port)

    with pytest.raises(NotReady, match=r"503(.|\n)*started"):
        await server.wait_for_http(f"http://127.0.0.1:{port}/other", timeout_s=0.3)


async def test_a_killed_process_can_be_started_again_with_another_environment(supervisor):
    port = free_port()
    server = supervisor.start("server", server_on(port))
    await server.wait_for_port(port)
    first_pid = server.pid

    server.kill()
    assert server.returncode == -signal.SIGKILL
    await server.restart(env={"GREETING": "hello"})

    await server.wait_for_http(f"http://127.0.0.1:{port}/readyz")
    assert server.pid != first_pid
    assert "started None" in server.tail()
    assert "started hello" in server.tail()
    supervisor.check()


async def test_a_suspended_process_does_not_answer_until_it_is_resumed(supervisor):
    port = free_port()
    server = supervisor.start("server", server_on(port))
    await server.wait_for_http(f"http://127.0.0.1:{port}/readyz")

    server.suspend()
    with pytest.raises(NotReady):
        await server.wait_for_http(f"http://127.0.0.1:{port}/readyz", timeout_s=1)
    server.resume()

    await server.wait_for_http(f"http://127.0.0.1:{port}/readyz")


async def test_a_suspended_process_is_stopped_as_well(supervisor):
    program = "import time; print('up', flush=True); time.sleep(60)"
    process = supervisor.start("sleeper", [sys.executable, "-c", program])
    while "up" not in process.tail():
        await asyncio.sleep(0.01)
    process.suspend()

    assert await process.stop(timeout_s=5) == -signal.SIGTERM


async def test_what_ignores_the_request_to_stop_is_killed(supervisor):
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(60)"
    )
    process = supervisor.start("deaf", [sys.executable, "-c", program])
    while "deaf" not in process.tail():
        await asyncio.sleep(0.01)

    assert await process.stop(timeout_s=0.3) == -signal.SIGKILL


async def test_all_are_stopped_in_reverse_order(tmp_path):
    program = (
        "import signal, sys, time; from pathlib import Path\n"
        "def end(*_):\n"
        "    with open(sys.argv[1], 'a') as ends: ends.write(sys.argv[2])\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(60)"
    )
    async with Supervisor(tmp_path) as supervisor:
        for name in "abc":
            process = supervisor.start(
                name, [sys.executable, "-c", program, str(tmp_path / "ends"), name]
            )
            while "up" not in process.tail():
                await asyncio.sleep(0.01)
        pids = [supervisor[name].pid for name in "abc"]

    assert (tmp_path / "ends").read_text() == "cba"
    assert all(command_line(pid) is None for pid in pids)


async def test_a_crash_nobody_looked_at_fails_the_test_and_stops_the_others(tmp_path):
    with pytest.raises(ProcessCrashed, match="unnoticed ended with exit code 3"):
        async with Supervisor(tmp_path) as supervisor:
            sleeper = supervisor.start("sleeper", [sys.executable, "-c", "input()"])
            other = supervisor.start("other", ["sleep", "60"])
            await sleeper.wait()
            await supervisor.start("unnoticed", [sys.executable, "-c", "exit(3)"]).wait()
            sleeper.send_signal(signal.SIGTERM)

    assert not other.is_running


async def test_two_processes_cannot_have_one_name(supervisor):
    supervisor.start("sales", ["sleep", "60"])

    with pytest.raises(ValueError, match="already"):
        supervisor.start("sales", ["sleep", "60"])
