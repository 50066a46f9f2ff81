"""Filling an empty suite with demo data, through the public API like any other client."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from common.days import ZONE
from fairway import signing_in
from fairway.demo import accounts
from fairway.demo import api as demo_api
from fairway.demo.api import Api, Refused
from fairway.demo.data import DemoData
from fairway.demo.generator import generate
from fairway.demo.loading import Loading, LoadingFailed

EXPECTED_CALLS = 1250
"""About; it only sets the length of the bar."""
FAULTS = (Refused, LoadingFailed, httpx.HTTPError, TimeoutError, ExceptionGroup)
"""What can go wrong on the way."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What was loaded: records by kind, the calls it took and the time."""

    records: dict[str, int]
    calls: int
    took_s: float


async def fill(url: str, console: Console) -> None:
    """Load the demo data where the suite is empty, and open the accounts that look at it.

    A fault is told and ends only the loading.
    """
    try:
        filled = await fill_if_empty(url, console)
        if signing_in.issues_tokens(url):
            async with demo_api.connected(url) as api:
                await accounts.ensure(api)
    except FAULTS as error:
        console.print(f"[red]The demo data is not complete:[/red] {reason_of(error)}")
        return
    if filled is not None:
        tell(filled, console)


async def fill_if_empty(url: str, console: Console) -> Filled | None:
    """Load the demo data; None, and nothing done, where customers or partners are there."""
    async with demo_api.connected(url) as api:
        if not await is_empty(api):
            return None
    data = generate(datetime.now(ZONE).date())
    began = time.monotonic()
    with _progress(console) as on_call:
        async with demo_api.connected(url, on_call) as api:
            await Loading(api, data).run()
    records = {
        name: len(getattr(data, name))
        for name in DemoData.__slots__
        if name not in ("months", "past_deals")
    }
    records["deals"] += len(data.past_deals)
    return Filled(records, on_call.calls, time.monotonic() - began)


async def is_empty(api: Api) -> bool:
    """Whether the suite holds neither customers nor partners."""
    for path in ("/customer/v1/customers", "/channel/v1/partners"):
        if (await api.get(path, limit=1))["data"]:
            return False
    return True


def reason_of(error: BaseException) -> str:
    """The first reason in a group of errors, in words."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def tell(filled: Filled, console: Console) -> None:
    """Say what was loaded."""
    what = ", ".join(
        f"{filled.records[name]} {name}"
        for name in ("partners", "customers", "leads", "deals", "tickets")
    )
    console.print(
        f"Demo data: {what} and what belongs to them, by {filled.calls} calls"
        f" in {filled.took_s:.1f} s.",
        highlight=False,
    )


@dataclass
class _Counter:
    """Counts calls and moves the bar."""

    progress: Progress
    calls: int = 0
    task: Any = field(init=False)

    def __post_init__(self) -> None:
        self.task = self.progress.add_task("Demo data", total=EXPECTED_CALLS)

    def __call__(self) -> None:
        self.calls += 1
        self.progress.update(self.task, completed=self.calls)


@contextmanager
def _progress(console: Console) -> Iterator[_Counter]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as progress:
        yield _Counter(progress)
