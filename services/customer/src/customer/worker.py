"""The background process of the customer service."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common.clock import utc_now
from common.handovers import LOOK_AGAIN_EVERY_S, HandoverRunner, look_again
from common.imports.jobs import ImportRunner
from common.worker import Job, Timer, Worker
from customer.consumers import CONSUMERS
from customer.customers import use_cases as customers
from customer.customers.mnemonics import make_missing_tokens
from customer.db import MIGRATIONS, SERVICE
from customer.duplicates.keeping import make_missing_keys
from customer.duplicates.use_cases import scan_on
from customer.follow_ups import use_cases as follow_ups
from customer.imports.targets import TARGETS
from customer.pools import use_cases as pools
from customer.quality import use_cases as quality
from customer.reminders import use_cases as reminders
from customer.segments.use_cases import refresh_segments
from customer.settings import Settings
from customer.standings.use_cases import assess_due
from customer.transactions.use_cases import SAYS_IT_LISTENS_EVERY_S, say_that_it_listens
from customer.transfers.use_cases import transfer_on


async def tend_pools(session: AsyncSession) -> None:
    """Warn first: what is warned of now goes back in a later run, unless no days are between."""
    await pools.warn_of_recycling(session, now=utc_now())
    await pools.recycle_idle_customers(session, now=utc_now())


async def remind_of_follow_ups(session: AsyncSession) -> None:
    await follow_ups.remind_of_follow_ups(session, now=utc_now())


async def plan_by_reminder_rules(session: AsyncSession) -> None:
    await reminders.plan_by_rules(session, now=utc_now())


async def check_quality(session: AsyncSession) -> None:
    await quality.check_quality(session, now=utc_now())


TIMERS: list[Timer] = [
    Timer("check the quality of what changed", 60, check_quality),
    Timer("plan follow-ups by reminder rules", 300, plan_by_reminder_rules),
    Timer("remind of follow-ups", 60, remind_of_follow_ups),
    Timer("return idle customers to the pool", 300, tend_pools),
    Timer("say that events are applied", SAYS_IT_LISTENS_EVERY_S, say_that_it_listens),
    Timer("hand over what came late", LOOK_AGAIN_EVERY_S, look_again),
]
JOBS: list[Job] = [
    ImportRunner(TARGETS),
    HandoverRunner([customers.hand_over_customers, follow_ups.hand_over_follow_ups]),
    make_missing_keys,
    make_missing_tokens,
    transfer_on,
    scan_on,
    assess_due,
    refresh_segments,
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
