"""`python -m contract …`; `--help` lists the commands."""

from common.cli import ServiceEntry, run
from contract import events, main, worker
from contract.consumers import CONSUMERS
from contract.db import MIGRATIONS, SERVICE
from contract.settings import Settings

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
