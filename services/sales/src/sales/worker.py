"""The background process of the sales service."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common.clock import utc_now
from common.context import Context, working_in
from common.db import Database
from common.handovers import LOOK_AGAIN_EVERY_S, HandoverRunner, look_again
from common.imports.jobs import ImportRunner
from common.worker import Job, Timer, Worker
from sales.commissions import use_cases as commissions
from sales.consumers import CONSUMERS
from sales.db import MIGRATIONS, SERVICE
from sales.forecasts import use_cases as forecasts
from sales.imports.targets import TARGETS
from sales.lead_assignments import use_cases as lead_assignments
from sales.lead_pools import use_cases as lead_pools
from sales.leads import use_cases as leads
from sales.opportunities import use_cases as opportunities
from sales.products import use_cases as products
from sales.quotes import use_cases as quotes
from sales.receivables import use_cases as receivables
from sales.settings import Settings


async def expire_due_quotes(session: AsyncSession) -> None:
    await quotes.expire_due_quotes(session, now=utc_now())


async def enter_planned_states(session: AsyncSession) -> None:
    await products.enter_planned_states(session, now=utc_now())


async def remind_of_receivables(session: AsyncSession) -> None:
    await receivables.remind_of_receivables(session, now=utc_now())


async def recycle_idle_leads(session: AsyncSession) -> None:
    await lead_pools.recycle_idle_leads(session, now=utc_now())


async def tell_stalled(session: AsyncSession) -> None:
    await opportunities.tell_stalled(session, now=utc_now())


async def keep_forecast(session: AsyncSession) -> None:
    await forecasts.take_snapshot(session, now=utc_now())


async def reckon_commissions(database: Database) -> bool:
    """Bring the ledger of commissions in line with a batch of the orders that ask for it."""
    with working_in(Context(actor_id="job:reckon commissions")):
        async with database.transaction() as session:
            return await commissions.reckon_due(session, now=utc_now()) > 0


async def route_waiting_leads(database: Database) -> bool:
    """Route a batch of the leads that wait for it, the best ones first."""
    with working_in(Context(actor_id="job:route leads")):
        async with database.transaction() as session:
            return await lead_assignments.route_waiting_leads(session, now=utc_now()) > 0


async def rescore_leads(database: Database) -> bool:
    """Score a batch of leads by the rules that have come into force."""
    with working_in(Context(actor_id="job:score leads")):
        async with database.transaction() as session:
            return await leads.rescore_leads(session, now=utc_now()) > 0


TIMERS: list[Timer] = [
    Timer("expire quotes", 60, expire_due_quotes),
    Timer("enter planned states of products", 60, enter_planned_states),
    Timer("remind of receivables", 60, remind_of_receivables),
    Timer("return idle leads to the pool", 60, recycle_idle_leads),
    Timer("tell of stalled deals", 60, tell_stalled),
    Timer("keep the forecast of the day", 300, keep_forecast),
    Timer("hand over what came late", LOOK_AGAIN_EVERY_S, look_again),
]
JOBS: list[Job] = [
    ImportRunner(TARGETS),
    reckon_commissions,
    rescore_leads,
    route_waiting_leads,
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
