"""What people do with the credit of customers."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Actor
from common.days import ZONE, day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from customer.credit.model import (
    GRADES,
    CreditHeldAlready,
    CreditHold,
    CreditLimit,
    CreditNotHeld,
    CreditRating,
)
from customer.credit.schemas import (
    CreditGradeRead,
    CreditHoldChange,
    CreditHoldRead,
    CreditLimitRead,
    CreditLimitSet,
    CreditRate,
    CreditRatingRead,
    CreditRead,
)
from customer.customers import use_cases as customers


async def rate_customer(
    session: AsyncSession, customer_id: UUID, rated: CreditRate, *, actor: Actor, now: datetime
) -> CreditRating:
    """Say how far a customer is trusted."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    today = day_of(now)
    rating, changed = CreditRating.give(
        customer,
        grade=rated.grade,
        reason=rated.reason,
        effective_on=rated.effective_on or today,
        effective_until=rated.effective_until,
        is_held=await _open_hold(session, customer_id) is not None,
        by=actor.id,
        now=now,
        today=today,
    )
    record(session, customer, changed)
    session.add(rating)
    return rating


async def set_credit_limit(
    session: AsyncSession, customer_id: UUID, stated: CreditLimitSet, *, actor: Actor, now: datetime
) -> CreditLimit:
    """Say how much a customer may owe."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    today = day_of(now)
    limit, changed = CreditLimit.state(
        customer,
        amount=stated.amount,
        currency=stated.currency,
        valid_from=stated.valid_from or today,
        valid_until=stated.valid_until,
        reason=stated.reason,
        is_held=await _open_hold(session, customer_id) is not None,
        by=actor.id,
        now=now,
        today=today,
    )
    record(session, customer, changed)
    session.add(limit)
    return limit


async def hold_credit(
    session: AsyncSession, customer_id: UUID, why: CreditHoldChange, *, actor: Actor, now: datetime
) -> CreditHold:
    """Give a customer nothing more on credit."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    if await _open_hold(session, customer_id) is not None:
        raise CreditHeldAlready("the credit of this customer is on hold")
    hold, changed = CreditHold.begin(customer, reason=why.reason, by=actor.id, now=now)
    record(session, customer, changed)
    session.add(hold)
    return hold


async def release_credit(
    session: AsyncSession, customer_id: UUID, why: CreditHoldChange, *, actor: Actor, now: datetime
) -> CreditHold:
    """Let the customer's limit count again."""
    customer = await customers.get_customer(session, customer_id, lock=True)
    hold = await _open_hold(session, customer_id)
    if hold is None:
        raise CreditNotHeld("the credit of this customer is not on hold")
    record(session, customer, hold.release(customer, reason=why.reason, by=actor.id, now=now))
    return hold


async def get_credit(
    session: AsyncSession, customer_id: UUID, *, on: date | None, now: datetime
) -> CreditRead:
    """What was or is in force on a day."""
    await customers.get_customer(session, customer_id)
    day = on or day_of(now)
    ratings = await session.execute(
        select(CreditRating)
        .where(CreditRating.customer_id == customer_id, CreditRating.effective_on <= day)
        .order_by(CreditRating.effective_on.desc(), CreditRating.id.desc())
        .limit(1)
    )
    limits = await session.execute(
        select(CreditLimit)
        .where(CreditLimit.customer_id == customer_id, CreditLimit.valid_from <= day)
        .order_by(CreditLimit.valid_from.desc(), CreditLimit.id.desc())
        .limit(1)
    )
    rating, limit = ratings.scalar(), limits.scalar()
    if rating is not None and rating.effective_until is not None and rating.effective_until < day:
        rating = None
    if limit is not None and limit.valid_until is not None and limit.valid_until < day:
        limit = None
    hold = await _hold_on(session, customer_id, day)
    return CreditRead(
        customer_id=customer_id,
        on=day,
        rating=CreditRatingRead.model_validate(rating) if rating else None,
        limit=CreditLimitRead.model_validate(limit) if limit else None,
        is_held=hold is not None,
        hold=CreditHoldRead.model_validate(hold) if hold else None,
    )


async def list_ratings(
    session: AsyncSession, customer_id: UUID, page: PageRequest
) -> Page[CreditRating]:
    """A page of a customer's ratings, the latest said first."""
    await customers.get_customer(session, customer_id)
    return await paginate(
        session,
        select(CreditRating).where(CreditRating.customer_id == customer_id),
        page,
        id_column=CreditRating.id,
        sort_keys={"rated_at": CreditRating.rated_at},
        default_sort="-rated_at",
    )


async def list_limits(
    session: AsyncSession, customer_id: UUID, page: PageRequest
) -> Page[CreditLimit]:
    """A page of a customer's limits, the latest said first."""
    await customers.get_customer(session, customer_id)
    return await paginate(
        session,
        select(CreditLimit).where(CreditLimit.customer_id == customer_id),
        page,
        id_column=CreditLimit.id,
        sort_keys={"set_at": CreditLimit.set_at},
        default_sort="-set_at",
    )


def list_grades() -> list[CreditGradeRead]:
    """The dictionary of grades, the best first."""
    return [
        CreditGradeRead(code=grade, rank=rank, name=meaning.name, english_name=meaning.english_name)
        for rank, (grade, meaning) in enumerate(GRADES.items(), start=1)
    ]


async def _open_hold(session: AsyncSession, customer_id: UUID) -> CreditHold | None:
    found = await session.execute(
        select(CreditHold).where(
            CreditHold.customer_id == customer_id, CreditHold.released_at.is_(None)
        )
    )
    return found.scalar()


async def _hold_on(session: AsyncSession, customer_id: UUID, day: date) -> CreditHold | None:
    """The last hold that was there at the end of the day."""
    held_on = func.date(func.timezone(ZONE.key, CreditHold.held_at))
    released_on = func.date(func.timezone(ZONE.key, CreditHold.released_at))
    found = await session.execute(
        select(CreditHold)
        .where(
            CreditHold.customer_id == customer_id,
            held_on <= day,
            or_(CreditHold.released_at.is_(None), released_on > day),
        )
        .order_by(CreditHold.held_at.desc())
        .limit(1)
    )
    return found.scalar()
