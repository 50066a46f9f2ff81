"""The publishing of a month that is over: what the worker does when nobody asks it."""

from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from channel.scorecards import use_cases as scorecards
from channel.scorecards.model import CurrencyNeeded
from common.auth import Actor
from common.clock import utc_now
from common.days import day_of

log = structlog.get_logger(__name__)

TIMER_ACTOR = Actor(id="timer")


async def publish_last_month(session: AsyncSession) -> None:
    """Publish the last full month; what came in late since then gives new revisions."""
    now = utc_now()
    period_end = day_of(now).replace(day=1) - timedelta(days=1)
    try:
        await scorecards.publish_scorecards(
            session,
            period_start=period_end.replace(day=1),
            period_end=period_end,
            currency=None,
            actor=TIMER_ACTOR,
            now=now,
        )
    except CurrencyNeeded as refusal:
        # A person has to decide; an error every hour would not make it sooner.
        log.warning("scorecards wait for a policy with a currency", **refusal.facts)
