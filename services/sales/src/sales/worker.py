"""The background process of the sales service."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common.clock import utc_now
from common.imports.jobs import ImportRunner
from common.worker import Job, Timer, Worker
from sales.consumers import CONSUMERS
from sales.db import MIGRATIONS, SERVICE
from sales.imports.targets import TARGETS
from sales.quotes import use_cases as quotes
from sales.settings import Settings


async def expire_due_quotes(session: AsyncSession) -> None:
    await quotes.expire_due_quotes(session, now=utc_now())


TIMERS: list[Timer] = [Timer("expire quotes", 60, expire_due_quotes)]
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
