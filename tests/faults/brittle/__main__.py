"""The commands of every service, and `tireless`: the worker, again and again."""

import os
import random
import signal
import sys
from typing import Any

from fastapi import FastAPI

from common.app import create_app
from common.cli import ServiceEntry, service_cli
from common.db import Database
from common.settings import ServiceSettings
from common.worker import Worker

from . import events
from .consumers import CONSUMERS
from .db import MIGRATIONS, SERVICE


def create(settings: ServiceSettings | None = None, database: Database | None = None) -> FastAPI:
    return create_app(
        SERVICE,
        title="Brittle",
        routers=[],
        settings=settings or ServiceSettings(),
        migrations=MIGRATIONS,
        policy={},
        database=database,
    )


def create_worker(settings: ServiceSettings | None = None, **parts: Any) -> Worker:
    return Worker(
        SERVICE,
        settings=settings or ServiceSettings(),
        consumers=CONSUMERS,
        migrations=MIGRATIONS,
        **parts,
    )


cli = service_cli(
    ServiceEntry(
        package=SERVICE,
        settings=ServiceSettings,
        create_app=create,
        create_worker=create_worker,
        events=events,
        consumers=CONSUMERS,
        migrations=MIGRATIONS,
    )
)


@cli.command()
def tireless() -> None:
    """Run the worker and, whenever it dies, run it again, as an orchestrator does.

    Everything is imported once, so that twenty deaths take seconds and not a minute.
    """
    while True:
        child = os.fork()
        if child == 0:
            # Each life has chances of its own, as those of separate programs do.
            random.seed()
            cli(["worker"])
        signal.signal(signal.SIGTERM, lambda *_, child=child: os.kill(child, signal.SIGTERM))
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        sys.stdout.write(f"the worker ended with {code}\n")
        sys.stdout.flush()
        if code == 0:
            return


if __name__ == "__main__":
    cli()
