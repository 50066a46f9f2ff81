"""The background process of the contract service."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common.clock import utc_now
from common.worker import Job, Timer, Worker
from contract.consumers import CONSUMERS
from contract.contracts import use_cases as contracts
from contract.db import MIGRATIONS, SERVICE
from contract.milestones import use_cases as milestones
from contract.settings import Settings

JOBS: list[Job] = []


def timers(settings: Settings) -> list[Timer]:
    """What falls due by the calendar, with the notice the settings give."""

    async def announce_milestones(session: AsyncSession) -> None:
        await milestones.announce_due_milestones(
            session, now=utc_now(), notice_days=settings.milestone_notice_days
        )

    async def miss_milestones(session: AsyncSession) -> None:
        await milestones.miss_overdue_milestones(session, now=utc_now())

    async def announce_ends(session: AsyncSession) -> None:
        await contracts.announce_ending_contracts(
            session, now=utc_now(), notice_days=settings.expiry_notice_days
        )

    async def expire(session: AsyncSession) -> None:
        await contracts.expire_contracts(session, now=utc_now())

    return [
        Timer("announce due milestones", 60, announce_milestones),
        Timer("miss overdue milestones", 60, miss_milestones),
        Timer("announce ending contracts", 60, announce_ends),
        Timer("expire contracts", 60, expire),
    ]


def create(settings: Settings | None = None, **parts: Any) -> Worker:
    """The worker; `parts` are the database and transports that the suite and tests hand over."""
    settings = settings or Settings()
    return Worker(
        SERVICE,
        settings=settings,
        consumers=CONSUMERS,
        migrations=MIGRATIONS,
        timers=timers(settings),
        jobs=JOBS,
        **parts,
    )
