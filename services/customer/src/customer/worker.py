"""The background process of the customer service."""

from typing import Any

from common.imports.jobs import ImportRunner
from common.worker import Job, Timer, Worker
from customer.consumers import CONSUMERS
from customer.db import MIGRATIONS, SERVICE
from customer.imports.targets import TARGETS
from customer.settings import Settings

TIMERS: list[Timer] = []
JOBS: list[Job] = [ImportRunner(TARGETS)]


def create(settings: Settings | None = None, **parts: Any) -> Worker:
    """The worker; `parts` are the database and transports that the suite and tests hand over."""
    return Worker(
        SERVICE,
        settings=settings or Settings(),
        consumers=CONSUMERS,
        migrations=MIGRATIONS,
        timers=TIMERS,
        jobs=JOBS,
        **parts,
    )
