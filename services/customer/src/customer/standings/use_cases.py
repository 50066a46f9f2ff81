"""Assessing customers, what people decide otherwise, and what was in force when."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import case, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from common import clock
from common.auth import Actor
from common.days import ZONE, day_of
from common.db import Database
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.assessment_policies.rules import (
    ClassificationRules,
    GradingRules,
    Indicator,
    LifecycleRules,
    Measure,
    Stage,
    course,
    grade_by,
    steps_after,
)
from customer.assessment_policies.use_cases import policies_on
from customer.customers import use_cases as customers
from customer.customers.model import Customer
from customer.segments.conditions import as_sql
from customer.standings.model import (
    Cause,
    ClassEntry,
    Computed,
    GradeEntry,
    GradeNotOverridden,
    GradeOverriddenAlready,
    GradeOverride,
    StageEntry,
    Standing,
    measured_of,
)
from customer.standings.schemas import (
    ClassChoice,
    GradeOn,
    GradeOverrideRead,
    GradeOverrideSet,
    GradeRead,
    StandingRead,
)
from customer.transactions.use_cases import Dealings, dealings_of

AT_ONCE = 100
"""Customers that are assessed in one transaction."""
BY_TIME = "time"
"""Who ends an override whose last day has passed."""

Policies = Mapping[str, tuple[int, Any]]


# --- assessing


async def assess_due(database: Database) -> bool:
    """Assess a batch of customers whose standing may have changed; False when there is none."""
    return await assess_batch(database, now=clock.utc_now())


async def assess_batch(database: Database, *, now: datetime) -> bool:
    """As `assess_due`, at a time.

    Of what changed since, first; then of those who were not assessed today by the policies in force:
    time passes, and versions begin to count.
    """
    async with database.transaction() as session:
        today = day_of(now)
        policies = await policies_on(session, today)
        due = await _take_due(session)
        if not due:
            due = await _assessed_otherwise(session, _assessed_by(policies, today))
        if not due:
            return False
        await assess(session, due, policies=policies, now=now)
    return True


async def _take_due(session: AsyncSession) -> list[UUID]:
    # Somebody who changed much is taken once: all their rows that are there go with the first.
    taken = await session.execute(
        text("""
            DELETE FROM due_assessments WHERE of_id IN (
                SELECT of_id FROM (
                    SELECT of_id FROM due_assessments ORDER BY seq LIMIT :limit
                    FOR UPDATE SKIP LOCKED) AS first)
            RETURNING of_id
        """),
        {"limit": AT_ONCE},
    )
    return sorted(set(taken.scalars()))


async def _assessed_otherwise(session: AsyncSession, assessed_by: str) -> list[UUID]:
    # Two ranges of one index; as one inequality it would read all of it.
    found = await session.execute(
        select(Standing.id)
        .where(or_(Standing.assessed_by < assessed_by, Standing.assessed_by > assessed_by))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return sorted(found.scalars())


def _assessed_by(policies: Policies, today: date) -> str:
    versions = [
        str(policies[kind][0]) if kind in policies else "-"
        for kind in ("grading", "classification", "lifecycle")
    ]
    return f"{today.isoformat()} {'.'.join(versions)}"


async def assess(
    session: AsyncSession, customer_ids: Sequence[UUID], *, policies: Policies, now: datetime
) -> None:
    """Let grade, stage and class of these customers be what follows from all that is known now."""
    today = day_of(now)
    found = await session.execute(
        select(Customer)
        .where(Customer.id.in_(customer_ids))
        .order_by(Customer.id)
        .with_for_update()
    )
    assessed = {customer.id: customer for customer in found.scalars()}
    standings = await _standings_of(session, list(assessed))
    overrides = await _open_overrides(session, list(assessed))
    dealings = await dealings_of(session, list(assessed), today)
    for customer_id, customer in assessed.items():
        standing = standings[customer_id]
        standing.assessed_by, standing.assessed_at = _assessed_by(policies, today), now
        if customer.deleted_at is not None:
            continue
        standing.count_orders([day for day, _, _ in dealings[customer_id].orders])
        override = overrides.get(customer_id)
        if override is not None and override.is_over(today):
            override.end(by=BY_TIME, now=now)
            entry, graded = standing.end_override(customer, by=BY_TIME, now=now)
            _keep(session, customer, entry, graded)
        _grade(session, customer, standing, dealings[customer_id], policies, now=now)
        _walk(session, customer, standing, dealings[customer_id], policies, now=now)
    await session.flush()
    await _classify(session, assessed, standings, policies, now=now)


async def _standings_of(
    session: AsyncSession, customer_ids: Sequence[UUID]
) -> dict[UUID, Standing]:
    found = await session.execute(
        select(Standing).where(Standing.id.in_(customer_ids)).with_for_update()
    )
    standings = {standing.id: standing for standing in found.scalars()}
    for customer_id in customer_ids:
        if customer_id not in standings:
            standings[customer_id] = Standing(
                id=customer_id,
                order_count=0,
                breakdown=[],
                stage="potential",
                lifecycle_version=0,
                assessed_by="",
            )
            session.add(standings[customer_id])
    return standings


async def _open_overrides(
    session: AsyncSession, customer_ids: Sequence[UUID]
) -> dict[UUID, GradeOverride]:
    found = await session.execute(
        select(GradeOverride).where(
            GradeOverride.customer_id.in_(customer_ids), GradeOverride.ended_at.is_(None)
        )
    )
    return {override.customer_id: override for override in found.scalars()}


def _grade(
    session: AsyncSession,
    customer: Customer,
    standing: Standing,
    dealings: Dealings,
    policies: Policies,
    *,
    now: datetime,
) -> None:
    computed = None
    if "grading" in policies:
        version, rules = policies["grading"]
        measured = _measure(rules, customer, dealings, day_of(now))
        graded = grade_by(rules, measured, present=standing.computed_grade)
        computed = Computed(graded.grade, graded.score, graded.breakdown, version)
    entry, said = standing.grade_by_policy(customer, computed, now=now)
    _keep(session, customer, entry, said)


def _measure(
    rules: GradingRules, customer: Customer, dealings: Dealings, today: date
) -> dict[str, Decimal | None]:
    """What each indicator of the policy measures; None is unknown."""
    return {
        each.name: _measured(each, rules.currency, customer, dealings, today)
        for each in rules.indicators
    }


def _measured(
    indicator: Indicator, currency: str, customer: Customer, dealings: Dealings, today: date
) -> Decimal | None:
    first = today - timedelta(days=indicator.within_days - 1)
    recent = [order for order in dealings.orders if first <= order[0] <= today]
    match indicator.measure:
        case Measure.ORDER_COUNT:
            return Decimal(len(recent))
        case Measure.ORDERED_AMOUNT:
            return sum((total for _, total, code in recent if code == currency), Decimal(0))
        case Measure.DAYS_SINCE_ORDER:
            return Decimal((today - dealings.orders[-1][0]).days) if dealings.orders else None
        case Measure.ON_TIME_PERCENT:
            paid = dealings.paid.get(currency)
            if not paid:
                return None
            return (dealings.paid_on_time[currency] * 100 / paid).quantize(Decimal("0.01"))
        case Measure.CONTRACT_AMOUNT:
            return sum(
                (total for total, code in dealings.contracts if code == currency), Decimal(0)
            )
        case Measure.OPEN_TICKETS:
            return Decimal(dealings.open_tickets)
    return measured_of(customer)[indicator.measure]


def _walk(
    session: AsyncSession,
    customer: Customer,
    standing: Standing,
    dealings: Dealings,
    policies: Policies,
    *,
    now: datetime,
) -> None:
    version: int
    rules: LifecycleRules
    version, rules = policies["lifecycle"]
    today = day_of(now)
    walked = course(rules, [day for day, _, _ in dealings.orders], today)
    standing.lifecycle_version = version
    if walked[-1].stage == standing.stage:
        return
    ahead, cause = steps_after(Stage(standing.stage), walked), Cause.COURSE
    if not ahead:
        ahead, cause = [walked[-1]], Cause.CORRECTION
    for step in ahead:
        entry, changed = standing.enter_stage(
            customer,
            step.stage,
            since_on=step.since_on or today,
            cause=cause,
            policy_version=version,
            now=now,
        )
        _keep(session, customer, entry, changed)


async def _classify(
    session: AsyncSession,
    assessed: Mapping[UUID, Customer],
    standings: Mapping[UUID, Standing],
    policies: Policies,
    *,
    now: datetime,
) -> None:
    version, classes = None, dict.fromkeys(assessed)
    if "classification" in policies:
        version, rules = policies["classification"]
        classes = await _classes_of(session, list(assessed), rules, day_of(now))
    for customer_id, customer in assessed.items():
        if customer.deleted_at is None:
            said = standings[customer_id].classify(customer, classes[customer_id], version, now)
            if said is not None:
                _keep(session, customer, *said)


async def _classes_of(
    session: AsyncSession,
    customer_ids: Sequence[UUID],
    rules: ClassificationRules,
    today: date,
) -> dict[UUID, Any]:
    """The class of each, by the first rule that holds; one statement however many rules."""
    decided = case(
        *[
            (await as_sql(session, rule.conditions, today), place)
            for place, rule in enumerate(rules.rules)
        ],
        else_=None,
    )
    found = await session.execute(
        select(Customer.id, decided)
        .outerjoin(Standing, Standing.id == Customer.id)
        .where(Customer.id.in_(customer_ids))
    )
    return {
        customer_id: rules.otherwise if place is None else rules.rules[place].class_code
        for customer_id, place in found
    }


def _keep(session: AsyncSession, customer: Customer, entry: Any, said: Any) -> None:
    if entry is not None:
        session.add(entry)
    if said is not None:
        record(session, customer, said)


# --- what people decide


async def override_grade(
    session: AsyncSession,
    customer_id: UUID,
    given: GradeOverrideSet,
    *,
    actor: Actor,
    now: datetime,
) -> GradeOverride:
    """Give a grade whatever the policy says, until a day."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    override = GradeOverride.decide(
        customer_id,
        grade=given.grade,
        reason=given.reason,
        expires_on=given.expires_on,
        by=actor.id,
        now=now,
        today=day_of(now),
    )
    if await _open_overrides(session, [customer_id]):
        raise GradeOverriddenAlready("the grade of this customer is overridden already")
    standing = (await _standings_of(session, [customer_id]))[customer_id]
    session.add(override)
    _keep(session, customer, *standing.override_grade(customer, override, now=now))
    return override


async def end_grade_override(
    session: AsyncSession, customer_id: UUID, *, actor: Actor, now: datetime
) -> GradeOverride:
    """Let the grade follow from the policy again."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    override = (await _open_overrides(session, [customer_id])).get(customer_id)
    if override is None:
        raise GradeNotOverridden("the grade of this customer is not overridden")
    override.end(by=actor.id, now=now)
    standing = (await _standings_of(session, [customer_id]))[customer_id]
    _keep(session, customer, *standing.end_override(customer, by=actor.id, now=now))
    return override


async def choose_class(
    session: AsyncSession, customer_id: UUID, choice: ClassChoice, *, actor: Actor, now: datetime
) -> StandingRead:
    """Choose a class whatever the policy says, until that is taken back."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    standing = (await _standings_of(session, [customer_id]))[customer_id]
    chosen = standing.choose_class(
        customer, choice.class_code, reason=choice.reason, by=actor.id, now=now
    )
    _keep(session, customer, *chosen)
    await session.flush()
    return await get_standing(session, customer_id, now=now)


async def clear_class(session: AsyncSession, customer_id: UUID, *, now: datetime) -> StandingRead:
    """Let the class follow from the policy again, at once."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    standing = (await _standings_of(session, [customer_id]))[customer_id]
    standing.take_back_choice()
    await session.flush()
    policies = await policies_on(session, day_of(now))
    await _classify(session, {customer_id: customer}, {customer_id: standing}, policies, now=now)
    await session.flush()
    return await get_standing(session, customer_id, now=now)


# --- reading


async def get_standing(session: AsyncSession, customer_id: UUID, *, now: datetime) -> StandingRead:
    """What a customer is to us now."""
    await customers.get_customer(session, customer_id)
    standing = await session.get(Standing, customer_id)
    override = (await _open_overrides(session, [customer_id])).get(customer_id)
    if standing is None:
        standing = Standing(
            id=customer_id, order_count=0, breakdown=[], stage="potential", lifecycle_version=0
        )
    since_on = standing.stage_since_on
    named = set(StandingRead.model_fields) - {"customer_id", "override", "days_in_stage"}
    return StandingRead(
        customer_id=customer_id,
        override=GradeOverrideRead.model_validate(override) if override else None,
        days_in_stage=None if since_on is None else (day_of(now) - since_on).days,
        **{name: getattr(standing, name) for name in named},
    )


async def get_grade(
    session: AsyncSession, customer_id: UUID, *, on: date | None, now: datetime
) -> GradeOn:
    """The grade at the end of a day, or now."""
    await customers.get_customer(session, customer_id)
    day = on or day_of(now)
    ended_at = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZONE)
    found = await session.execute(
        select(GradeEntry)
        .where(GradeEntry.customer_id == customer_id, GradeEntry.since_at < ended_at)
        .order_by(GradeEntry.since_at.desc(), GradeEntry.id.desc())
        .limit(1)
    )
    entry = found.scalar()
    return GradeOn(
        customer_id=customer_id, on=day, grade=GradeRead.model_validate(entry) if entry else None
    )


async def list_grades(
    session: AsyncSession, customer_id: UUID, page: PageRequest
) -> Page[GradeEntry]:
    """A page of the grades a customer had, the latest first."""
    await customers.get_customer(session, customer_id)
    return await paginate(
        session,
        select(GradeEntry).where(GradeEntry.customer_id == customer_id),
        page,
        id_column=GradeEntry.id,
        sort_keys={"since_at": GradeEntry.since_at},
        default_sort="-since_at",
    )


async def list_stages(
    session: AsyncSession, customer_id: UUID, page: PageRequest
) -> Page[StageEntry]:
    """A page of the stages a customer entered, the latest first."""
    await customers.get_customer(session, customer_id)
    return await paginate(
        session,
        select(StageEntry).where(StageEntry.customer_id == customer_id),
        page,
        id_column=StageEntry.id,
        sort_keys={"entered_at": StageEntry.entered_at},
        default_sort="-entered_at",
    )


async def list_classes(
    session: AsyncSession, customer_id: UUID, page: PageRequest
) -> Page[ClassEntry]:
    """A page of the classes a customer was of, the latest first."""
    await customers.get_customer(session, customer_id)
    return await paginate(
        session,
        select(ClassEntry).where(ClassEntry.customer_id == customer_id),
        page,
        id_column=ClassEntry.id,
        sort_keys={"since_at": ClassEntry.since_at},
        default_sort="-since_at",
    )
