"""`python -m <service> audit …`: whether the trail is whole."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from common.audit.verify import Head, head_of, heads, verify
from common.db import Database

Result = TypeVar("Result")


def audit_cli(database: Callable[[], Database], tables: Callable[[], Iterable[str]]) -> typer.Typer:
    """The commands over the audit trail of one service, whose records are in `tables`."""
    cli = typer.Typer(no_args_is_help=True, help="Who changed what")

    def with_database(act: Callable[[Database], Awaitable[Result]]) -> Result:
        async def go() -> Result:
            held = database()
            try:
                return await act(held)
            finally:
                await held.close()

        return asyncio.run(go())

    @cli.command("verify")
    def verify_trail(
        record: Annotated[UUID | None, typer.Option(help="Only the record of this id")] = None,
        against: Annotated[
            Path | None, typer.Option(help="What `heads` printed once", exists=True)
        ] = None,
    ) -> None:
        """Look for entries that were altered, removed or inserted; exit 1 where there are some."""
        kept = [] if against is None else _kept(against)
        found = with_database(lambda held: verify(held, tables(), record_id=record, kept=kept))
        _print(found.as_json())
        raise typer.Exit(1 if found.faults else 0)

    @cli.command("heads")
    def show_heads() -> None:
        """Print the newest hash of every record, to be kept where this database's owner has no
        hand."""
        _print([asdict(head) for head in with_database(heads)])

    return cli


def _kept(path: Path) -> list[Head]:
    try:
        return [head_of(values) for values in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError):
        raise typer.BadParameter(f"{path} is not what `audit heads` printed") from None


def _print(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")
