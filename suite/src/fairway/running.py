"""`fairway up`: start everything, say where it is, and stop it in order."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import uvicorn
from rich.console import Console
from starlette.types import ASGIApp

from common import telemetry
from common.local_processes import port_is_free
from fairway import one_process, processes, signing_in
from fairway.database import DatabaseServer
from fairway.demo import accounts
from fairway.front import Front
from fairway.home import Running, forget_running, home, write_running
from fairway.services import load

if TYPE_CHECKING:
    from pydantic import SecretStr

DEFAULT_PORT = 8080
MOST_PORTS_TRIED = 200
HOST = "127.0.0.1"

FillDemo = Callable[[str, Console], Awaitable[None]]


class NoFreePort(RuntimeError):
    """None of the ports after the wanted one is free."""


@dataclass(frozen=True, slots=True)
class Start:
    """How the suite is to be started."""

    demo: bool
    as_processes: bool
    sign_in: bool = True
    """Whether every call needs a token; without, everybody on this machine may do everything."""
    in_background: bool = False
    """Whether nobody reads what is said here, and whoever started it tells the person."""


def choose_port(console: Console) -> int:
    """FAIRWAY_PORT, or the next free one after it, which is then said."""
    wanted = int(os.environ.get("FAIRWAY_PORT", DEFAULT_PORT))
    for port in range(wanted, wanted + MOST_PORTS_TRIED):
        if port_is_free(port, HOST):
            if port != wanted:
                console.print(f"Port {wanted} is taken; using {port}.")
            return port
    raise NoFreePort(f"no free port from {wanted} to {wanted + MOST_PORTS_TRIED - 1}")


async def run(start: Start, console: Console, fill_demo: FillDemo) -> None:
    """Run the suite until SIGINT or SIGTERM, then drain it."""
    began = time.monotonic()
    telemetry.configure_logging("suite", os.environ.get("LOG_LEVEL", "WARNING"))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    home().mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        server = DatabaseServer()
        await server.start()
        stack.push_async_callback(server.stop)
        entries = load()
        await server.prepare(entries)
        port = choose_port(console)
        url = f"http://{HOST}:{port}"
        if start.sign_in:
            signing_in.configure(url)
        else:
            signing_in.leave_open()
        amqp_url = os.environ.get("AMQP_URL")
        backends: Mapping[str, ASGIApp]
        if start.as_processes:
            amqp_url = await stack.enter_async_context(processes.broker())
            backends = await stack.enter_async_context(processes.apps(entries, server, amqp_url))
        else:
            backends = await stack.enter_async_context(one_process.apps(entries, server))
        await stack.enter_async_context(_Serving(Front(backends), port))
        await _until_ready(url, stop)
        password = None
        if signing_in.issues_tokens(url) and not stop.is_set():
            bootstrapped = await signing_in.prepare(server.url("channel"))
            password = bootstrapped.password
            await signing_in.until_known(url)
        if start.demo and not stop.is_set():
            await fill_demo(url, console)
        if start.in_background and password is not None:
            signing_in.hand_over(password)
        running = Running(
            pid=os.getpid(),
            url=url,
            mode="processes" if start.as_processes else "one process",
            databases={entry.package: server.url(entry.package) for entry in entries},
            amqp_url=amqp_url,
            issues_tokens=signing_in.issues_tokens(url),
        )
        write_running(running)
        stack.callback(forget_running)
        took_s = time.monotonic() - began
        console.print(f"\n[bold]Fairway runs[/bold] (ready after {took_s:.1f} s)\n")
        if not start.in_background:
            welcome(console, running, start, password)
            console.print("Ctrl-C stops it.\n")
        await stop.wait()
        console.print("Stopping: finishing what is under way …")
    telemetry.flush()
    console.print("Stopped. The data stays in " + str(home()))


class _Serving:
    """The front's HTTP server, while the block lasts."""

    def __init__(self, front: Front, port: int) -> None:
        proxies = os.environ.get("FAIRWAY_TRUSTED_PROXIES", "")
        self._server = uvicorn.Server(
            uvicorn.Config(
                front,
                host=HOST,
                port=port,
                log_config=None,
                access_log=False,
                server_header=False,
                # Nobody's word about a client's address is believed unless this says whose.
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies,
                lifespan="off",
                timeout_graceful_shutdown=10,
            )
        )

    async def __aenter__(self) -> None:
        # Signals end the suite as a whole, not its HTTP server alone.
        self._task = asyncio.create_task(self._server._serve())

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        await self._task


async def _until_ready(url: str, stop: asyncio.Event) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=10) as client:
        for _ in range(600):
            if stop.is_set():
                return
            try:
                if (await client.get("/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise TimeoutError("the services did not become ready; see the logs above")


def welcome(console: Console, running: Running, start: Start, password: "SecretStr | None") -> None:
    """Tell a person where everything is, how to sign in, and what to do next.

    `password` is the first administrator's, where it was made up at this start: it is shown here
    and never again.
    """
    database = "your server" if os.environ.get("DATABASE_URL") else "embedded PostgreSQL"
    lines = [
        ("Dashboard", f"{running.url}/reporting/dashboard"),
        ("API", f"{running.url}/docs"),
        ("Events", f"{running.url}/events"),
        ("Metrics", f"{running.url}/metrics"),
        ("Data", f"{home()} ({database})"),
    ]
    for name, value in lines:
        console.print(f"  {name:<10} {value}", highlight=False, soft_wrap=True)
    console.print()
    if not start.sign_in:
        console.print(
            "[bold red]Open mode:[/bold red] nobody is asked who they are. It listens on this"
            " machine only, and everybody on it is the operator."
        )
    elif running.issues_tokens:
        _say_who(console, start, password)
    else:
        console.print(f"Sign in at [bold]{os.environ['FAIRWAY_ISSUER']}[/bold]", highlight=False)
    follow = "demo lead-to-cash" if start.demo else "import PATH --mapping NAME"
    console.print(f"Next: [bold]{command()} {follow}[/bold]")


def _say_who(console: Console, start: Start, password: "SecretStr | None") -> None:
    name = signing_in.FIRST_ADMINISTRATOR
    if password is not None:
        console.print(
            f"Sign in as [bold]{name}[/bold] with the password"
            f" [bold]{password.get_secret_value()}[/bold]  (shown this once)",
            highlight=False,
            soft_wrap=True,
        )
    else:
        console.print(
            f"Sign in as [bold]{name}[/bold]; another password: [bold]{command()} password[/bold]",
            highlight=False,
            soft_wrap=True,
        )
    demo_password = accounts.kept_password()
    if start.demo and demo_password is not None:
        names = ", ".join(account.username for account in accounts.ACCOUNTS)
        console.print(
            f"or with [bold]{demo_password}[/bold] as one of {names}"
            f" ([bold]{command()} demo accounts[/bold] says what each sees)",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"A token for the API: [bold]TOKEN=$({command()} token)[/bold]", highlight=False)


def command() -> str:
    """How the person called the command, for texts that tell the next one."""
    name = sys.argv[0]
    return ".venv/bin/fairway" if name.endswith(".venv/bin/fairway") else "fairway"
