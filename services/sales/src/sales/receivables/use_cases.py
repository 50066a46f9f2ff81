"""What people do with payment plans and receivables, and what the worker does by itself."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, and_, cast, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from common.days import day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from sales.commissions import use_cases as commissions
from sales.copies.model import KnownCustomer
from sales.credit.model import CustomerNotFound
from sales.orders.model import Order, OrderNotFound
from sales.parameters import ORDER_PAYMENT_DAYS, RECEIVABLE_REMINDER_DAYS
from sales.receipts.model import Receipt
from sales.receivables.model import OVERDUE_BUCKETS, Allocation, Instalment, Plan
from sales.receivables.schemas import (
    Ageing,
    AgeingBucket,
    PaymentPlan,
    PaymentPlanRead,
    PaymentRead,
    PaymentSummary,
    ReceivableRead,
)

REMINDED_AT_ONCE = 200
"""Instalments that one run of the timer tells of; the next run takes the rest."""


async def plan_payments(
    session: AsyncSession, order_id: UUID, planned: PaymentPlan, *, now: datetime
) -> PaymentPlanRead:
    """Agree when an order is paid; what was received for it counts for the earliest first."""
    order = await _locked_order(session, order_id)
    plan = await load_plan(session, order)
    terms = [(each.due_on, each.amount) for each in planned.instalments]
    record(session, order, plan.lay(terms, now=now))
    await keep(session, plan)
    return _plan_read(order, plan.instalments)


async def get_payment_plan(session: AsyncSession, order_id: UUID) -> PaymentPlanRead:
    """When an order is paid and what of it is."""
    order = await session.get(Order, order_id)
    if order is None:
        raise OrderNotFound(f"no order {order_id}")
    return _plan_read(order, await _standing(session, [order_id]))


async def load_plan(session: AsyncSession, order: Order) -> Plan:
    """The plan of an order that is locked."""
    return (await load_plans(session, [order]))[order.id]


async def load_plans(session: AsyncSession, orders: Iterable[Order]) -> dict[UUID, Plan]:
    """The plans of orders that are locked, in two statements."""
    plans = {order.id: Plan(order) for order in orders}
    for instalment in await _standing(session, plans):
        plans[instalment.order_id].instalments.append(instalment)
    paid = [
        order_id
        for order_id, plan in plans.items()
        if any(each.paid_amount for each in plan.instalments)
    ]
    if paid:
        found = await session.execute(
            select(Allocation)
            .where(Allocation.order_id.in_(paid), Allocation.until_on.is_(None))
            .order_by(Allocation.recorded_at, Allocation.id)
        )
        for allocation in found.scalars():
            plans[allocation.order_id].allocations.append(allocation)
    return plans


async def keep(session: AsyncSession, *plans: Plan) -> None:
    """Write what the plans made; every change of an aggregate must have been recorded before."""
    made = [each for plan in plans for each in plan.made]
    session.add_all(each for each in made if isinstance(each, Instalment))
    # An allocation names its instalment and its receipt: these go first.
    await session.flush()
    session.add_all(each for each in made if isinstance(each, Allocation))


async def default_due_on(session: AsyncSession, ordered_on: date) -> date:
    """When an order of this day is to be paid where no plan says it."""
    return ordered_on + timedelta(days=await value_on(session, ORDER_PAYMENT_DAYS, ordered_on))


async def bring_in_paid(
    session: AsyncSession, paid: Sequence[tuple[Order, Receipt]], *, now: datetime
) -> None:
    """Keep of imported orders that one receipt paid each of them; orders and receipts are written."""
    plans = []
    days = timedelta(days=await value_on(session, ORDER_PAYMENT_DAYS, day_of(now)))
    for order, receipt in paid:
        if not receipt.allocated_amount:
            continue
        plan = Plan(order)
        plan.bind(due_on=order.ordered_on + days, now=now)
        plan.take(receipt.id, receipt.allocated_amount, received_on=receipt.received_on, now=now)
        plans.append(plan)
    await keep(session, *plans)
    await commissions.ask_for(session, *(order for order, _ in paid))


async def remind_of_receivables(session: AsyncSession, *, now: datetime) -> int:
    """Tell of every instalment that is to be paid within the lead days, or was; each once.

    Returns how many. Those of orders that somebody works on are left for the next run.
    """
    today = day_of(now)
    lead_days = await value_on(session, RECEIVABLE_REMINDER_DAYS, today)
    due = await session.execute(
        select(Instalment)
        .join(Instalment.order)
        .options(contains_eager(Instalment.order))
        .where(
            *_OPEN_NOW,
            Instalment.reminded_at.is_(None),
            Instalment.due_on <= today + timedelta(days=lead_days),
        )
        .order_by(Instalment.due_on, Instalment.id)
        .limit(REMINDED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    count = 0
    for instalment in due.scalars():
        told = instalment.remind(instalment.order, now=now)
        if told is not None:
            record(session, instalment.order, told)
            count += 1
    return count


async def list_receivables(
    session: AsyncSession,
    page: PageRequest,
    *,
    filters: Sequence[ColumnElement[bool]],
    as_of: date | None,
    now: datetime,
) -> Page[ReceivableRead]:
    """A page of the instalments that are open, now or were on a day."""
    day = as_of or day_of(now)
    stood = _stood_open(day) if day < day_of(now) else and_(*_OPEN_NOW)
    found = await paginate(
        session,
        select(Instalment)
        .join(Instalment.order)
        .options(contains_eager(Instalment.order))
        .where(stood, *filters),
        page,
        id_column=Instalment.id,
        sort_keys={"due_on": Instalment.due_on},
        default_sort="due_on",
    )
    paid = {each.id: each.paid_amount for each in found.data}
    if day < day_of(now):
        counted = await session.execute(
            select(Allocation.instalment_id, func.sum(Allocation.amount))
            .where(Allocation.instalment_id.in_(paid), _counted(day))
            .group_by(Allocation.instalment_id)
        )
        paid = {row[0]: row[1] for row in counted}
    return found.showing(lambda each: _receivable(each, paid.get(each.id, Decimal(0)), day))


async def get_ageing(
    session: AsyncSession,
    *,
    filters: Sequence[ColumnElement[bool]],
    as_of: date | None,
    now: datetime,
) -> list[Ageing]:
    """What is open by how long it is overdue, one row a currency, now or on a day; exact sums."""
    day = as_of or day_of(now)
    open_amount = (Instalment.amount - _paid(day)).label("open_amount")
    overdue = cast(literal(day) - Instalment.due_on, Integer).label("overdue")
    items = (
        select(Order.currency, open_amount, overdue)
        .select_from(Instalment)
        .join(Instalment.order)
        .where(_stood_open(day), *filters)
        .subquery("items")
    )
    sums: list[ColumnElement[Decimal]] = [
        func.coalesce(func.sum(items.c.open_amount).filter(within), 0)
        for within in (
            items.c.overdue <= 0,
            *(
                items.c.overdue >= first if last is None else items.c.overdue.between(first, last)
                for first, last in OVERDUE_BUCKETS
            ),
        )
    ]
    found = await session.execute(
        select(items.c.currency, func.count(), func.sum(items.c.open_amount), *sums)
        .group_by(items.c.currency)
        .order_by(items.c.currency)
    )
    return [
        Ageing(
            currency=currency,
            as_of=day,
            count=count,
            total=total,
            not_due=not_due,
            overdue=[
                AgeingBucket(from_days=first, to_days=last, amount=amount)
                for (first, last), amount in zip(OVERDUE_BUCKETS, buckets, strict=True)
            ],
        )
        for currency, count, total, not_due, *buckets in found
    ]


async def list_payments(
    session: AsyncSession, customer_id: UUID, page: PageRequest
) -> Page[PaymentRead]:
    """What a customer paid of which instalment, by which receipt, and how late."""
    await _check_customer(session, customer_id)
    found = await paginate(
        session,
        select(Allocation)
        .join(Allocation.order)
        .join(Allocation.instalment)
        .join(Allocation.receipt)
        .options(
            contains_eager(Allocation.order),
            contains_eager(Allocation.instalment),
            contains_eager(Allocation.receipt),
        )
        .where(Order.customer_id == customer_id, Allocation.until_on.is_(None)),
        page,
        id_column=Allocation.id,
        sort_keys={"counted_on": Allocation.counted_on},
        default_sort="-counted_on",
    )
    return found.showing(_payment)


async def _check_customer(session: AsyncSession, customer_id: UUID) -> None:
    if await session.get(KnownCustomer, customer_id) is None:
        raise CustomerNotFound(f"no customer {customer_id}")


async def get_payment_summary(session: AsyncSession, customer_id: UUID) -> list[PaymentSummary]:
    """How punctually a customer paid so far, one row a currency; from what stands only."""
    await _check_customer(session, customer_id)
    late = Receipt.received_on > Instalment.due_on
    days = func.greatest(Receipt.received_on - Instalment.due_on, 0)
    found = await session.execute(
        select(
            Order.currency,
            func.count(),
            func.sum(Allocation.amount),
            func.coalesce(func.sum(Allocation.amount).filter(~late), 0),
            func.count().filter(~late),
            func.sum(Allocation.amount * days),
            func.max(days),
        )
        .select_from(Allocation)
        .join(Allocation.order)
        .join(Allocation.instalment)
        .join(Allocation.receipt)
        .where(Order.customer_id == customer_id, Allocation.until_on.is_(None))
        .group_by(Order.currency)
        .order_by(Order.currency)
    )
    return [
        PaymentSummary(
            currency=currency,
            payments=payments,
            paid_amount=paid,
            on_time_amount=on_time,
            on_time_payments=on_time_payments,
            on_time_rate=round(on_time / paid, 4),
            average_days_late=round(weighted / paid, 1),
            most_days_late=most,
        )
        for currency, payments, paid, on_time, on_time_payments, weighted, most in found
    ]


_OPEN_NOW = (
    Instalment.until_on.is_(None),
    Instalment.since_on.is_not(None),
    Instalment.paid_amount < Instalment.amount,
)


def _counted(day: date) -> ColumnElement[bool]:
    return and_(
        Allocation.counted_on <= day,
        or_(Allocation.until_on.is_(None), Allocation.until_on > day),
    )


def _paid(day: date) -> ColumnElement[Decimal]:
    """What an instalment had been paid by the end of the day."""
    paid = (
        select(func.coalesce(func.sum(Allocation.amount), 0))
        .where(Allocation.instalment_id == Instalment.id, _counted(day))
        .correlate(Instalment)
    )
    return paid.scalar_subquery()


def _stood_open(day: date) -> ColumnElement[bool]:
    return and_(
        Instalment.since_on <= day,
        or_(Instalment.until_on.is_(None), Instalment.until_on > day),
        Instalment.amount > _paid(day),
    )


async def _standing(session: AsyncSession, order_ids: Iterable[UUID]) -> Sequence[Instalment]:
    found = await session.execute(
        select(Instalment)
        .where(Instalment.order_id.in_(list(order_ids)), Instalment.until_on.is_(None))
        .order_by(Instalment.due_on, Instalment.instalment_no)
    )
    return found.scalars().all()


async def _locked_order(session: AsyncSession, order_id: UUID) -> Order:
    order = await session.get(Order, order_id, with_for_update=True)
    if order is None:
        raise OrderNotFound(f"no order {order_id}")
    return order


def _plan_read(order: Order, instalments: Sequence[Instalment]) -> PaymentPlanRead:
    return PaymentPlanRead.model_validate(
        {
            "order_id": order.id,
            "currency": order.currency,
            "due_amount": order.due_amount,
            "paid_amount": order.paid_amount,
            "instalments": instalments,
        },
        from_attributes=True,
    )


def _receivable(instalment: Instalment, paid: Decimal, day: date) -> ReceivableRead:
    order = instalment.order
    return ReceivableRead(
        id=instalment.id,
        order_id=order.id,
        order_number=order.number,
        customer_id=order.customer_id,
        instalment_no=instalment.instalment_no,
        due_on=instalment.due_on,
        amount=instalment.amount,
        open_amount=instalment.amount - paid,
        currency=order.currency,
        days_overdue=max((day - instalment.due_on).days, 0),
        reminded_at=instalment.reminded_at,
        **order.scope,
    )


def _payment(allocation: Allocation) -> PaymentRead:
    receipt, instalment, order = allocation.receipt, allocation.instalment, allocation.order
    return PaymentRead(
        id=allocation.id,
        receipt_id=receipt.id,
        receipt_number=receipt.number,
        order_id=order.id,
        order_number=order.number,
        instalment_no=instalment.instalment_no,
        due_on=instalment.due_on,
        received_on=receipt.received_on,
        days_late=max((receipt.received_on - instalment.due_on).days, 0),
        amount=allocation.amount,
        currency=order.currency,
    )
