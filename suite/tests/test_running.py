"""Starting the suite: which port, and what a person is told."""

import io
import socket
import sys

import pytest
from rich.console import Console

from common.local_processes import free_port
from fairway import running
from fairway.running import NoFreePort, choose_port, command


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100)


@pytest.fixture
def taken_port():
    with socket.socket() as holder:
        port = free_port()
        holder.bind(("127.0.0.1", port))
        holder.listen()
        yield port


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_free_port_is_taken_as_wanted(console, monkeypatch):
    port = free_port()
    monkeypatch.setenv("FAIRWAY_PORT", str(port))

    assert choose_port(console) == port
    assert said(console) == ""


def test_a_busy_port_is_passed_over_and_that_is_said(console, monkeypatch, taken_port):
    monkeypatch.setenv("FAIRWAY_PORT", str(taken_port))

    chosen = choose_port(console)

    assert taken_port < chosen <= taken_port + running.MOST_PORTS_TRIED
    assert f"Port {taken_port} is taken; using {chosen}." in said(console)


def test_many_busy_ports_are_a_reason_not_to_start(console, monkeypatch, taken_port):
    monkeypatch.setenv("FAIRWAY_PORT", str(taken_port))
    monkeypatch.setattr(running, "MOST_PORTS_TRIED", 1)

    with pytest.raises(NoFreePort, match=str(taken_port)):
        choose_port(console)


@pytest.mark.parametrize(
    ("called_as", "shown"),
    [
        ("/srv/fairway/.venv/bin/fairway", ".venv/bin/fairway"),
        ("/usr/local/bin/fairway", "fairway"),
        ("/srv/fairway/suite/src/fairway/__main__.py", "fairway"),
    ],
)
def test_the_next_command_is_told_as_this_one_was_called(monkeypatch, called_as, shown):
    monkeypatch.setattr(sys, "argv", [called_as, "up"])

    assert command() == shown
