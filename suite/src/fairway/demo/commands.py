"""`fairway demo`: the demo data and the walk along one deal."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import httpx
import typer
from rich.console import Console

from fairway.demo import accounts, filling, lead_to_cash
from fairway.demo.api import Refused, connected
from fairway.demo.showing import ForMachines, ForPeople
from fairway.demo.walking import EXPECTED_WITHIN_S, EffectMissing, Figure, Walk
from fairway.home import read_running
from fairway.signing_in import CommandSignIn

NOT_READY = 3

cli = typer.Typer(no_args_is_help=True, help="Demo data, and one deal from lead to cash")
talk = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="For machines: JSON on stdout")]
Url = Annotated[
    str | None, typer.Option(help="The suite's address; without, the one that runs from here")
]


def url_of(given: str | None) -> str:
    """The address given, or that of the running suite; exit 3 when none runs."""
    if given is not None:
        return given.rstrip("/")
    running = read_running()
    if running is None:
        talk.print("It does not run; start it with: fairway up")
        raise typer.Exit(NOT_READY)
    return running.url


@cli.command("fill")
def fill_command(url: Url = None, as_json: Json = False) -> None:
    """Load the demo data into the running suite; exit 1 when it is not empty."""
    try:
        filled = asyncio.run(filling.fill_if_empty(url_of(url), talk))
        if filled is not None:
            asyncio.run(_accounts(url_of(url), renew=False))
    except filling.FAULTS as error:
        talk.print(f"[red]The demo data is not complete:[/red] {filling.reason_of(error)}")
        raise typer.Exit(1) from None
    if filled is None:
        talk.print("The suite holds customers or partners already; nothing was loaded.")
        raise typer.Exit(1)
    filling.tell(filled, talk)
    if as_json:
        sys.stdout.write(json.dumps(asdict(filled), indent=2) + "\n")


@cli.command("accounts")
def accounts_command(
    url: Url = None,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Give all of them another password")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the accounts that look at the demo data, and their password; open what is missing."""
    try:
        found = asyncio.run(_accounts(url_of(url), renew=new_password))
    except filling.FAULTS as error:
        talk.print(f"[red]No accounts:[/red] {filling.reason_of(error)}", highlight=False)
        raise typer.Exit(1) from None
    if not found:
        talk.print("There is no demo data to look at, or nobody is asked who they are here.")
        raise typer.Exit(1)
    password = accounts.kept_password()
    if as_json:
        told = {"password": password, "accounts": [asdict(account) for account in found]}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return
    shown = Console()
    shown.print(f"Password of all: [bold]{password}[/bold]", highlight=False)
    for account in found:
        shown.print(f"  {account.username:<12} sees {account.sees}", highlight=False)


async def _accounts(url: str, *, renew: bool) -> Sequence[accounts.DemoAccount]:
    async with connected(url) as api:
        return await accounts.ensure(api, renew=renew)


@cli.command("lead-to-cash")
def lead_to_cash_command(
    url: Url = None,
    within_s: Annotated[
        float, typer.Option("--within", help="How many seconds an effect may take")
    ] = EXPECTED_WITHIN_S,
    as_json: Json = False,
) -> None:
    """Follow one deal through all six services; exit 1 when something does not follow."""
    people, machines = ForPeople(Console()), ForMachines()
    figures: list[Figure] = []
    began = time.monotonic()
    fault = None
    base_url = url_of(url)
    with httpx.Client(
        base_url=base_url, timeout=60, trust_env=False, auth=CommandSignIn(base_url)
    ) as client:
        walk = Walk(client, machines if as_json else people, within_s)
        try:
            lead_to_cash.follow(walk, figures.append)
        except (EffectMissing, Refused, httpx.HTTPError) as error:
            fault = str(error)
    took_s = time.monotonic() - began
    if as_json:
        document = {
            **machines.document(figures),
            "calls": walk.calls,
            "seconds": round(took_s, 3),
            "fault": fault,
        }
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    elif figures:
        people.figures(figures)
    if fault is not None:
        talk.print(f"[red]It did not follow:[/red] {fault}", highlight=False)
        raise typer.Exit(1)
    talk.print(f"{walk.calls} calls in {took_s:.1f} s; everything that must follow did.")
