"""`python -m shop …`"""

from common.cli import ServiceEntry, run
from common.settings import ServiceSettings

from . import events, main, worker
from .consumers import CONSUMERS
from .db import MIGRATIONS, SERVICE

ENTRY = ServiceEntry(
    package=SERVICE,
    settings=ServiceSettings,
    create_app=main.create,
    create_worker=worker.create,
    events=events,
    consumers=CONSUMERS,
    migrations=MIGRATIONS,
)

if __name__ == "__main__":
    run(ENTRY)
