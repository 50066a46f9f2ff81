"""Servers and services we start as child processes: free ports, logs, locks, no orphans."""

import atexit
import errno
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

# Below every common ephemeral range. A listener on an ephemeral port that goes away for a while
# can lose it to somebody's outgoing connection, or to a client that reconnects to itself.
_PORTS = range(20_000, 32_000)
_WELL_KNOWN_PORTS = {25_565, 25_672, 27_017, 27_018, 27_019, 28_017, 31_337}
# Not the shared generator: a test that seeds it would give every process the same ports.
_CHANCE = random.SystemRandom()
_LOG_LIMIT_BYTES = 20 * 1024 * 1024


class DirectoryInUse(RuntimeError):
    """Another live process of ours owns the data directory."""


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port nobody listens on now; a start may still lose a race for it and try another."""
    for _ in range(1_000):
        port = _CHANCE.choice(_PORTS)
        if port not in _WELL_KNOWN_PORTS and port_is_free(port, host):
            return port
    raise OSError(errno.EADDRINUSE, f"no free TCP port on {host} in {_PORTS}")


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose old connections are in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def log_tail(path: Path, lines: int = 30) -> str:
    """The last lines of a log, for an error message; empty when there is no log yet."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 64 * 1024))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def command_line(pid: int) -> str | None:
    """The arguments of a live process joined by spaces; None when there is no such process."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        # A zombie has no arguments left.
        return arguments.replace(b"\0", b" ").decode(errors="replace").strip() or None
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return None
    shown = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False
    )
    return shown.stdout.decode(errors="replace").strip() or None


def child_pids(pid: int) -> list[int]:
    """The direct children of a process, wherever their process groups are."""
    if not Path("/proc/self").exists():
        shown = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, check=True)
        pairs = (line.split() for line in shown.stdout.decode().splitlines())
        return [int(child) for child, parent in pairs if int(parent) == pid]
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold spaces and brackets of its own.
            after_name = stat.read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(after_name[1]) == pid:
            children.append(int(stat.parent.name))
    return children


def signal_pids(pids: Sequence[int], number: signal.Signals) -> None:
    """Signal each process; one that is already gone is passed over."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def wait_until_gone(pids: Sequence[int], timeout_s: float) -> bool:
    """Whether processes that need not be our children have all ended in time."""
    deadline = time.monotonic() + timeout_s
    while any(command_line(pid) is not None for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class DirectoryLock:
    """Held by the process that owns a data directory; the kernel drops it when that one dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def acquire(self) -> None:
        """Raises DirectoryInUse when another process, or another owner in this one, holds it."""
        file = self._path.open("ab+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().decode(errors="replace").strip() or "unknown"
            file.close()
            raise DirectoryInUse(f"{self._path.parent} is in use by process {owner}") from None
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class ChildProcess:
    """A child in a process group of its own, its output in a log file.

    When this process dies, however it dies, the group is sent `last_signal`.
    """

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        last_signal: signal.Signals = signal.SIGKILL,
        user: int | None = None,
        group: int | None = None,
    ) -> None:
        """`user` and `group` are numeric ids to run as, for a parent that is root."""
        self.log = log
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_name(log.name + ".1"))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [os.fspath(argument) for argument in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                # Ctrl-C in a terminal is for us; we stop our children in order.
                start_new_session=True,
            )
        try:
            _leash.add(self._process.pid, last_signal)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        code = self._process.poll()
        if code is not None:
            _leash.remove(self._process.pid)
        return code

    @property
    def is_running(self) -> bool:
        return self.returncode is None

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the process itself; nothing happens when it has ended."""
        if self.is_running:
            self._process.send_signal(number)

    def send_signal_to_group(self, number: signal.Signals) -> None:
        """Signal the process and those of its children that stayed in its group."""
        if self.is_running:
            os.killpg(self._process.pid, number)

    def wait(self, timeout_s: float) -> int | None:
        """The exit code, or None when it still runs after that time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        return self.returncode

    def stop(self, timeout_s: float, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, kill its group when it does not in time; the exit code."""
        self.send_signal(number)
        code = self.wait(timeout_s)
        if code is None:
            # A stopped process does not hear SIGTERM; nothing outlives SIGKILL.
            self.send_signal_to_group(signal.SIGKILL)
            self._process.wait()
            code = self.returncode
        assert code is not None
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop(timeout_s=10)


_LEASH_PROGRAM = """
import os, signal, sys
groups = {}
for line in sys.stdin:
    act, group, number = line.split()
    if act == "add":
        groups[int(group)] = int(number)
    else:
        groups.pop(int(group), None)
for group, number in groups.items():
    try:
        os.killpg(group, signal.SIGCONT)
        os.killpg(group, number)
    except OSError:
        pass
"""


class _Leash:
    """A tiny process that reads our pipe and, when the pipe closes, ends the groups named in it.

    A parent that is killed, or whose terminal is closed, runs no cleanup of its own.
    """

    def __init__(self) -> None:
        self._forget()
        # After a fork the children belong to our parent, and so does its leash.
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self._close)

    def _forget(self) -> None:
        self._guard = threading.Lock()
        self._groups: dict[int, int] = {}
        self._keeper: subprocess.Popen[bytes] | None = None

    def add(self, group: int, number: signal.Signals) -> None:
        with self._guard:
            self._groups[group] = number
            self._say(f"add {group} {int(number)}\n")

    def remove(self, group: int) -> None:
        with self._guard:
            if self._groups.pop(group, None) is not None:
                self._say(f"remove {group} 0\n")

    def _say(self, line: str) -> None:
        if self._keeper is not None:
            try:
                self._write(line)
                return
            except BrokenPipeError:
                self._close()
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LEASH_PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        for group, number in self._groups.items():
            self._write(f"add {group} {number}\n")

    def _write(self, line: str) -> None:
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        # Unbuffered and below PIPE_BUF: whole lines or none.
        os.write(self._keeper.stdin.fileno(), line.encode())

    def _close(self) -> None:
        if self._keeper is not None:
            assert self._keeper.stdin is not None
            self._keeper.stdin.close()
            self._keeper.wait()
            self._keeper = None


_leash = _Leash()
