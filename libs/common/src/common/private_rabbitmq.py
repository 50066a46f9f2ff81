"""A RabbitMQ node of our own on this machine: own name, ports, port mapper, data and password.

It shares nothing with another RabbitMQ here, so tests may kill it and benchmarks may fill it.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from common.local_processes import (
    ChildProcess,
    DirectoryInUse,
    DirectoryLock,
    command_line,
    free_port,
    signal_pids,
    wait_until_gone,
)

HOST = "127.0.0.1"
USER = "fairway"

# Debian's command on the PATH changes to the user `rabbitmq` and his directories; behind it are
# the scripts that run as anybody. Elsewhere the commands on the PATH are those scripts.
_DEBIAN_SCRIPTS = Path("/usr/lib/rabbitmq/bin")
_OTHER_SCRIPTS = ("/opt/homebrew/sbin", "/usr/local/sbin", "/usr/sbin", "/opt/rabbitmq/sbin")


class BrokerUnavailable(RuntimeError):
    """There is no RabbitMQ to be had; the message says what to install."""


class BrokerError(RuntimeError):
    """The node does not start, or refuses a command; the message has the end of its log."""


class BrokerInUse(BrokerError):
    """Another live process owns the data directory."""


def find_scripts() -> Path:
    """The directory with `rabbitmq-server` and `rabbitmqctl`; raises BrokerUnavailable."""
    on_path = shutil.which("rabbitmq-server")
    candidates = [_DEBIAN_SCRIPTS, *map(Path, _OTHER_SCRIPTS)]
    if on_path is not None:
        candidates.insert(1, Path(on_path).parent)
    for directory in candidates:
        if all((directory / name).exists() for name in ("rabbitmq-server", "rabbitmqctl")):
            return directory
    raise BrokerUnavailable(
        "no RabbitMQ on this machine: install `rabbitmq-server` "
        "(Debian: apt install rabbitmq-server; macOS: brew install rabbitmq)"
    )


def _find_epmd() -> str:
    """Erlang's port mapper, through which `rabbitmqctl` finds the node."""
    if (on_path := shutil.which("epmd")) is not None:
        return on_path
    erlang = shutil.which("erl")
    if erlang is not None:
        beside = Path(erlang).resolve().parent / "epmd"
        if beside.exists():
            return str(beside)
    raise BrokerUnavailable("RabbitMQ needs Erlang's `epmd`, which is not on the PATH")


class RabbitMQNode:
    """A single node that keeps name, ports, users and messages in `data_dir` across restarts.

    All methods block, the start for several seconds: from a coroutine, call them in a thread.
    """

    def __init__(
        self,
        data_dir: Path | str,
        port: int = 0,
        *,
        settings: Mapping[str, str] | None = None,
        plugins: Sequence[str] = (),
    ) -> None:
        """`port` 0 takes a free one at the first start and keeps it.

        `settings` are lines of rabbitmq.conf by name; `plugins` are enabled at every start.
        Another process may make an object on the directory of a running node, for `url` and `ctl`.
        """
        self.data_dir = Path(data_dir).expanduser().absolute()
        self.log = self.data_dir / "server.log"
        self._identity_file = self.data_dir / "node.json"
        self._lock = DirectoryLock(self.data_dir / "lock")
        self._fixed_port = port
        self._port_is_known = port != 0
        self._settings = dict(settings or {})
        self._plugins = list(plugins)
        self._log_begin = 0
        self._port_mapper: ChildProcess | None = None
        self._server: ChildProcess | None = None

    @property
    def name(self) -> str:
        return str(self._identity()["name"])

    @property
    def port(self) -> int:
        """The AMQP port; known from the first start on."""
        return int(self._identity()["port"])

    @property
    def pid(self) -> int | None:
        """The process id of the Erlang machine while this object runs it."""
        return self._server.pid if self._server is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        return self._server is not None and self._server.is_running

    def url(self, vhost: str = "/") -> str:
        """A URL with the password in it; the administrator's."""
        identity = self._identity()
        return f"amqp://{USER}:{identity['password']}@{HOST}:{identity['port']}/{quote(vhost, '')}"

    def start(self, timeout_s: float = 90) -> None:
        """Start the node and wait until it takes AMQP connections, 5 to 15 s.

        Raises BrokerUnavailable, BrokerInUse or BrokerError.
        """
        if self.is_running:
            return
        scripts, port_mapper = find_scripts(), _find_epmd()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except DirectoryInUse as error:
            raise BrokerInUse(str(error)) from None
        try:
            self._end_leftover()
            deadline = time.monotonic() + timeout_s
            for attempts_left in (2, 1, 0):
                if self._start(scripts, port_mapper, deadline):
                    self._port_is_known = True
                    return
                trouble = self._trouble()
                # Somebody took a free port between our look and the node's start; once clients
                # know the port it must stay.
                may_move = attempts_left and not self._port_is_known
                if not (may_move and "eaddrinuse" in trouble):
                    raise BrokerError(f"RabbitMQ did not start:\n{trouble}")
                self._stop_processes(timeout_s=10)
                self._renew_ports()
        except BaseException:
            self._stop_processes(timeout_s=5)
            self._lock.release()
            raise

    def stop(self, timeout_s: float = 30) -> None:
        """Shut down in order; what does not end in time is killed. The data stays."""
        self._stop_processes(timeout_s)
        self._lock.release()

    def restart(self, timeout_s: float = 90) -> None:
        self.stop()
        self.start(timeout_s)

    def kill(self) -> None:
        """SIGKILL to the node, in the middle of whatever it does."""
        if self._server is not None:
            # Its helpers end with the pipe they hold.
            self._server.send_signal_to_group(signal.SIGKILL)
            self._server.wait(timeout_s=10)
        self._lock.release()

    def suspend(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        if self._server is not None:
            self._server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)

    def ctl(self, *arguments: str, timeout_s: float = 60) -> str:
        """What `rabbitmqctl` prints for this node, without its decoration; raises BrokerError."""
        try:
            done = subprocess.run(
                [find_scripts() / "rabbitmqctl", "--quiet", "--node", self.name, *arguments],
                env=self._environment(),
                capture_output=True,
                check=False,
                text=True,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise BrokerError(f"rabbitmqctl {arguments[0]} did not end in {timeout_s} s") from None
        if done.returncode != 0:
            said = (done.stderr + done.stdout).strip()
            raise BrokerError(f"rabbitmqctl {' '.join(arguments)} failed: {said}")
        return done.stdout

    def make_vhost(self, name: str) -> str:
        """Add a virtual host of that name when it is missing; its URL."""
        self.ctl("add_vhost", name)
        self.ctl("set_permissions", "--vhost", name, USER, ".*", ".*", ".*")
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

    @property
    def _database(self) -> Path:
        return self.data_dir / "database"

    def _start(self, scripts: Path, port_mapper: str, deadline: float) -> bool:
        """False when the node gave up; what it said is in its logs."""
        self._write_configuration()
        environment = self._environment()
        if self._port_mapper is None or not self._port_mapper.is_running:
            # Started by us in the foreground; the daemon a node starts by itself outlives it.
            self._port_mapper = ChildProcess(
                [port_mapper, "-address", HOST, "-port", environment["ERL_EPMD_PORT"]],
                log=self.data_dir / "epmd.log",
                env=environment,
                cwd=self.data_dir,
            )
        self._log_begin = self.log.stat().st_size if self.log.exists() else 0
        self._server = ChildProcess(
            [scripts / "rabbitmq-server"], log=self.log, env=environment, cwd=self.data_dir
        )
        identity = self._identity() | {"pid": self._server.pid, "epmd_pid": self._port_mapper.pid}
        self._write_identity(identity)
        while self._server.is_running:
            if _answers_amqp(int(identity["port"])):
                return True
            if time.monotonic() > deadline:
                raise BrokerError(f"RabbitMQ is not ready in time:\n{self._trouble()}")
            time.sleep(0.1)
        return False

    def _stop_processes(self, timeout_s: float) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)
            self._server.stop(timeout_s)
            self._server = None
        if self._port_mapper is not None:
            self._port_mapper.stop(timeout_s=5)
            self._port_mapper = None

    def _trouble(self) -> str:
        """What a start that failed said: the causes come first, under pages of consequences."""
        said = self.log.read_bytes()[self._log_begin :].decode(errors="replace").splitlines()
        causes = [line for line in said if "error" in line.lower()][:12]
        return "\n".join([*causes, "...", *said[-6:]])

    def _end_leftover(self) -> None:
        """What outlived its owner is ended; a number that names somebody else is not touched."""
        if not self._identity_file.exists():
            return
        identity = self._identity()
        signs = {"pid": str(identity["name"]), "epmd_pid": f"-port {identity['epmd_port']}"}
        for key, sign in signs.items():
            pid = identity.get(key)
            if pid is not None and sign in (command_line(int(pid)) or ""):
                signal_pids([int(pid)], signal.SIGKILL)
                if not wait_until_gone([int(pid)], timeout_s=10):
                    raise BrokerError(f"process {pid} of {self.data_dir} does not end")

    def _identity(self) -> dict[str, Any]:
        if not self._identity_file.exists():
            raise BrokerError(f"{self.data_dir} has no node yet")
        identity: dict[str, Any] = json.loads(self._identity_file.read_text())
        return identity

    def _write_identity(self, identity: Mapping[str, Any]) -> None:
        unfinished = self._identity_file.with_suffix(".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(identity))
        unfinished.replace(self._identity_file)

    def _renew_ports(self) -> None:
        ports = {
            "port": self._fixed_port or free_port(HOST),
            "distribution_port": free_port(HOST),
            "epmd_port": free_port(HOST),
        }
        self._write_identity(self._identity() | ports)

    def _write_configuration(self) -> None:
        if not self._identity_file.exists():
            suffix = secrets.token_hex(4)
            # `localhost` resolves everywhere; the machine's own name may not.
            self._write_identity(
                {"name": f"fairway_{suffix}@localhost", "password": secrets.token_urlsafe(18)}
            )
            self._renew_ports()
        identity = self._identity()
        if self._fixed_port and identity["port"] != self._fixed_port:
            self._write_identity(identity | {"port": self._fixed_port})
            identity = self._identity()
        for directory in ("home", "database", "log"):
            (self.data_dir / directory).mkdir(exist_ok=True)
        settings = {
            "listeners.tcp.1": f"{HOST}:{identity['port']}",
            "default_user": USER,
            "default_pass": identity["password"],
            "log.console": "false",
        } | self._settings
        configuration = self.data_dir / "rabbitmq.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        (self.data_dir / "rabbitmq-env.conf").touch()
        plugins = ",".join(self._plugins)
        (self.data_dir / "enabled_plugins").write_text(f"[{plugins}].\n")

    def _environment(self) -> dict[str, str]:
        identity = self._identity()
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RABBITMQ_", "ERL_")) and name != "NOTIFY_SOCKET"
        }
        return inherited | {
            # The cookie that lets `rabbitmqctl` in lies in the home directory.
            "HOME": str(self.data_dir / "home"),
            "RABBITMQ_NODENAME": str(identity["name"]),
            "RABBITMQ_NODE_PORT": str(identity["port"]),
            "RABBITMQ_DIST_PORT": str(identity["distribution_port"]),
            "RABBITMQ_MNESIA_BASE": str(self._database),
            "RABBITMQ_LOG_BASE": str(self.data_dir / "log"),
            "RABBITMQ_SCHEMA_DIR": str(self.data_dir / "schema"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.data_dir / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.data_dir / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.data_dir / "rabbitmq-env.conf"),
            "ERL_EPMD_PORT": str(identity["epmd_port"]),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_CRASH_DUMP_SECONDS": "0",
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # The script becomes the Erlang machine instead of waiting for it as a parent, so the
            # process id we hold is the one to kill, and SIGTERM to it is an orderly stop.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def _answers_amqp(port: int) -> bool:
    """Whether the broker greets: it opens its listeners last, when users and queues are there."""
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            connection.settimeout(5)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            # A method frame on channel 0: connection.start.
            return connection.recv(3) == b"\x01\x00\x00"
    except OSError:
        return False
