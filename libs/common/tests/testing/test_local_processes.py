import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from common.local_processes import (
    ChildProcess,
    DirectoryInUse,
    DirectoryLock,
    child_pids,
    command_line,
    free_port,
    log_tail,
    port_is_free,
    wait_until_gone,
)

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_free_port_lies_below_the_ports_of_outgoing_connections():
    first_outgoing_on_linux = 32_768

    ports = {free_port() for _ in range(50)}

    assert len(ports) > 40
    assert max(ports) < first_outgoing_on_linux
    assert all(port_is_free(port) for port in ports)


def test_a_listening_port_is_not_free():
    port = free_port()

    with socket.create_server(("127.0.0.1", port)):
        assert not port_is_free(port)


def test_a_child_is_stopped_and_its_output_is_in_the_log(tmp_path):
    program = "import time; print('ready', flush=True); time.sleep(60)"
    child = ChildProcess([sys.executable, "-c", program], log=tmp_path / "log")
    wait_for(lambda: "ready" in log_tail(child.log))

    code = child.stop(timeout_s=5)

    assert code == -signal.SIGTERM
    assert command_line(child.pid) is None


def test_a_child_that_ignores_the_request_to_end_is_killed(tmp_path):
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(60)"
    )
    child = ChildProcess([sys.executable, "-c", program], log=tmp_path / "log")
    wait_for(lambda: "deaf" in log_tail(child.log))

    assert child.stop(timeout_s=0.3) == -signal.SIGKILL


def test_children_end_when_their_parent_is_killed(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; "
        "from common.local_processes import ChildProcess; "
        f"child = ChildProcess({SLEEP!r}, log=Path({str(tmp_path / 'log')!r})); "
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        assert command_line(child) is not None

        parent.kill()

    assert wait_until_gone([child], timeout_s=5)


def test_ending_one_child_leaves_the_others_alone(tmp_path):
    first = ChildProcess(SLEEP, log=tmp_path / "first")
    second = ChildProcess(SLEEP, log=tmp_path / "second")

    first.stop(timeout_s=5)

    assert second.is_running
    second.stop(timeout_s=5)


def test_the_children_of_a_process_are_found_in_any_process_group(tmp_path):
    child = ChildProcess(SLEEP, log=tmp_path / "log")

    assert child.pid in child_pids(os.getpid())

    child.stop(timeout_s=5)
    assert child.pid not in child_pids(os.getpid())


def test_a_directory_has_one_owner_and_says_who(tmp_path):
    lock = DirectoryLock(tmp_path / "lock")
    lock.acquire()

    with pytest.raises(DirectoryInUse, match=str(os.getpid())):
        DirectoryLock(tmp_path / "lock").acquire()

    lock.release()
    next_owner = DirectoryLock(tmp_path / "lock")
    next_owner.acquire()
    next_owner.release()


def wait_for(condition, timeout_s=5):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
