"""`python -m template_service …`; `--help` lists the commands."""

from common.cli import ServiceEntry, run
from template_service import events, main, worker
from template_service.consumers import CONSUMERS
from template_service.db import MIGRATIONS, SERVICE
from template_service.settings import Settings

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
