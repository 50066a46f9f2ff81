"""`python -m sales …`; `--help` lists the commands."""

from common.cli import ServiceEntry, run
from sales import events, main, worker
from sales.consumers import CONSUMERS
from sales.db import MIGRATIONS, SERVICE
from sales.settings import Settings

ENTRY = ServiceEntry(
    package=SERVICE,
    settings=Settings,
    create_app=main.create,
    create_worker=worker.create,
    events=events,
    consumers=CONSUMERS,
    migrations=MIGRATIONS,
)

if __name__ == "__main__":
    run(ENTRY)
