"""The background process of the contract service."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common.clock import utc_now
from common.handovers import LOOK_AGAIN_EVERY_S, HandoverRunner, look_again
from common.worker import Job, Timer, Worker
from contract.consumers import CONSUMERS
from contract.contracts import use_cases as contracts
from contract.db import MIGRATIONS, SERVICE
from contract.milestones import use_cases as milestones
from contract.settings import Settings


async def announce_milestones(session: AsyncSession) -> None:
    await milestones.announce_due_milestones(session, now=utc_now())


async def miss_milestones(session: AsyncSession) -> None:
    await milestones.miss_overdue_milestones(session, now=utc_now())


async def announce_ends(session: AsyncSession) -> None:
    await contracts.announce_ending_contracts(session, now=utc_now())


async def expire(session: AsyncSession) -> None:
    await contracts.expire_contracts(session, now=utc_now())


TIMERS = [
    Timer("announce due milestones", 60, announce_milestones),
    Timer("miss overdue milestones", 60, miss_milestones),
    Timer("announce ending contracts", 60, announce_ends),
    Timer("expire contracts", 60, expire),
    Timer("hand over what came late", LOOK_AGAIN_EVERY_S, look_again),
]
JOBS: list[Job] = [HandoverRunner([contracts.hand_over_contracts, milestones.hand_over_milestones])]


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
