"""What people do with approval policies, and the route that follows from them."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.days import day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from contract.approval_policies.model import ApprovalPolicy, ApprovalPolicyNotFound
from contract.approval_policies.routing import (
    BUILT_IN_BANDS,
    BUILT_IN_VERSION,
    Route,
    steps_for,
)
from contract.approval_policies.schemas import ApprovalPolicyCreate


async def publish_approval_policy(
    session: AsyncSession, new: ApprovalPolicyCreate, *, actor: Actor, now: datetime
) -> ApprovalPolicy:
    """Publish the next version of the policy of a kind."""
    latest = await session.scalar(
        select(func.max(ApprovalPolicy.policy_version)).where(ApprovalPolicy.kind == new.kind)
    )
    policy, published = ApprovalPolicy.publish(
        policy_version=(latest or BUILT_IN_VERSION) + 1,
        by=actor.id,
        now=now,
        **{**new.model_dump(), "valid_from": new.valid_from or day_of(now)},
    )
    session.add(policy)
    record(session, policy, published)
    return policy


async def get_approval_policy(session: AsyncSession, policy_id: UUID) -> ApprovalPolicy:
    """The policy."""
    policy = await session.get(ApprovalPolicy, policy_id)
    if policy is None:
        raise ApprovalPolicyNotFound(f"no approval policy {policy_id}")
    return policy


async def list_approval_policies(
    session: AsyncSession, page: PageRequest, *, kind: str | None
) -> Page[ApprovalPolicy]:
    """A page of policies, the newest first."""
    query = select(ApprovalPolicy)
    if kind is not None:
        query = query.where(ApprovalPolicy.kind == kind)
    return await paginate(
        session,
        query,
        page,
        id_column=ApprovalPolicy.id,
        sort_keys={"valid_from": ApprovalPolicy.valid_from},
        default_sort="-valid_from",
    )


async def route_of(
    session: AsyncSession, *, kind: str, total: Decimal, currency: str, on: date
) -> Route:
    """The way a contract goes that is submitted on this day.

    A policy for the contract's currency goes before one for all; without either the built-in
    policy is in force.
    """
    policy = await session.scalar(
        select(ApprovalPolicy)
        .where(
            ApprovalPolicy.kind == kind,
            ApprovalPolicy.valid_from <= on,
            or_(ApprovalPolicy.currency == currency, ApprovalPolicy.currency.is_(None)),
        )
        .order_by(
            ApprovalPolicy.currency.nulls_last(),
            ApprovalPolicy.valid_from.desc(),
            ApprovalPolicy.policy_version.desc(),
        )
        .limit(1)
    )
    if policy is None:
        return Route(BUILT_IN_VERSION, steps_for(total, BUILT_IN_BANDS))
    return policy.route(total)
