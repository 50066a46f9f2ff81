"""The `fairway` command.

Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 not ready, 4 partial.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from common import operations
from common.audit.commands import audit_cli
from common.audit.verify import records_of
from common.cli import messaging_cli
from common.db import Database
from common.embedded_postgres import PostgresUnavailable, find_binaries
from common.local_processes import wait_until_gone
from common.messaging.consumers import Consumers
from common.messaging.topology import Subscription
from common.migrations import current_revision, head_of
from common.private_rabbitmq import BrokerUnavailable, find_scripts
from fairway import demo, importing, running, signing_in
from fairway.database import DatabaseServer
from fairway.home import Running, home, read_running
from fairway.services import PACKAGES, load, load_one, path_of

NOT_READY = 3
STOP_WITHIN_S = 60
READY_WITHIN_S = 180

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Fairway on this machine.")
talk = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="For machines: JSON on stdout")]


@app.command()
def up(
    with_demo: Annotated[
        bool, typer.Option("--demo/--empty", help="Fill an empty suite with demo data")
    ] = False,
    detach: Annotated[bool, typer.Option(help="Return when it runs, and leave it running")] = False,
    as_processes: Annotated[
        bool,
        typer.Option("--processes", help="Each service as its own processes, over RabbitMQ"),
    ] = False,
    sign_in: Annotated[
        bool,
        typer.Option(
            "--sign-in/--open",
            help="Whether every call needs a token; open, everybody here is the operator",
        ),
    ] = True,
    in_background: Annotated[bool, typer.Option("--in-background", hidden=True)] = False,
) -> None:
    """Start the suite; what it stored last time is there again."""
    already = read_running()
    if already is not None:
        talk.print(f"It runs already: {already.url}")
        if already.issues_tokens:
            # Also the first password, where whoever started it went before it was ready.
            start = running.Start(with_demo, as_processes)
            running.welcome(talk, already, start, signing_in.take_over())
        raise typer.Exit(0)
    start = running.Start(with_demo, as_processes, sign_in, in_background)
    if detach:
        _start_detached(start)
        return
    try:
        asyncio.run(running.run(start, talk, demo.fill))
    except (PostgresUnavailable, BrokerUnavailable, running.NoFreePort, TimeoutError) as error:
        talk.print(f"[red]It did not start:[/red] {error}")
        raise typer.Exit(1) from None


def _start_detached(start: running.Start) -> None:
    home().mkdir(parents=True, exist_ok=True)
    log = home() / "suite.log"
    arguments = [argument for argument in sys.argv[1:] if argument != "--detach"]
    arguments.append("--in-background")
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "fairway", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        found = read_running()
        if found is not None:
            talk.print(f"[bold]Fairway runs[/bold] in the background (log: {log})\n")
            running.welcome(talk, found, start, signing_in.take_over())
            talk.print(f"[bold]{running.command()} down[/bold] stops it.\n")
            return
        if child.poll() is not None:
            talk.print(f"[red]It did not start[/red]; the end of {log}:")
            talk.print("".join(log.read_text(errors="replace").splitlines(True)[-15:]))
            raise typer.Exit(1)
        time.sleep(0.2)
    talk.print(f"[red]Not ready after {READY_WITHIN_S} s[/red]; see {log}")
    raise typer.Exit(NOT_READY)


@app.command()
def down() -> None:
    """Stop the suite that runs from this folder; its data stays."""
    found = read_running()
    if found is None:
        talk.print("It does not run.")
        return
    os.kill(found.pid, signal.SIGTERM)
    if not wait_until_gone([found.pid], STOP_WITHIN_S):
        talk.print(f"[red]Process {found.pid} has not ended after {STOP_WITHIN_S} s.[/red]")
        raise typer.Exit(1)
    talk.print("Stopped.")


@app.command()
def status(as_json: Json = False) -> None:
    """Say what runs and what waits; exit 3 when it does not run or is not ready."""
    found = read_running()
    if found is None:
        _answer({"running": False}, as_json, "It does not run.")
        raise typer.Exit(NOT_READY)
    facts = asyncio.run(_status(found))
    if as_json:
        _print(facts)
    else:
        _show_status(facts)
    raise typer.Exit(0 if facts["ready"] else NOT_READY)


async def _status(found: Running) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=found.url, timeout=15) as client:
        try:
            ready = (await client.get("/readyz?verbose")).json()
        except httpx.HTTPError as error:
            ready = {"status": f"no answer: {error}", "services": {}}
    services = {}
    for package in PACKAGES:
        database = Database(package, found.databases[package], pooled=False)
        try:
            services[path_of(package)] = {
                **ready.get("services", {}).get(path_of(package), {}),
                **await operations.levels(database),
            }
        finally:
            await database.close()
    return {
        "running": True,
        "ready": ready["status"] == "ready",
        "url": found.url,
        "pid": found.pid,
        "mode": found.mode,
        "home": str(home()),
        "services": services,
    }


def _show_status(facts: dict[str, Any]) -> None:
    Console().print(f"{facts['url']}  {facts['mode']}, pid {facts['pid']}", highlight=False)
    table = Table("service", "state", "to send", "oldest", "waiting", "parked", box=None)
    for name, service in facts["services"].items():
        table.add_row(
            name,
            service.get("status", "?"),
            str(service["outbox_pending"]),
            f"{service['outbox_oldest_s']:.0f} s",
            str(service["inbox_waiting"]),
            str(service["inbox_dead"]),
        )
    Console().print(table)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look at this machine: what the suite needs and whether it is there."""
    checks = {
        "python": sys.version.split()[0],
        "postgresql": _try(lambda: str(find_binaries()[0].postgres)),
        "rabbitmq (for --processes)": _try(lambda: str(find_scripts())),
        "home": str(home()),
        "running": (found := read_running()) is not None and found.url,
    }
    lines = "\n".join(f"{name:<28} {value}" for name, value in checks.items())
    _answer(checks, as_json, lines)


def _try(look: Any) -> str:
    try:
        found: str = look()
    except (PostgresUnavailable, BrokerUnavailable, IndexError) as error:
        return f"missing: {error}"
    return found


@app.command()
def migrate(
    check: Annotated[bool, typer.Option(help="Only look; exit 3 when not at head")] = False,
    as_json: Json = False,
) -> None:
    """Bring the databases of all services to their newest schema."""
    states = asyncio.run(_migrate(check))
    words = "\n".join(f"{name:<14} {state}" for name, state in states.items())
    _answer(states, as_json, words)
    if any(state != "at head" for state in states.values()):
        raise typer.Exit(NOT_READY)


async def _migrate(check: bool) -> dict[str, str]:
    entries = load()
    found = read_running()
    server = DatabaseServer()
    if found is None:
        await server.start()
    try:
        if not check and found is None:
            await server.prepare(entries)
        states = {}
        for entry in entries:
            url = found.databases[entry.package] if found else server.owner_url(entry.package)
            revision, head = await current_revision(url), head_of(entry.migrations)
            states[entry.package] = "at head" if revision == head else f"at {revision}, not {head}"
        return states
    finally:
        await server.stop()


def _the_running() -> Running:
    found = read_running()
    if found is None:
        talk.print("It does not run; start it with: fairway up")
        raise typer.Exit(NOT_READY)
    return found


_chosen: dict[str, str] = {}


@app.callback()
def choose(
    service: Annotated[
        str | None,
        typer.Option(
            "--service",
            "-s",
            help="For outbox, parked, dlq, replay and audit: whose; one of "
            + ", ".join(path_of(package) for package in PACKAGES),
        ),
    ] = None,
) -> None:
    """Fairway on this machine."""
    if service is None:
        return
    package = service.replace("-", "_")
    if package not in PACKAGES:
        raise typer.BadParameter(f"{service!r} is not a service")
    _chosen["package"] = package


def _package() -> str:
    if "package" not in _chosen:
        raise typer.BadParameter("say whose: fairway --service sales …")
    return _chosen["package"]


def _database() -> Database:
    package = _package()
    return Database(package, _the_running().databases[package], pooled=False)


def _broker() -> str:
    url = _the_running().amqp_url
    if url is None:
        talk.print("The suite runs without a broker: there are no dead letters, see `parked`.")
        raise typer.Exit(NOT_READY)
    return url


def _subscription() -> Subscription:
    entry = load_one(_package())
    return Consumers(entry.package, entry.consumers).subscription


def _records() -> list[str]:
    return records_of(load_one(_package()).package)


app.add_typer(messaging_cli(_database, _broker, _subscription))
app.add_typer(audit_cli(_database, _records), name="audit")

projections = typer.Typer(no_args_is_help=True, help="The read models of reporting")
app.add_typer(projections, name="projections")


@projections.command("rebuild")
def rebuild(
    yes: Annotated[bool, typer.Option(help="Do it; without, only say what would be")] = False,
) -> None:
    """Make all facts and rollups anew from the event log."""
    url = _the_running().url
    if not yes:
        talk.print("Would empty and rebuild every projection; say --yes to do it.")
        return
    answer = httpx.post(
        f"{url}/reporting/v1/projections:rebuild",
        timeout=3600,
        auth=signing_in.CommandSignIn(url),
    )
    _print(answer.json())
    raise typer.Exit(0 if answer.is_success else 1)


@app.command()
def token(
    url: Annotated[
        str | None, typer.Option(help="A gateway elsewhere, as http://localhost:8080")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print an access token; good for five minutes, for everything the commands may do."""
    base_url = url or _the_running().url
    credentials = signing_in.credentials_for(base_url)
    if credentials is None:
        talk.print(
            "There is no client to ask as: nobody is asked for tokens there, or FAIRWAY_CLIENT_ID"
            " and FAIRWAY_CLIENT_SECRET are missing."
        )
        raise typer.Exit(NOT_READY)
    with httpx.Client(timeout=15) as client:
        answer = client.send(signing_in.token_request(base_url, *credentials))
    if not answer.is_success:
        talk.print(f"[red]No token:[/red] {answer.status_code} {answer.text}")
        raise typer.Exit(1)
    _answer(answer.json(), as_json, answer.json()["access_token"])


@app.command()
def password(
    username: Annotated[str, typer.Argument(help="Whose account")] = signing_in.FIRST_ADMINISTRATOR,
    url: Annotated[
        str | None, typer.Option(help="A gateway elsewhere, as http://localhost:8080")
    ] = None,
) -> None:
    """Give somebody another password, and print it; whoever was signed in so has to do it again."""
    base_url = url or _the_running().url
    made_up = signing_in.made_up_password()
    try:
        with httpx.Client(
            base_url=base_url, timeout=15, auth=signing_in.CommandSignIn(base_url)
        ) as client:
            answer = client.get("/channel/v1/accounts", params={"q": username})
            found = {row["username"]: row["id"] for row in answer.raise_for_status().json()["data"]}
            if username not in found:
                talk.print(f"There is no account {username}.")
                raise typer.Exit(1)
            path = f"/channel/v1/accounts/{found[username]}:set-password"
            client.post(path, json={"password": made_up}).raise_for_status()
    except httpx.HTTPError as error:
        talk.print(f"[red]The password stays as it is:[/red] {error}")
        raise typer.Exit(1) from None
    sys.stdout.write(made_up + "\n")


app.command("import")(importing.import_command)
app.add_typer(demo.cli, name="demo")


def _answer(data: dict[str, Any], as_json: bool, words: str) -> None:
    if as_json:
        _print(data)
    else:
        sys.stdout.write(words + "\n")


def _print(data: Any) -> None:
    sys.stdout.write(json.dumps(data, indent=2, default=str, ensure_ascii=False) + "\n")
