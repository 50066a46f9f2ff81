"""The background process of the sales service."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common.clock import utc_now
from common.handovers import LOOK_AGAIN_EVERY_S, HandoverRunner, look_again
from common.imports.jobs import ImportRunner
from common.worker import Job, Timer, Worker
from sales.consumers import CONSUMERS
from sales.db import MIGRATIONS, SERVICE
from sales.imports.targets import TARGETS
from sales.leads import use_cases as leads
from sales.opportunities import use_cases as opportunities
from sales.quotes import use_cases as quotes
from sales.settings import Settings


async def expire_due_quotes(session: AsyncSession) -> None:
    await quotes.expire_due_quotes(session, now=utc_now())


TIMERS: list[Timer] = [
    Timer("expire quotes", 60, expire_due_quotes),
    Timer("hand over what came late", LOOK_AGAIN_EVERY_S, look_again),
]
JOBS: list[Job] = [
    ImportRunner(TARGETS),
    HandoverRunner([leads.hand_over_leads, opportunities.hand_over_opportunities]),
]


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
