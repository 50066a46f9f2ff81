"""`python -m service_desk …`; `--help` lists the commands."""

from common.cli import ServiceEntry, run
from service_desk import events, main, worker
from service_desk.consumers import CONSUMERS
from service_desk.db import MIGRATIONS, SERVICE
from service_desk.settings import Settings

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
