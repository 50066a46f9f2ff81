"""`python -m <service> …`: the commands that every service has, for operators and deployments.

Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 not ready.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any
from uuid import UUID

import structlog
import typer
import uvicorn
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from common import api_files, operations, telemetry
from common.audit.commands import audit_cli
from common.audit.verify import records_of
from common.database_roles import PowerfulRole, refuse_powerful_role
from common.db import Database
from common.messaging.consumers import Consumers, ConsumersTable
from common.messaging.rabbitmq import declare
from common.messaging.topology import Subscription
from common.migrations import current_revision, draft, head_of, is_usable, schema_state, upgrade
from common.settings import ServiceSettings
from common.worker import Worker

NOT_READY = 3
GRACE_S = 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """What a service's `__main__.py` hands over."""

    package: str
    settings: Callable[..., ServiceSettings]
    create_app: Callable[..., FastAPI]
    create_worker: Callable[..., Worker]
    events: ModuleType
    consumers: ConsumersTable
    migrations: Path
    on_setup: Callable[[ServiceSettings], Coroutine[Any, Any, None]] | None = None
    """What `setup` does after it has migrated; it may run any number of times."""
    commands: Mapping[str, typer.Typer] = field(default_factory=dict)
    """Commands of the service's own, by their name."""


def run(entry: ServiceEntry) -> None:
    """Run the command line of a service."""
    service_cli(entry)()


def service_cli(entry: ServiceEntry) -> typer.Typer:
    """The commands of one service."""
    cli = typer.Typer(no_args_is_help=True, add_completion=False, help=f"Fairway {entry.package}")
    consumers = Consumers(entry.package, entry.consumers)
    subscription = consumers.subscription

    def database() -> Database:
        return Database(entry.package, entry.settings().dsn, pooled=False)

    def broker() -> str:
        url = entry.settings().amqp_url
        if url is None:
            raise typer.BadParameter("AMQP_URL is not set")
        return url.get_secret_value()

    @cli.command()
    def api() -> None:
        """Serve the HTTP API."""
        settings = entry.settings()
        telemetry.configure_logging(entry.package, settings.log_level)
        _check_role(entry.package, settings)
        _ApiServer(
            uvicorn.Config(
                entry.create_app(),
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                # The app itself knows which proxies it believes.
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_S,
                limit_concurrency=settings.concurrency_limit,
            )
        ).run()
        telemetry.flush()

    @cli.command()
    def worker() -> None:
        """Relay, consume, keep time; with health and metrics on PORT."""
        settings = entry.settings()
        telemetry.configure_logging(entry.package, settings.log_level)
        _check_role(entry.package, settings)
        asyncio.run(_serve_worker(entry.create_worker(), settings))
        telemetry.flush()

    @cli.command()
    def migrate(
        check: Annotated[bool, typer.Option(help="Only look; exit 3 when not at head")] = False,
    ) -> None:
        """Bring the database to the newest schema."""
        dsn = entry.settings().dsn
        if check:
            revision, head = asyncio.run(current_revision(dsn)), head_of(entry.migrations)
            _talk(f"at {revision}, head is {head}")
            raise typer.Exit(0 if is_usable(revision, entry.migrations) else NOT_READY)
        asyncio.run(upgrade(dsn, entry.migrations))
        _talk(f"{entry.package}: at {head_of(entry.migrations)}")

    @cli.command()
    def draft_migration(message: str) -> None:
        """Write a migration for what the mapped classes have and the database lacks."""
        made = asyncio.run(draft(entry.settings().dsn, entry.migrations, message))
        _talk(f"{made}: read it and mend it")

    @cli.command()
    def topology() -> None:
        """Declare the exchanges, queues and bindings on the broker."""
        asyncio.run(declare(broker(), subscription))
        _talk(f"{entry.package}: topology declared")

    @cli.command()
    def setup() -> None:
        """Migrate, and declare the topology where there is a broker: once before a start."""
        settings = entry.settings()
        asyncio.run(upgrade(settings.dsn, entry.migrations))
        if entry.on_setup is not None:
            asyncio.run(entry.on_setup(settings))
        if settings.amqp_url is not None:
            asyncio.run(declare(settings.amqp_url.get_secret_value(), subscription))
        _talk(f"{entry.package}: ready to start")

    @cli.command()
    def openapi() -> None:
        """Print the HTTP promise."""
        sys.stdout.write(api_files.as_text(api_files.openapi_of(entry.create_app())))

    @cli.command()
    def asyncapi() -> None:
        """Print the event promise."""
        document = api_files.asyncapi_of(entry.package, entry.events, consumers)
        sys.stdout.write(api_files.as_text(document))

    cli.add_typer(messaging_cli(database, broker, lambda: subscription))
    cli.add_typer(audit_cli(database, lambda: records_of(entry.package)), name="audit")
    for name, commands in entry.commands.items():
        cli.add_typer(commands, name=name)
    return cli


def messaging_cli(
    database: Callable[[], Database],
    broker: Callable[[], str],
    subscription: Callable[[], Subscription],
) -> typer.Typer:
    """The commands over outbox, parking lot, dead letters and replay."""
    cli = typer.Typer()

    def with_database(act: Callable[[Database], Coroutine[Any, Any, Any]]) -> Any:
        async def go() -> Any:
            held = database()
            try:
                return await act(held)
            finally:
                await held.close()

        return asyncio.run(go())

    outbox = typer.Typer(no_args_is_help=True, help="Events the bus has not confirmed")
    cli.add_typer(outbox, name="outbox")

    @outbox.command("ls")
    def outbox_ls(limit: int = 50) -> None:
        """List pending events, oldest first."""
        _print(with_database(lambda held: operations.list_outbox(held, limit)))

    @outbox.command("unblock")
    def outbox_unblock() -> None:
        """Try refused events again now."""
        _print({"unblocked": with_database(operations.unblock_outbox)})

    parked = typer.Typer(no_args_is_help=True, help="Events received and not applied")
    cli.add_typer(parked, name="parked")

    @parked.command("ls")
    def parked_ls(state: list[str] | None = None, limit: int = 50) -> None:
        """List what waits: gap, retry, dead, unsupported."""
        _print(with_database(lambda held: operations.list_parked(held, states=state, limit=limit)))

    @parked.command("show")
    def parked_show(event_id: UUID) -> None:
        """Show one parked event with its reason."""
        _print(with_database(lambda held: operations.list_parked(held, event_id=event_id)))

    @parked.command("redrive")
    def parked_redrive(
        event_ids: list[UUID] | None = None,
        all_dead: Annotated[bool, typer.Option(help="Everything that is dead")] = False,
        limit: int = 1000,
        yes: Annotated[bool, typer.Option(help="Do it; without, only say what would be")] = False,
    ) -> None:
        """Put parked events back on the retry schedule."""

        async def act(held: Database) -> Any:
            ids = list(event_ids or [])
            if all_dead:
                dead = await operations.list_parked(held, states=["dead"], limit=limit)
                ids += [row["event_id"] for row in dead]
            if not yes:
                return {"would_redrive": ids}
            return {"redriven": await operations.redrive_parked(held, ids)}

        _print(with_database(act))

    @parked.command("skip")
    def parked_skip(
        event_ids: list[UUID],
        reason: Annotated[str, typer.Option(help="Why the effect is given up")],
        yes: bool = False,
    ) -> None:
        """Pass over parked events for good, so that their aggregates go on."""
        if not yes:
            _print({"would_skip": event_ids})
            return
        _print(
            {
                "skipped": with_database(
                    lambda held: operations.skip_parked(held, event_ids, reason=reason)
                )
            }
        )

    dlq = typer.Typer(no_args_is_help=True, help="Messages that could not even be stored")
    cli.add_typer(dlq, name="dlq")

    @dlq.command("peek")
    def dlq_peek(limit: int = 20) -> None:
        """Look at dead letters and why they died; all stay."""
        _print(
            [
                asdict(item)
                for item in asyncio.run(operations.peek_dead(broker(), subscription(), limit))
            ]
        )

    @dlq.command("redrive")
    def dlq_redrive(limit: int = 1000, yes: bool = False) -> None:
        """Move dead letters back to the inbox queue."""
        if not yes:
            found = asyncio.run(operations.peek_dead(broker(), subscription(), limit))
            _print({"would_move": len(found)})
            return

        def act(held: Database) -> Coroutine[Any, Any, Any]:
            return operations.redrive_dead(broker(), subscription(), limit=limit, database=held)

        _print({"moved": with_database(act)})

    @dlq.command("discard")
    def dlq_discard(
        reason: Annotated[str, typer.Option(help="Why they are given up")],
        limit: int = 1000,
        yes: bool = False,
    ) -> None:
        """Remove dead letters for good."""
        if not yes:
            found = asyncio.run(operations.peek_dead(broker(), subscription(), limit))
            _print({"would_discard": len(found)})
            return

        def act(held: Database) -> Coroutine[Any, Any, Any]:
            return operations.discard_dead(
                broker(), subscription(), held, limit=limit, reason=reason
            )

        _print({"discarded": with_database(act)})

    @cli.command()
    def replay(
        since: Annotated[datetime, typer.Option(help="Events recorded from this moment, UTC")],
        aggregate: Annotated[list[str] | None, typer.Option(help="As sales.quote")] = None,
        limit: int = 1_000_000,
        yes: bool = False,
    ) -> None:
        """Send events of the log again; consumers pass over what they have applied."""

        def act(held: Database) -> Coroutine[Any, Any, Any]:
            return operations.republish(
                held,
                since=since if since.tzinfo else since.replace(tzinfo=UTC),
                aggregates=aggregate,
                limit=limit,
                dry_run=not yes,
            )

        _print({"republished" if yes else "would_republish": with_database(act)})

    return cli


def _check_role(service: str, settings: ServiceSettings) -> None:
    """In production a service does not start as a role that walls do not hold; elsewhere it says so."""
    try:
        asyncio.run(refuse_powerful_role(settings.dsn))
    except PowerfulRole as reason:
        if settings.environment == "production":
            _talk(f"{service}: {reason}")
            raise typer.Exit(NOT_READY) from None
        log.warning("the database's walls do not hold this role", service=service, why=str(reason))


class _ApiServer(uvicorn.Server):
    """A server whose process ends by itself when it has drained, with exit code 0.

    uvicorn raises the signal again at the end, which would kill the process before it has sent
    its last spans.
    """

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        with _signals_taken(lambda number: self.handle_exit(number, None)):
            yield


class _HealthServer(uvicorn.Server):
    """A server that leaves the signals to the worker whose health it tells."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@contextmanager
def _signals_taken(end: Callable[[int], None]) -> Generator[None]:
    """Call `end` for SIGTERM and SIGINT while the block lasts."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _serve_worker(worker: Worker, settings: ServiceSettings) -> None:
    """Work until a signal says to stop; a second one stops without draining."""
    stop = asyncio.Event()
    server = _HealthServer(
        uvicorn.Config(
            _health_app(worker, stop),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
    serving = asyncio.create_task(server.serve())
    working = asyncio.create_task(worker.run(stop))

    def end(_: int) -> None:
        if stop.is_set():
            working.cancel()
        stop.set()

    with _signals_taken(end):
        await asyncio.wait({working})
        server.should_exit = True
        await serving
    if not working.cancelled():
        working.result()


def _health_app(worker: Worker, stop: asyncio.Event) -> Starlette:
    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(request: Request) -> Response:
        state = await schema_state(worker.database, worker.migrations)
        is_ready = state == "at head" and not stop.is_set()
        body: dict[str, Any] = {"status": "ready" if is_ready else "not ready"}
        if "verbose" in request.query_params:
            body["checks"] = {
                "database": state,
                "consuming": worker.consuming.is_set(),
                "draining": stop.is_set(),
            }
        return JSONResponse(body, 200 if is_ready else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/livez", live), Route("/readyz", ready), Route("/metrics", metrics)]
    )


def _print(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def _talk(words: str) -> None:
    sys.stderr.write(words + "\n")
