"""Holds one server of a test run: `python -m common.testing.keeper <kind> <directory> <owner pid>`.

A process of its own because no test process can own the server: workers come and go, and the
owner may be killed before it can clean up.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

from common.embedded_postgres import EmbeddedPostgres, PostgresUnavailable
from common.private_rabbitmq import BrokerUnavailable, RabbitMQNode

POSTGRES_IMAGE = "postgres:18"
BROKER_IMAGE = "rabbitmq:4-management"

_ENGINE_ANSWERS_WITHIN_S = 2
_PULL_BEGINS_WITHIN_S = 6
_PULL_STALLS_AFTER_S = 60


class NoContainers(RuntimeError):
    """The container engine is missing, silent, or without the image."""


def main(kind: str, directory: Path, owner_pid: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Warnings of the container libraries are for their developers.
    warnings.simplefilter("ignore")
    data_dir = directory / kind
    state_file = directory / f"{kind}.json"
    try:
        with contextlib.ExitStack() as held:
            try:
                start = _start_postgres if kind == "postgres" else _start_broker
                state = start(data_dir, held)
            except Exception as error:  # noqa: BLE001 - the waiting test says it, whatever it is
                _write(state_file, {"error": f"{type(error).__name__}: {error}"})
                return
            _write(state_file, state)
            _wait_for_the_end_of(owner_pid)
            # The owner was killed, or it would have stopped us.
            state_file.unlink(missing_ok=True)
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
        if not any(path.is_dir() for path in directory.glob("*")) and not _is_alive(owner_pid):
            shutil.rmtree(directory, ignore_errors=True)


def _write(state_file: Path, state: dict[str, Any]) -> None:
    unfinished = state_file.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(state))
    unfinished.replace(state_file)


def _start_postgres(data_dir: Path, held: contextlib.ExitStack) -> dict[str, Any]:
    if _may_use("containers"):
        try:
            return _postgres_container(held)
        except NoContainers as reason:
            _only_containers_will_do(reason, PostgresUnavailable)
    server = held.enter_context(EmbeddedPostgres(data_dir, fast=True))
    return {"url": server.url(), "source": "installed"}


def _start_broker(data_dir: Path, held: contextlib.ExitStack) -> dict[str, Any]:
    if _may_use("containers"):
        try:
            return _broker_container(held)
        except NoContainers as reason:
            _only_containers_will_do(reason, BrokerUnavailable)
    try:
        node = held.enter_context(RabbitMQNode(data_dir))
    except BrokerUnavailable as error:
        raise BrokerUnavailable(
            f"{error}; or start a container engine that has the image {BROKER_IMAGE}; "
            "or set TEST_AMQP_URL"
        ) from None
    return {"url": node.url(), "source": "installed", "data_dir": str(data_dir)}


def _may_use(source: str) -> bool:
    choice = os.environ.get("FAIRWAY_TEST_SERVERS", "")
    if choice not in ("", "containers", "installed"):
        raise ValueError(f"FAIRWAY_TEST_SERVERS={choice!r} is neither containers nor installed")
    return choice in ("", source)


def _only_containers_will_do(reason: NoContainers, unavailable: type[Exception]) -> None:
    if not _may_use("installed"):
        raise unavailable(f"FAIRWAY_TEST_SERVERS=containers, but {reason}") from None


def _postgres_container(held: contextlib.ExitStack) -> dict[str, Any]:
    _require_image(POSTGRES_IMAGE)
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(
        POSTGRES_IMAGE, username="postgres", password="postgres", dbname="postgres", driver=None
    ).with_command(
        "postgres -c fsync=off -c full_page_writes=off -c max_connections=300 -c jit=off"
    )
    # As the embedded server does, so that both sort alike where both can.
    container.with_env("POSTGRES_INITDB_ARGS", "--locale-provider=icu --icu-locale=und")
    held.enter_context(_started(container))
    host, port = _address(container, 5432)
    url = f"postgresql://postgres:postgres@{host}:{port}/postgres"
    return {"url": url, "source": "containers"}


def _broker_container(held: contextlib.ExitStack) -> dict[str, Any]:
    _require_image(BROKER_IMAGE)
    from testcontainers.community.rabbitmq import RabbitMqContainer

    container = RabbitMqContainer(BROKER_IMAGE, port=5672, username="fairway", password="fairway")
    container.with_exposed_ports(15672)
    held.enter_context(_started(container))
    host, port = _address(container, 5672)
    _, management = _address(container, 15672)
    return {
        "url": f"amqp://fairway:fairway@{host}:{port}/{quote('/', '')}",
        "management_url": f"http://fairway:fairway@{host}:{management}",
        "source": "containers",
    }


def _address(container: Any, port: int) -> tuple[str, int]:
    """Loopback where the published port answers there, else what the library makes of it."""
    published = container.get_exposed_port(port)
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", published), 1):
        return "127.0.0.1", published
    return container.get_container_host_ip(), published


@contextlib.contextmanager
def _started(container: Any) -> Any:
    try:
        container.start()
        yield
    finally:
        container.stop()


def _require_image(image: str) -> None:
    """Raises NoContainers within seconds when there is no engine or it cannot get the image."""
    try:
        import docker  # type: ignore[import-untyped]  # it ships no types
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.docker_client import DockerClient
    except ImportError as error:
        raise NoContainers(f"{error.name} is not installed") from None
    testcontainers_config.sleep_time = 0.2
    testcontainers_config.max_tries = 300
    try:
        engine = DockerClient(timeout=_ENGINE_ANSWERS_WITHIN_S).client
        engine.ping()
    except Exception as error:  # noqa: BLE001 - the libraries raise what their transports raise
        raise NoContainers(f"no container engine answers ({type(error).__name__})") from None
    # We clean up ourselves; the reaper is a second pair of hands where its image is at hand.
    if not _has_image(engine, docker, testcontainers_config.ryuk_image):
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    if not _has_image(engine, docker, image):
        _pull(image)


def _has_image(engine: Any, docker: Any, image: str) -> bool:
    try:
        engine.images.get(image)
    except docker.errors.APIError:
        return False
    return True


def _pull(image: str) -> None:
    """Pull while something arrives; a registry that cannot be reached is given up soon."""
    import docker

    repository, _, tag = image.partition(":")
    last_sign = time.monotonic()
    has_begun = False
    outcome: list[Exception | None] = []

    def pull() -> None:
        nonlocal last_sign, has_begun
        try:
            client = docker.from_env(timeout=_PULL_STALLS_AFTER_S).api
            for sign in client.pull(repository, tag=tag, stream=True, decode=True):
                last_sign = time.monotonic()
                # The engine says "Pulling from" before it has asked anybody.
                has_begun = has_begun or "progressDetail" in sign
                if "error" in sign:
                    raise NoContainers(sign["error"])
            outcome.append(None)
        except Exception as error:  # noqa: BLE001 - handed to the waiting thread
            outcome.append(error)

    threading.Thread(target=pull, daemon=True).start()
    while not outcome:
        patience = _PULL_STALLS_AFTER_S if has_begun else _PULL_BEGINS_WITHIN_S
        if time.monotonic() - last_sign > patience:
            raise NoContainers(f"the container engine cannot get {image}")
        time.sleep(0.05)
    if outcome[0] is not None:
        raise NoContainers(f"the container engine cannot get {image}: {outcome[0]}")


def _wait_for_the_end_of(pid: int) -> None:
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(ProcessLookupError):
            process = os.pidfd_open(pid)
            select.select([process], [], [])
        return
    while _is_alive(pid):
        time.sleep(0.5)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
