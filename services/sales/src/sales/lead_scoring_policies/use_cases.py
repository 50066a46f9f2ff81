"""What people do with lead scoring policies."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.days import day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from sales.db import take_turn
from sales.lead_scoring_policies.model import LeadScoringPolicy, LeadScoringPolicyNotFound
from sales.lead_scoring_policies.schemas import LeadScoringPolicyDraft
from sales.leads.policies import PolicyState
from sales.leads.scoring import BUILT_IN, Scoring


async def draft_lead_scoring_policy(
    session: AsyncSession, new: LeadScoringPolicyDraft
) -> LeadScoringPolicy:
    """Begin a version of the rules."""
    await take_turn(session, "lead scoring policies")
    newest = (await session.execute(select(func.max(LeadScoringPolicy.policy_version)))).scalar()
    policy, drafted = LeadScoringPolicy.draft(
        policy_version=(newest or BUILT_IN.version) + 1,
        rules=new.rules,
        **new.model_dump(exclude={"rules"}),
    )
    session.add(policy)
    record(session, policy, drafted)
    return policy


async def get_lead_scoring_policy(
    session: AsyncSession, policy_id: UUID, *, lock: bool = False
) -> LeadScoringPolicy:
    """The policy; `lock` keeps it for this transaction."""
    policy = await session.get(LeadScoringPolicy, policy_id, with_for_update=lock or None)
    if policy is None:
        raise LeadScoringPolicyNotFound(f"no lead scoring policy {policy_id}")
    return policy


async def list_lead_scoring_policies(
    session: AsyncSession, page: PageRequest, *, state: str | None = None
) -> Page[LeadScoringPolicy]:
    """A page of versions, the newest first."""
    query = select(LeadScoringPolicy)
    if state is not None:
        query = query.where(LeadScoringPolicy.state == state)
    return await paginate(
        session,
        query,
        page,
        id_column=LeadScoringPolicy.id,
        sort_keys={"policy_version": LeadScoringPolicy.policy_version},
        default_sort="-policy_version",
    )


async def update_lead_scoring_policy(
    session: AsyncSession, policy_id: UUID, *, changes: dict[str, Any]
) -> LeadScoringPolicy:
    """Change a draft."""
    policy = await get_lead_scoring_policy(session, policy_id, lock=True)
    drafted = policy.update(changes)
    if drafted is not None:
        record(session, policy, drafted)
    return policy


async def activate_lead_scoring_policy(
    session: AsyncSession,
    policy_id: UUID,
    *,
    effective_on: date | None,
    actor: Actor,
    now: datetime,
) -> LeadScoringPolicy:
    """Let a draft count, from today or a later day on."""
    policy = await get_lead_scoring_policy(session, policy_id, lock=True)
    today = day_of(now)
    activated = policy.activate(effective_on=effective_on or today, today=today, by=actor.id)
    record(session, policy, activated)
    return policy


async def withdraw_lead_scoring_policy(
    session: AsyncSession, policy_id: UUID, *, actor: Actor, now: datetime
) -> LeadScoringPolicy:
    """Give up a version that does not count yet."""
    policy = await get_lead_scoring_policy(session, policy_id, lock=True)
    record(session, policy, policy.withdraw(today=day_of(now), by=actor.id))
    return policy


async def scoring_on(session: AsyncSession, day: date) -> Scoring:
    """The rules that count on a day; the built-in ones before the first policy does."""
    found = await session.execute(
        select(LeadScoringPolicy)
        .where(LeadScoringPolicy.state == PolicyState.ACTIVE, LeadScoringPolicy.effective_on <= day)
        .order_by(LeadScoringPolicy.effective_on.desc(), LeadScoringPolicy.policy_version.desc())
        .limit(1)
    )
    policy = found.scalar()
    return BUILT_IN if policy is None else policy.scoring


async def scoring_of_version(session: AsyncSession, version: int) -> Scoring:
    """The rules of a version that leads were scored by; raises LeadScoringPolicyNotFound."""
    if version == BUILT_IN.version:
        return BUILT_IN
    found = await session.execute(
        select(LeadScoringPolicy).where(LeadScoringPolicy.policy_version == version)
    )
    policy = found.scalar()
    if policy is None:
        raise LeadScoringPolicyNotFound(f"no version {version} of the lead scoring policy")
    return policy.scoring
