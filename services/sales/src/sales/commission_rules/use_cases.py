"""What people do with commission rules."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.days import day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from sales.commission_rules.model import CommissionRule, CommissionRuleNotFound
from sales.commission_rules.schemas import CommissionRuleDraft
from sales.commissions import use_cases as commissions
from sales.db import take_turn


async def draft_commission_rule(session: AsyncSession, new: CommissionRuleDraft) -> CommissionRule:
    """Begin a version of a rule."""
    await take_turn(session, f"commission rule {new.code}")
    newest = await session.execute(
        select(func.max(CommissionRule.rule_version)).where(CommissionRule.code == new.code)
    )
    rule, drafted = CommissionRule.draft(
        rule_version=(newest.scalar() or 0) + 1,
        terms=new.terms,
        **new.model_dump(exclude={"terms"}),
    )
    session.add(rule)
    record(session, rule, drafted)
    return rule


async def get_commission_rule(
    session: AsyncSession, rule_id: UUID, *, lock: bool = False
) -> CommissionRule:
    """The rule; `lock` keeps it for this transaction."""
    rule = await session.get(CommissionRule, rule_id, with_for_update=lock or None)
    if rule is None:
        raise CommissionRuleNotFound(f"no commission rule {rule_id}")
    return rule


async def list_commission_rules(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[CommissionRule]:
    """A page of versions, those that began last first."""
    return await paginate(
        session,
        select(CommissionRule).where(*filters),
        page,
        id_column=CommissionRule.id,
        sort_keys={"valid_from": CommissionRule.valid_from, "code": CommissionRule.code},
        default_sort="-valid_from",
    )


async def update_commission_rule(
    session: AsyncSession, rule_id: UUID, *, changes: dict[str, Any]
) -> CommissionRule:
    """Change a draft."""
    rule = await get_commission_rule(session, rule_id, lock=True)
    drafted = rule.update(changes)
    if drafted is not None:
        record(session, rule, drafted)
    return rule


async def activate_commission_rule(
    session: AsyncSession, rule_id: UUID, *, actor: Actor
) -> CommissionRule:
    """Let a draft pay, for what was sold since its first day as well."""
    rule = await get_commission_rule(session, rule_id, lock=True)
    record(session, rule, rule.activate(by=actor.id))
    await commissions.ask_for_all_since(session, rule.valid_from)
    return rule


async def end_commission_rule(
    session: AsyncSession, rule_id: UUID, *, valid_until: date | None, actor: Actor, now: datetime
) -> CommissionRule:
    """Let a version pay up to a day and no longer."""
    rule = await get_commission_rule(session, rule_id, lock=True)
    today = day_of(now)
    record(session, rule, rule.end(on=valid_until or today, today=today, by=actor.id))
    return rule


async def withdraw_commission_rule(
    session: AsyncSession, rule_id: UUID, *, actor: Actor
) -> CommissionRule:
    """Give up a draft."""
    rule = await get_commission_rule(session, rule_id, lock=True)
    record(session, rule, rule.withdraw(by=actor.id))
    return rule
