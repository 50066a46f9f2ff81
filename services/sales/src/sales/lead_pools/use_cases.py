"""What people do with leads in the pool, and how leads come back to it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rows import all_rows
from common.auth import Actor
from common.days import day_of
from common.messaging.outbox import record
from common.parameters import value_on
from sales.copies.model import EmployeeNotKnown, KnownEmployee
from sales.db import take_turn
from sales.lead_assignments import use_cases as assignments
from sales.lead_assignments.model import LeadAssignment
from sales.lead_pools.limits import ClaimantNotEmployee, check_cool_down, check_limit
from sales.lead_pools.schemas import LeadPoolRead
from sales.leads import use_cases as leads
from sales.leads.model import HowMoved, Lead, LeadNotYours, LeadState, in_pool
from sales.parameters import CLAIM_COOL_DOWN_DAYS, CLAIMED_LEADS_LIMIT, UNCLAIMED_LEAD_DAYS

CLAIMED = "taken from the pool"
RECYCLED_AT_ONCE = 200


async def list_lead_pools(session: AsyncSession) -> list[LeadPoolRead]:
    """The pools with what lies in them, as far as it may be seen."""
    found = await session.execute(
        select(
            Lead.department_id,
            Lead.region_id,
            func.count(),
            func.count().filter(Lead.rating == "hot"),
            func.count().filter(Lead.awaits_routing),
            func.min(Lead.touched_at),
        )
        .where(in_pool())
        .group_by(Lead.department_id, Lead.region_id)
        .order_by(func.count().desc(), Lead.department_id, Lead.region_id)
    )
    return [
        LeadPoolRead(
            department_id=department_id,
            region_id=region_id,
            leads=count,
            hot=hot,
            waiting_for_routing=waiting,
            oldest_since=oldest,
        )
        for department_id, region_id, count, hot, waiting, oldest in found
    ]


async def claim_lead(session: AsyncSession, lead_id: UUID, *, actor: Actor, now: datetime) -> Lead:
    """Take a lead from the pool for oneself; whoever has it already gets it again unchanged."""
    if actor.employee_id is None:
        raise ClaimantNotEmployee("only an employee takes leads: sign in as one, or assign it")
    claimant = await session.get(KnownEmployee, actor.employee_id)
    if claimant is None:
        raise EmployeeNotKnown(f"no employee {actor.employee_id}")
    claimant.check_takes(pointer="/")
    lead = await leads.get_lead(session, lead_id, lock=True)
    if lead.is_open and lead.owner_id == claimant.id:
        return lead
    lead.check_in_pool()
    today = day_of(now)
    # One claim of a person at a time: each counts what the others took.
    await take_turn(session, f"claims of {claimant.id}")
    held = await session.execute(
        select(func.count()).where(
            Lead.owner_id == claimant.id,
            Lead.state == LeadState.ASSIGNED,
            Lead.assigned_how == HowMoved.CLAIMED,
        )
    )
    check_limit(held.scalar_one(), await value_on(session, CLAIMED_LEADS_LIMIT, today))
    left = await session.execute(
        select(func.max(LeadAssignment.happened_at)).where(
            LeadAssignment.lead_id == lead.id,
            LeadAssignment.from_owner_id == claimant.id,
            LeadAssignment.to_owner_id.is_(None),
        )
    )
    check_cool_down(
        left.scalar(), days=await value_on(session, CLAIM_COOL_DOWN_DAYS, today), now=now
    )
    assigned = lead.assign(
        assignee_id=claimant.id,
        department_id=claimant.department_id,
        reason=CLAIMED,
        now=now,
        how=HowMoved.CLAIMED,
    )
    record(session, lead, assigned)
    assignments.keep_move(
        session, lead, how=HowMoved.CLAIMED, from_owner_id=None, reason=CLAIMED, now=now
    )
    return lead


async def release_lead(
    session: AsyncSession, lead_id: UUID, *, reason: str, actor: Actor, now: datetime
) -> Lead:
    """Put a lead back into the pool: one's own, or anybody's for who assigns leads."""
    lead = await leads.get_lead(session, lead_id, lock=True)
    if lead.owner_id != actor.employee_id and not actor.may("sales.leads.assign"):
        raise LeadNotYours("only its owner, or who assigns leads, gives this lead back")
    _release(session, lead, how=HowMoved.RELEASED, reason=reason, now=now)
    return lead


async def recycle_idle_leads(
    session: AsyncSession, *, now: datetime, limit: int = RECYCLED_AT_ONCE
) -> int:
    """Put leads back into the pool whose owners did nothing with them for too long; how many."""
    days = await value_on(session, UNCLAIMED_LEAD_DAYS, day_of(now))
    with all_rows(session):
        found = await session.execute(
            select(Lead)
            .where(
                Lead.state == LeadState.ASSIGNED,
                Lead.owner_id.is_not(None),
                Lead.touched_at <= now - timedelta(days=days),
            )
            .order_by(Lead.touched_at, Lead.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    idle: Sequence[Lead] = found.scalars().all()
    for lead in idle:
        reason = f"nothing was done for {days} days"
        _release(session, lead, how=HowMoved.IDLE, reason=reason, now=now)
    return len(idle)


def _release(
    session: AsyncSession, lead: Lead, *, how: HowMoved, reason: str, now: datetime
) -> None:
    before = lead.owner_id
    record(session, lead, lead.release(how=how, reason=reason, now=now))
    assignments.keep_move(session, lead, how=how, from_owner_id=before, reason=reason, now=now)
