"""`python -m reporting …`; `--help` lists the commands."""

import asyncio
import sys

import typer

from common.cli import ServiceEntry, service_cli
from common.db import Database
from reporting import events, main, worker
from reporting.consumers import CONSUMERS, PROJECTED
from reporting.db import MIGRATIONS, SERVICE
from reporting.projections.rebuild import rebuild_projections
from reporting.settings import Settings

ENTRY = ServiceEntry(
    package=SERVICE,
    settings=Settings,
    create_app=main.create,
    create_worker=worker.create,
    events=events,
    consumers=CONSUMERS,
    migrations=MIGRATIONS,
)


def reporting_cli() -> typer.Typer:
    """The commands of every service, and `rebuild`."""
    cli = service_cli(ENTRY)

    @cli.command()
    def rebuild() -> None:
        """Make all figures anew from the event history; readers see the old ones until it is done."""

        async def act() -> int:
            database = Database(SERVICE, Settings().dsn, pooled=False)
            try:
                async with database.transaction() as session:
                    return await rebuild_projections(session, PROJECTED)
            finally:
                await database.close()

        sys.stderr.write(f"{SERVICE}: rebuilt from {asyncio.run(act())} events\n")

    return cli


if __name__ == "__main__":
    reporting_cli()()
