"""What people do with assessment policies."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.days import day_of
from common.ids import stable_hash
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.assessment_policies.model import (
    AssessmentPolicy,
    AssessmentPolicyNotFound,
    PolicyState,
)
from customer.assessment_policies.rules import BUILT_IN_LIFECYCLE, ClassificationRules, Rules
from customer.assessment_policies.schemas import AssessmentPolicyDraft, AssessmentPolicyUpdate
from customer.segments.conditions import as_sql

_TURN = stable_hash(b"customer assessment policies") - 2**63


async def draft_assessment_policy(
    session: AsyncSession, new: AssessmentPolicyDraft, *, now: datetime
) -> AssessmentPolicy:
    """Begin a version of the rules."""
    await _check(session, new.rules, day_of(now))
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _TURN})
    newest = await session.execute(
        select(func.max(AssessmentPolicy.policy_version)).where(
            AssessmentPolicy.kind == new.rules.kind
        )
    )
    policy, drafted = AssessmentPolicy.draft(
        policy_version=(newest.scalar() or 0) + 1, name=new.name, rules=new.rules
    )
    session.add(policy)
    record(session, policy, drafted)
    return policy


async def get_assessment_policy(
    session: AsyncSession, policy_id: UUID, *, lock: bool = False
) -> AssessmentPolicy:
    """The policy; `lock` keeps it for this transaction."""
    policy = await session.get(AssessmentPolicy, policy_id, with_for_update=lock or None)
    if policy is None:
        raise AssessmentPolicyNotFound(f"no assessment policy {policy_id}")
    return policy


async def list_assessment_policies(
    session: AsyncSession, page: PageRequest, *, kind: str | None, state: str | None
) -> Page[AssessmentPolicy]:
    """A page of versions, the newest first."""
    query = select(AssessmentPolicy)
    if kind is not None:
        query = query.where(AssessmentPolicy.kind == kind)
    if state is not None:
        query = query.where(AssessmentPolicy.state == state)
    return await paginate(
        session,
        query,
        page,
        id_column=AssessmentPolicy.id,
        sort_keys={"created_at": AssessmentPolicy.created_at},
        default_sort="-created_at",
    )


async def update_assessment_policy(
    session: AsyncSession, policy_id: UUID, changes: AssessmentPolicyUpdate, *, now: datetime
) -> AssessmentPolicy:
    """Change a draft."""
    policy = await get_assessment_policy(session, policy_id, lock=True)
    if changes.rules is not None:
        await _check(session, changes.rules, day_of(now))
    drafted = policy.update(name=changes.name, rules=changes.rules)
    if drafted is not None:
        record(session, policy, drafted)
    return policy


async def activate_assessment_policy(
    session: AsyncSession,
    policy_id: UUID,
    *,
    effective_on: date | None,
    actor: Actor,
    now: datetime,
) -> AssessmentPolicy:
    """Let a draft count, from today or a later day on."""
    policy = await get_assessment_policy(session, policy_id, lock=True)
    today = day_of(now)
    activated = policy.activate(effective_on=effective_on or today, today=today, by=actor.id)
    record(session, policy, activated)
    return policy


async def withdraw_assessment_policy(
    session: AsyncSession, policy_id: UUID, *, actor: Actor, now: datetime
) -> AssessmentPolicy:
    """Give up a version that does not count yet."""
    policy = await get_assessment_policy(session, policy_id, lock=True)
    record(session, policy, policy.withdraw(today=day_of(now), by=actor.id))
    return policy


async def policies_on(session: AsyncSession, day: date) -> dict[str, tuple[int, Any]]:
    """Version and rules that count on a day, by kind; one statement.

    Of the lifecycle there always are some; a kind that is missing is not assessed.
    """
    found: Sequence[AssessmentPolicy] = (
        (
            await session.execute(
                select(AssessmentPolicy)
                .ext(distinct_on(AssessmentPolicy.kind))
                .where(
                    AssessmentPolicy.state == PolicyState.ACTIVE,
                    AssessmentPolicy.effective_on <= day,
                )
                .order_by(
                    AssessmentPolicy.kind,
                    AssessmentPolicy.effective_on.desc(),
                    AssessmentPolicy.policy_version.desc(),
                )
            )
        )
        .scalars()
        .all()
    )
    return {"lifecycle": (0, BUILT_IN_LIFECYCLE)} | {
        policy.kind: (policy.policy_version, policy.read) for policy in found
    }


async def _check(session: AsyncSession, rules: Rules, today: date) -> None:
    """Refuse conditions that nobody could be asked by."""
    if isinstance(rules, ClassificationRules):
        for rule in rules.rules:
            await as_sql(session, rule.conditions, today)
