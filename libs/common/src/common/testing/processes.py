"""Runs services as processes for tests that stop, kill and suspend them.

    async with Supervisor(log_dir) as supervisor:
        sales = supervisor.start("sales-api", [sys.executable, "-m", "sales", "api"], env=env)
        await sales.wait_for_http("http://127.0.0.1:8000/readyz")
        sales.kill()
        await sales.restart()

Waiting is asynchronous, because what a process waits for may run in the test's own loop.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from common.local_processes import ChildProcess, log_tail

_TICK_S = 0.05


class ProcessCrashed(AssertionError):
    """A supervised process ended although nobody asked it to; the message has its last words."""


class NotReady(AssertionError):
    """A supervised process runs and does not answer in time; the message has its last words."""


class ManagedProcess:
    """One named program and its present process; the log goes on over restarts."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str] | None,
        cwd: Path | None,
        log: Path,
    ) -> None:
        self.name = name
        self.log = log
        self._argv = list(argv)
        self._env = env
        self._cwd = cwd
        self._was_asked_to_end = False
        self._child: ChildProcess | None = None
        self.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.is_running

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._process.returncode

    def start(self, *, env: Mapping[str, str] | None = None) -> None:
        """Start the program again after its end; `env` is laid over its environment for good."""
        if self._child is not None and self._child.is_running:
            raise RuntimeError(f"{self.name} runs already")
        if env is not None:
            self._env = {**(os.environ if self._env is None else self._env), **env}
        self._was_asked_to_end = False
        self._child = ChildProcess(self._argv, log=self.log, env=self._env, cwd=self._cwd)

    def send_signal(self, number: signal.Signals) -> None:
        """Signal it; what it does about SIGTERM, SIGINT and SIGKILL does not count as a crash."""
        if number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            self._was_asked_to_end = True
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to the process and its group, and no return before it is dead."""
        self._was_asked_to_end = True
        self._process.send_signal_to_group(signal.SIGKILL)
        self._process.wait(timeout_s=10)

    def suspend(self) -> None:
        """SIGSTOP: it keeps its connections and locks and does nothing."""
        self._process.send_signal_to_group(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal_to_group(signal.SIGCONT)

    async def stop(self, timeout_s: float = 30) -> int:
        """SIGTERM, then SIGKILL when it takes longer; the exit code, -9 says it was killed."""
        self.resume()
        self.send_signal(signal.SIGTERM)
        try:
            return await self.wait(timeout_s)
        except TimeoutError:
            self.kill()
            return await self.wait()

    async def restart(self, timeout_s: float = 30, *, env: Mapping[str, str] | None = None) -> None:
        """Stop if need be and start again, with `env` laid over the environment."""
        if self.is_running:
            await self.stop(timeout_s)
        self.start(env=env)

    async def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, whatever it is; raises TimeoutError when it still runs after that time."""
        async with asyncio.timeout(timeout_s):
            while (code := self._process.returncode) is None:
                await asyncio.sleep(_TICK_S)
        return code

    def check(self) -> None:
        """Raises ProcessCrashed when it ended and nobody asked it to."""
        code = self._process.returncode
        if code is not None and not self._was_asked_to_end:
            ended = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            raise ProcessCrashed(f"{self.name} ended {ended}; its log {self.log}:\n{self.tail()}")

    async def wait_for_port(
        self, port: int, host: str = "127.0.0.1", timeout_s: float = 30
    ) -> None:
        """Until something accepts connections there. Raises ProcessCrashed or NotReady."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), timeout=1)
            except (OSError, TimeoutError) as error:
                await self._not_yet(f"port {port}", deadline, error)
            else:
                writer.close()
                return

    async def wait_for_http(self, url: str, status: int = 200, timeout_s: float = 30) -> None:
        """Until a GET answers with that status. Raises ProcessCrashed or NotReady."""
        deadline = time.monotonic() + timeout_s
        async with httpx.AsyncClient(trust_env=False, timeout=2, verify=False) as client:
            while True:
                said: object
                try:
                    answer = await client.get(url)
                    if answer.status_code == status:
                        return
                    said = f"{answer.status_code} {answer.text[:500]}"
                except httpx.TransportError as error:
                    said = error
                await self._not_yet(url, deadline, said)

    async def _not_yet(self, what: str, deadline: float, said: object) -> None:
        self.check()
        if not self.is_running:
            raise NotReady(f"{self.name} has been stopped, so {what} will not answer")
        if time.monotonic() > deadline:
            raise NotReady(
                f"{self.name}: {what} does not answer as awaited ({said!r}); "
                f"its log {self.log}:\n{self.tail()}"
            )
        await asyncio.sleep(_TICK_S)

    def tail(self, lines: int = 40) -> str:
        """The end of its output."""
        return log_tail(self.log, lines)

    def rss_bytes(self) -> int:
        """Memory it holds now, without its children. Raises ProcessLookupError after its end."""
        if Path("/proc/self").exists():
            try:
                pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
            except FileNotFoundError:
                raise ProcessLookupError(f"{self.name} has ended") from None
            return int(pages) * os.sysconf("SC_PAGE_SIZE")
        shown = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.pid)], capture_output=True, check=False
        )
        if not shown.stdout.strip():
            raise ProcessLookupError(f"{self.name} has ended")
        return int(shown.stdout) * 1024

    def open_files(self) -> int:
        """How many files and sockets it holds now; only where there is /proc."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    @property
    def _process(self) -> ChildProcess:
        assert self._child is not None
        return self._child


class Supervisor:
    """Starts named processes and ends them all, the last one first.

    Leaving the context after a success also checks that none has crashed unseen.
    """

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._processes: dict[str, ManagedProcess] = {}

    def start(
        self,
        name: str,
        argv: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> ManagedProcess:
        """`env` is the whole environment (default ours); output goes to `<log_dir>/<name>.log`."""
        if name in self._processes:
            raise ValueError(f"there is a process {name!r} already; restart that one")
        self._log_dir.mkdir(parents=True, exist_ok=True)
        process = ManagedProcess(name, argv, env=env, cwd=cwd, log=self._log_dir / f"{name}.log")
        self._processes[name] = process
        return process

    def __getitem__(self, name: str) -> ManagedProcess:
        return self._processes[name]

    def check(self) -> None:
        """Raises ProcessCrashed when any process ended and nobody asked it to."""
        for process in self._processes.values():
            process.check()

    async def stop_all(self, timeout_s: float = 30) -> None:
        """Stop in reverse order of their first start."""
        for process in reversed(self._processes.values()):
            if process.is_running:
                await process.stop(timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.check()
        finally:
            await self.stop_all()
