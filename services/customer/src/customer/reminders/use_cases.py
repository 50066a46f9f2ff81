"""What people do with reminder rules, and what the worker does by them."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from common.access.rows import all_rows
from common.days import ZONE, day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from customer.contacts.model import Contact
from customer.customers.model import Customer
from customer.db import take_turn
from customer.follow_ups.model import Cause, FollowUp
from customer.interactions.model import Interaction
from customer.parameters import BIRTHDAY_REMINDER_DAYS
from customer.reminders.model import (
    ReminderKind,
    ReminderRule,
    ReminderRuleNotFound,
    birthdays_on,
)
from customer.reminders.schemas import ReminderRuleCreate
from customer.standings.model import Standing

AT_ONCE = 200
"""Follow-ups that one rule plans in one run."""
BELATED_DAYS = 7
"""A birthday that passed while nobody worked is still wished for so long."""
_Causes = tuple[Any, ColumnElement[str]]
"""The query for causes, whose rows `_causes` names, and the key of each as part of it."""


async def make_reminder_rule(session: AsyncSession, new: ReminderRuleCreate) -> ReminderRule:
    """Begin a rule."""
    rule, told = ReminderRule.make(**new.model_dump())
    session.add(rule)
    record(session, rule, told)
    return rule


async def get_reminder_rule(
    session: AsyncSession, rule_id: UUID, *, lock: bool = False
) -> ReminderRule:
    """The rule; `lock` keeps it for this transaction."""
    rule = await session.get(ReminderRule, rule_id, with_for_update=lock or None)
    if rule is None:
        raise ReminderRuleNotFound(f"no reminder rule {rule_id}")
    return rule


async def list_reminder_rules(session: AsyncSession, page: PageRequest) -> Page[ReminderRule]:
    """A page of rules, the oldest first."""
    return await paginate(
        session,
        select(ReminderRule),
        page,
        id_column=ReminderRule.id,
        sort_keys={"created_at": ReminderRule.created_at},
        default_sort="created_at",
    )


async def update_reminder_rule(
    session: AsyncSession, rule_id: UUID, *, changes: dict[str, Any]
) -> ReminderRule:
    """Change a rule; what it has planned stays."""
    rule = await get_reminder_rule(session, rule_id, lock=True)
    told = rule.update(changes)
    if told is not None:
        record(session, rule, told)
    return rule


async def plan_by_rules(session: AsyncSession, *, now: datetime) -> int:
    """Plan a follow-up for every cause that the rules find, each cause once; how many.

    What came up while no worker ran is found by the next one. Customers that lie in the pool have
    nobody to be reminded, and who opted out is left in peace until they opt in.
    """
    # Whoever comes second looks only when the first has committed what it planned.
    await take_turn(session, "reminders")
    with all_rows(session):
        rules = await session.execute(
            select(ReminderRule).where(ReminderRule.is_active).order_by(ReminderRule.id)
        )
        count = 0
        for rule in rules.scalars().all():
            count += await _plan_by(session, rule, now=now)
    return count


async def _plan_by(session: AsyncSession, rule: ReminderRule, *, now: datetime) -> int:
    found = await _causes(session, rule, now=now)
    for customer, contact, interaction_id, cause_key in found:
        follow_up, planned = FollowUp.plan(
            by=f"rule:{rule.id}",
            now=now,
            contact=contact,
            cause=Cause(rule.kind),
            cause_key=cause_key,
            customer_id=customer.id,
            interaction_id=interaction_id,
            subject=rule.name,
            due_at=now,
            **customer.scope,
        )
        session.add(follow_up)
        record(session, follow_up, planned)
    return len(found)


async def _causes(session: AsyncSession, rule: ReminderRule, *, now: datetime) -> Sequence[Any]:
    """Customer, contact, interaction and key of each cause for which nothing was planned yet."""
    today = day_of(now)
    match ReminderKind(rule.kind):
        case ReminderKind.NO_CONTACT:
            query, key = _long_silent(rule, now)
        case ReminderKind.PROMISED_DATE:
            query, key = _promised(rule, today)
        case ReminderKind.BIRTHDAY:
            lead_days = await value_on(session, BIRTHDAY_REMINDER_DAYS, today)
            query, key = _birthdays(rule, today, lead_days=lead_days)
    query = query.where(
        Customer.owner_id.is_not(None),
        Customer.deleted_at.is_(None),
        ~exists().where(FollowUp.cause_key == key).correlate_except(FollowUp),
    )
    if rule.grades:
        query = query.where(
            exists().where(Standing.id == Customer.id, Standing.grade.in_(rule.grades))
        )
    return (await session.execute(query.limit(AT_ONCE))).all()


def _key(rule: ReminderRule, *parts: Any) -> ColumnElement[str]:
    """The key of a cause, made where its parts are: `no_contact:<rule>:<customer>:<since>`."""
    return func.concat_ws(":", literal(rule.kind), literal(str(rule.id)), *parts)


def _long_silent(rule: ReminderRule, now: datetime) -> _Causes:
    """Customers with whom nobody has spoken for so long; a cause lasts until somebody does."""
    assert rule.days is not None
    cutoff = now - timedelta(days=rule.days)
    last = (
        select(Interaction.occurred_at)
        .where(Interaction.customer_id == Customer.id)
        .order_by(Interaction.occurred_at.desc())
        .limit(1)
        .correlate(Customer)
        .lateral("last")
    )
    since = func.coalesce(last.c.occurred_at, Customer.registered_at)
    key = _key(rule, Customer.id, cast(func.extract("epoch", since) * 1000, BigInteger))
    primary = aliased(Contact)
    query = (
        select(Customer, primary, literal(None), key)
        .select_from(Customer)
        .outerjoin(last, true())
        .outerjoin(
            primary,
            and_(
                primary.customer_id == Customer.id,
                primary.is_primary,
                primary.deleted_at.is_(None),
            ),
        )
        .where(
            # Without the interactions first: who is new is not asked.
            Customer.registered_at <= cutoff,
            since <= cutoff,
            or_(primary.id.is_(None), ~primary.is_opted_out),
        )
        .order_by(Customer.id)
    )
    return query, key


def _promised(rule: ReminderRule, today: date) -> _Causes:
    """Interactions in which something was promised for a day that is near, or has passed since the
    rule was made."""
    assert rule.days is not None
    key = _key(rule, Interaction.id, Interaction.promised_on)
    query = (
        select(Customer, Contact, Interaction.id, key)
        .select_from(Interaction)
        .join(Customer, Customer.id == Interaction.customer_id)
        .outerjoin(
            Contact, and_(Contact.id == Interaction.contact_id, Contact.deleted_at.is_(None))
        )
        .where(
            Interaction.promised_on <= today + timedelta(days=rule.days),
            Interaction.promised_on >= day_of(rule.created_at),
            or_(Contact.id.is_(None), ~Contact.is_opted_out),
        )
        .order_by(Interaction.promised_on, Interaction.id)
    )
    return query, key


def _birthdays(rule: ReminderRule, today: date, *, lead_days: int) -> _Causes:
    """Contacts who have their birthday within the lead days, or had it when no worker ran."""
    first = max(today - timedelta(days=BELATED_DAYS), day_of(rule.created_at))
    last = today + timedelta(days=lead_days)
    month_and_day = cast(
        func.extract("month", Contact.birthday) * 100 + func.extract("day", Contact.birthday),
        Integer,
    )
    years = {
        kept_as: day.year
        for ahead in range((last - first).days + 1)
        for day in [first + timedelta(days=ahead)]
        for kept_as in birthdays_on(day)
    }
    ahead = {
        kept_as
        for days in range(lead_days + 1)
        for kept_as in birthdays_on(today + timedelta(days=days))
    }
    # A number for each year, as each birthday is a cause of its own.
    year = case(years, value=month_and_day)
    key = _key(rule, Contact.id, year)
    query = (
        select(Customer, Contact, literal(None), key)
        .select_from(Contact)
        .join(Customer, Customer.id == Contact.customer_id)
        .where(
            month_and_day.in_(sorted(years)),
            Contact.deleted_at.is_(None),
            ~Contact.is_opted_out,
            # Who became known after the birthday is wished the next one.
            or_(
                month_and_day.in_(sorted(ahead)),
                Contact.created_at < datetime.combine(first, time.min, ZONE),
            ),
        )
        .order_by(Contact.id)
    )
    return query, key
