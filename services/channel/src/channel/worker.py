"""The background process of the channel service."""

from typing import Any

from channel.consumers import CONSUMERS
from channel.db import MIGRATIONS, SERVICE
from channel.imports.targets import TARGETS
from channel.scorecards.monthly import publish_last_month
from channel.settings import Settings
from channel.sign_in.tidying import forget_old_sign_ins
from common.imports.jobs import ImportRunner
from common.worker import Job, Timer, Worker

TIMERS = [
    Timer("publish the scorecards of last month", 3600, publish_last_month),
    Timer("forget old sign-ins", 600, forget_old_sign_ins),
]
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
