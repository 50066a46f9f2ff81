"""The background process of the reporting service."""

from typing import Any

from common.worker import Job, Timer, Worker
from reporting.consumers import CONSUMERS
from reporting.db import MIGRATIONS, SERVICE
from reporting.event_log import use_cases as event_log
from reporting.settings import Settings

TIMERS = [
    Timer("prepare partitions of the event history", 6 * 3600, event_log.prepare_partitions),
    Timer("say that the worker lives", event_log.SEEN_EVERY_S, event_log.note_worker_seen),
]
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
