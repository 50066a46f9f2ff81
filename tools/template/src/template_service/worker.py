"""The background process of the template-service service."""

from typing import Any

from common.worker import Job, Timer, Worker
from template_service.consumers import CONSUMERS
from template_service.db import MIGRATIONS, SERVICE
from template_service.settings import Settings

TIMERS: list[Timer] = []
JOBS: list[Job] = []


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
