"""What people do with scorecard policies."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.db import take_turn
from channel.scorecard_policies.model import ScorecardPolicy, ScorecardPolicyNotFound
from common.auth import Actor
from common.days import day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate


async def adopt_scorecard_policy(
    session: AsyncSession,
    *,
    weights: Mapping[str, Decimal],
    valid_from: date | None,
    currency: str | None,
    actor: Actor,
    now: datetime,
) -> ScorecardPolicy:
    """Lay down a new version of the rule."""
    await take_turn(session, "scorecard policies")
    newest = (await session.execute(select(func.max(ScorecardPolicy.policy_version)))).scalar()
    policy, adopted = ScorecardPolicy.adopt(
        policy_version=(newest or 0) + 1,
        valid_from=valid_from or day_of(now),
        currency=currency,
        weights=weights,
        by=actor.id,
    )
    session.add(policy)
    record(session, policy, adopted)
    return policy


async def get_scorecard_policy(session: AsyncSession, policy_id: UUID) -> ScorecardPolicy:
    """The policy."""
    policy = await session.get(ScorecardPolicy, policy_id)
    if policy is None:
        raise ScorecardPolicyNotFound(f"no scorecard policy {policy_id}")
    return policy


async def find_policy_in_force(session: AsyncSession, day: date) -> ScorecardPolicy | None:
    """The newest version that counts on this day; None before the first one."""
    found = await session.execute(
        select(ScorecardPolicy)
        .where(ScorecardPolicy.valid_from <= day)
        .order_by(ScorecardPolicy.policy_version.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def list_scorecard_policies(
    session: AsyncSession, page: PageRequest
) -> Page[ScorecardPolicy]:
    """A page of policies, the newest version first."""
    return await paginate(
        session,
        select(ScorecardPolicy),
        page,
        id_column=ScorecardPolicy.id,
        sort_keys={"policy_version": ScorecardPolicy.policy_version},
        default_sort="-policy_version",
    )
