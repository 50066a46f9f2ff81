"""What people do with lead routing policies."""

from collections.abc import Sequence
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
from sales.lead_routing_policies.model import LeadRoutingPolicy, LeadRoutingPolicyNotFound
from sales.lead_routing_policies.schemas import LeadRoutingPolicyDraft
from sales.leads.policies import PolicyState
from sales.routing_teams import use_cases as teams


async def draft_lead_routing_policy(
    session: AsyncSession, new: LeadRoutingPolicyDraft
) -> LeadRoutingPolicy:
    """Begin a version of the rules."""
    await _check_teams(session, [rule.team_id for rule in new.rules])
    await take_turn(session, "lead routing policies")
    newest = (await session.execute(select(func.max(LeadRoutingPolicy.policy_version)))).scalar()
    policy, drafted = LeadRoutingPolicy.draft(
        policy_version=(newest or 0) + 1, name=new.name, rules=new.rules
    )
    session.add(policy)
    record(session, policy, drafted)
    return policy


async def get_lead_routing_policy(
    session: AsyncSession, policy_id: UUID, *, lock: bool = False
) -> LeadRoutingPolicy:
    """The policy; `lock` keeps it for this transaction."""
    policy = await session.get(LeadRoutingPolicy, policy_id, with_for_update=lock or None)
    if policy is None:
        raise LeadRoutingPolicyNotFound(f"no lead routing policy {policy_id}")
    return policy


async def list_lead_routing_policies(
    session: AsyncSession, page: PageRequest, *, state: str | None = None
) -> Page[LeadRoutingPolicy]:
    """A page of versions, the newest first."""
    query = select(LeadRoutingPolicy)
    if state is not None:
        query = query.where(LeadRoutingPolicy.state == state)
    return await paginate(
        session,
        query,
        page,
        id_column=LeadRoutingPolicy.id,
        sort_keys={"policy_version": LeadRoutingPolicy.policy_version},
        default_sort="-policy_version",
    )


async def update_lead_routing_policy(
    session: AsyncSession, policy_id: UUID, *, changes: dict[str, Any]
) -> LeadRoutingPolicy:
    """Change a draft."""
    if "rules" in changes:
        await _check_teams(session, [UUID(rule["team_id"]) for rule in changes["rules"]])
    policy = await get_lead_routing_policy(session, policy_id, lock=True)
    drafted = policy.update(changes)
    if drafted is not None:
        record(session, policy, drafted)
    return policy


async def activate_lead_routing_policy(
    session: AsyncSession,
    policy_id: UUID,
    *,
    effective_on: date | None,
    actor: Actor,
    now: datetime,
) -> LeadRoutingPolicy:
    """Let a draft count, from today or a later day on."""
    policy = await get_lead_routing_policy(session, policy_id, lock=True)
    today = day_of(now)
    activated = policy.activate(effective_on=effective_on or today, today=today, by=actor.id)
    record(session, policy, activated)
    return policy


async def withdraw_lead_routing_policy(
    session: AsyncSession, policy_id: UUID, *, actor: Actor, now: datetime
) -> LeadRoutingPolicy:
    """Give up a version that does not count yet."""
    policy = await get_lead_routing_policy(session, policy_id, lock=True)
    record(session, policy, policy.withdraw(today=day_of(now), by=actor.id))
    return policy


async def find_policy_in_force(session: AsyncSession, day: date) -> LeadRoutingPolicy | None:
    """The version that counts on a day; None before the first one does."""
    found = await session.execute(
        select(LeadRoutingPolicy)
        .where(LeadRoutingPolicy.state == PolicyState.ACTIVE, LeadRoutingPolicy.effective_on <= day)
        .order_by(LeadRoutingPolicy.effective_on.desc(), LeadRoutingPolicy.policy_version.desc())
        .limit(1)
    )
    return found.scalar()


async def _check_teams(session: AsyncSession, team_ids: Sequence[UUID]) -> None:
    """Raise RoutingTeamNotKnown for a rule whose team is not there."""
    known = await teams.find_routing_teams(session, team_ids)
    for place, team_id in enumerate(team_ids):
        teams.check_known(known, team_id, pointer=f"/rules/{place}/team_id")
