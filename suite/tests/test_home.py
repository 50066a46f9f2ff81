"""The suite's folder, and who is running from it."""

import os
import stat
import subprocess
import sys
import time

import pytest

from common.local_processes import command_line
from fairway.home import Running, forget_running, home, read_running, write_running


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRWAY_HOME", str(tmp_path))
    return tmp_path


def running_as(pid: int) -> Running:
    return Running(
        pid=pid,
        url="http://127.0.0.1:8080",
        mode="one process",
        databases={"sales": "postgresql://postgres:secret@127.0.0.1:1/sales"},
        amqp_url=None,
    )


@pytest.fixture
def fairway_process():
    """A process that is called as the suite is, until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", "fairway"], stdin=subprocess.PIPE
    ) as process:
        # Between fork and program a process has no command line yet.
        while "fairway" not in (command_line(process.pid) or ""):
            time.sleep(0.01)
        yield process


@pytest.fixture
def another_program():
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process


def test_the_folder_is_in_the_working_directory_unless_somebody_says_where(tmp_path, monkeypatch):
    assert home() == tmp_path
    monkeypatch.delenv("FAIRWAY_HOME")
    monkeypatch.chdir(tmp_path)
    assert home() == tmp_path / ".fairway"


def test_what_runs_is_found_until_it_is_forgotten(fairway_process):
    write_running(running_as(fairway_process.pid))

    assert read_running() == running_as(fairway_process.pid)

    forget_running()
    assert read_running() is None


def test_a_suite_that_died_does_not_run(fairway_process):
    write_running(running_as(fairway_process.pid))
    fairway_process.kill()
    fairway_process.wait()

    assert read_running() is None


def test_another_program_with_the_same_process_number_is_not_the_suite(another_program):
    write_running(running_as(another_program.pid))

    assert read_running() is None


def test_who_asks_is_not_the_suite_that_died_with_the_same_process_number(monkeypatch):
    monkeypatch.setattr("fairway.home.command_line", lambda _: "python -m fairway up")
    write_running(running_as(os.getpid()))

    assert read_running() is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "more": 2}'])
def test_a_file_that_says_nothing_means_that_nothing_runs(folder, content):
    (folder / "running.json").write_text(content)

    assert read_running() is None


def test_the_file_with_the_passwords_is_ours_alone(folder):
    write_running(running_as(1))

    assert stat.S_IMODE((folder / "running.json").stat().st_mode) == 0o600


def test_to_forget_twice_is_no_fault():
    forget_running()
    forget_running()
