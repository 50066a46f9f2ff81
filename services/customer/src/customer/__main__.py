"""`python -m customer …`; `--help` lists the commands."""

from common.cli import ServiceEntry, run
from customer import events, main, worker
from customer.consumers import CONSUMERS
from customer.db import MIGRATIONS, SERVICE
from customer.settings import Settings

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
