"""The background process of the service desk."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common.clock import utc_now
from common.handovers import LOOK_AGAIN_EVERY_S, HandoverRunner, look_again
from common.worker import Job, Timer, Worker
from service_desk.consumers import CONSUMERS
from service_desk.db import MIGRATIONS, SERVICE
from service_desk.settings import Settings
from service_desk.tickets import use_cases as tickets


async def _tell_breaches(session: AsyncSession) -> None:
    await tickets.tell_breaches(session, now=utc_now())


TIMERS: list[Timer] = [
    Timer("tell breached service levels", 10, _tell_breaches),
    Timer("hand over what came late", LOOK_AGAIN_EVERY_S, look_again),
]
JOBS: list[Job] = [HandoverRunner([tickets.hand_over_tickets])]


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
