"""Keeping the ledger of commissions, and settling it.

Whatever changes an order asks for its commissions to be reckoned, with one row in the same
transaction (`ask_for`); the worker reckons. Those who write the ledger take turns, so that a line is
never booked into a period that somebody is just closing.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, selectinload

from common import clock
from common.access.rows import all_rows
from common.auth import Actor
from common.days import day_of
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from sales.commission_rules.model import CommissionRule, RuleState
from sales.commission_rules.terms import Base, Sold
from sales.commissions.model import (
    Commission,
    CommissionDue,
    CommissionPeriod,
    CommissionPeriodNotFound,
    CommissionsStillReckoned,
    CommissionStatement,
    CommissionStatementNotFound,
    EarlierPeriodOpen,
    PeriodState,
    month_after,
    month_of,
)
from sales.commissions.reckoning import Earning, Rules, Source, reckon
from sales.commissions.schemas import StatementProof
from sales.copies.model import KnownEmployee
from sales.db import take_turn
from sales.orders.model import PAYABLE, Order
from sales.products.model import Product
from sales.receipts.model import Receipt
from sales.receivables.model import Allocation

RECKONED_AT_ONCE = 100
"""Orders of one transaction of the worker; the next takes the rest."""
SEES_OTHERS = "sales.commissions.see-others"
_LEDGER = "commission ledger"


async def ask_for(session: AsyncSession, *orders: Order) -> None:
    """Have the commissions of these orders reckoned anew; each is locked and was changed."""
    if not orders:
        return
    now = clock.utc_now()
    await _ask(
        session,
        insert(CommissionDue).values(
            [
                {"order_id": order_id, "asked_at": now}
                for order_id in sorted({order.id for order in orders})
            ]
        ),
    )


async def ask_for_all_since(session: AsyncSession, day: date) -> None:
    """Have every order reckoned that was made, or paid of, on that day or later."""
    paid = exists().where(Allocation.order_id == Order.id, Allocation.counted_on >= day)
    await _ask(
        session,
        insert(CommissionDue).from_select(
            ["order_id", "asked_at"],
            select(Order.id, literal(clock.utc_now()))
            .where(Order.state.in_(PAYABLE), or_(Order.ordered_on >= day, paid))
            # As everybody does who asks for several, so that nobody waits in a circle.
            .order_by(Order.id),
        ),
    )


async def reckon_due(session: AsyncSession, *, now: datetime) -> int:
    """Bring the ledger in line with the orders that ask for it; how many there were.

    Orders that somebody works on are left for the next run.
    """
    found = await session.execute(
        select(Order)
        .join(CommissionDue, CommissionDue.order_id == Order.id)
        .options(selectinload(Order.lines))
        .order_by(CommissionDue.asked_at, Order.id)
        .limit(RECKONED_AT_ONCE)
        .with_for_update(of=Order, skip_locked=True)
        # What this session has seen before the locks were there may be old.
        .execution_options(populate_existing=True)
    )
    orders = found.scalars().all()
    if not orders:
        return 0
    await take_turn(session, _LEDGER)
    # Who asks from now on waits for this deletion, and asks again: what is read next is all there is.
    await session.execute(
        delete(CommissionDue)
        .where(CommissionDue.order_id.in_([order.id for order in orders]))
        .execution_options(synchronize_session=False)
    )
    lines = await _lacking(session, orders, today=day_of(now))
    await _book(session, lines)
    return len(orders)


async def list_commissions(
    session: AsyncSession,
    page: PageRequest,
    *,
    actor: Actor,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Commission]:
    """A page of the ledger; who may not see others' sees the own."""
    return await paginate(
        session,
        select(Commission).where(*filters, *_own(actor, Commission.payee_id)),
        page,
        id_column=Commission.id,
        sort_keys={"booked_on": Commission.booked_on},
        default_sort="-booked_on",
    )


async def list_commission_periods(
    session: AsyncSession, page: PageRequest, *, state: str | None = None
) -> Page[CommissionPeriod]:
    """A page of periods, the last one first."""
    query = select(CommissionPeriod)
    if state is not None:
        query = query.where(CommissionPeriod.state == state)
    return await paginate(
        session,
        query,
        page,
        id_column=CommissionPeriod.id,
        sort_keys={"starts_on": CommissionPeriod.starts_on},
        default_sort="-starts_on",
    )


async def settle_commission_period(
    session: AsyncSession, period_id: UUID, *, actor: Actor, now: datetime
) -> CommissionPeriod:
    """Close a period for good, and state what each payee gets for it."""
    await take_turn(session, _LEDGER)
    period = await session.get(
        CommissionPeriod, period_id, with_for_update=True, populate_existing=True
    )
    if period is None:
        raise CommissionPeriodNotFound(f"no commission period {period_id}")
    period.check_is_due(today=day_of(now))
    await _check_turn_of(session, period)
    # All of them: who may not write everybody's statement is refused, and settles no part.
    with all_rows(session):
        found = await session.execute(
            select(Commission)
            .where(Commission.period_id == period_id)
            .order_by(Commission.payee_kind, Commission.payee_id, Commission.id)
        )
        lines = found.scalars().all()
    closed = period.settle(
        by=actor.id,
        now=now,
        today=day_of(now),
        payees={line.payee_id for line in lines},
        payee_ids=_payee_ids(actor),
    )
    record(session, period, closed)
    for _, own in groupby(lines, key=lambda line: (line.payee_kind, line.payee_id)):
        statement, settled = CommissionStatement.of(period, list(own), by=actor.id, now=now)
        session.add(statement)
        record(session, statement, settled)
    return period


async def list_commission_statements(
    session: AsyncSession,
    page: PageRequest,
    *,
    actor: Actor,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[CommissionStatement]:
    """A page of statements; who may not see others' sees the own."""
    return await paginate(
        session,
        select(CommissionStatement).where(*filters, *_own(actor, CommissionStatement.payee_id)),
        page,
        id_column=CommissionStatement.id,
        sort_keys={"settled_at": CommissionStatement.settled_at},
        default_sort="-settled_at",
    )


async def get_commission_statement(
    session: AsyncSession, statement_id: UUID, *, actor: Actor
) -> CommissionStatement:
    """The statement; another's is not found by who may not see it."""
    found = await session.execute(
        select(CommissionStatement).where(
            CommissionStatement.id == statement_id, *_own(actor, CommissionStatement.payee_id)
        )
    )
    statement = found.scalar()
    if statement is None:
        raise CommissionStatementNotFound(f"no commission statement {statement_id}")
    return statement


async def list_statement_lines(
    session: AsyncSession, statement_id: UUID, page: PageRequest, *, actor: Actor
) -> Page[Commission]:
    """A page of the lines that a statement is made over, in the order of its hash."""
    statement = await get_commission_statement(session, statement_id, actor=actor)
    return await paginate(
        session,
        select(Commission).where(*_lines_of(statement)),
        page,
        id_column=Commission.id,
        sort_keys={"id": Commission.id},
        default_sort="id",
    )


async def prove_commission_statement(
    session: AsyncSession, statement_id: UUID, *, actor: Actor
) -> StatementProof:
    """Whether the ledger still says what the statement was made over."""
    statement = await get_commission_statement(session, statement_id, actor=actor)
    # A payee may have changed departments since; the statement is over all of its lines.
    with all_rows(session):
        found = await session.execute(
            select(Commission).where(*_lines_of(statement)).order_by(Commission.id)
        )
        lines = found.scalars().all()
    return StatementProof(lines_hash=statement.lines_hash, is_proven=statement.is_proven_by(lines))


async def _ask(session: AsyncSession, asking: Insert) -> None:
    await session.execute(
        asking.on_conflict_do_update(
            index_elements=["order_id"], set_={"asked_at": asking.excluded.asked_at}
        )
    )


async def _lacking(
    session: AsyncSession, orders: Sequence[Order], *, today: date
) -> list[Commission]:
    order_ids = [order.id for order in orders]
    active = await session.execute(
        select(CommissionRule).where(CommissionRule.state == RuleState.ACTIVE)
    )
    rules = Rules(active.scalars())
    written = await session.execute(
        select(Commission).where(Commission.order_id.in_(order_ids)).order_by(Commission.id)
    )
    ledger: dict[UUID, list[Commission]] = defaultdict(list)
    for line in written.scalars():
        ledger[line.order_id].append(line)
    earnings = await _earnings(session, orders, rules)
    return [
        line
        for earning in earnings
        for line in reckon(earning, rules, ledger[earning.order_id], today=today)
    ]


async def _earnings(session: AsyncSession, orders: Sequence[Order], rules: Rules) -> list[Earning]:
    """The orders with all that earns, in three statements."""
    products = await session.execute(
        select(Product.id, Product.kind, Product.series).where(
            Product.id.in_({line.product_id for order in orders for line in order.lines})
        )
    )
    known = {row.id: row for row in products}
    taken = await session.execute(
        select(
            Allocation.order_id,
            Allocation.receipt_id,
            Receipt.received_on,
            func.sum(Allocation.amount).label("amount"),
        )
        .join(Allocation.receipt)
        .where(
            Allocation.order_id.in_([order.id for order in orders]), Allocation.until_on.is_(None)
        )
        .group_by(Allocation.order_id, Allocation.receipt_id, Receipt.received_on)
        .order_by(Receipt.received_on, Allocation.receipt_id)
    )
    received: dict[UUID, list[Source]] = defaultdict(list)
    for order_id, receipt_id, received_on, amount in taken:
        received[order_id].append(Source(Base.RECEIPT, receipt_id, amount, received_on))
    people = {order.owner_id for order in orders} | rules.named_people
    staff = await session.execute(
        select(KnownEmployee.id, KnownEmployee.department_id).where(KnownEmployee.id.in_(people))
    )
    departments = {row.id: row.department_id for row in staff}
    earnings = []
    for order in orders:
        sold = [
            Sold(
                order_line_id=line.id,
                line_no=line.line_no,
                product_id=line.product_id,
                product_kind=known[line.product_id].kind,
                product_series=known[line.product_id].series,
                amount=line.amount - line.cancelled_amount,
            )
            for line in order.lines
        ]
        sources = [
            Source(Base.ORDER_LINE, line.order_line_id, line.amount, order.ordered_on)
            for line in sold
            if line.amount
        ]
        earnings.append(
            Earning(
                order_id=order.id,
                number=order.number,
                owner_id=order.owner_id,
                partner_id=order.partner_id,
                currency=order.currency,
                places=order.places,
                sold=sold,
                sources=[*sources, *received[order.id]] if order.binds else [],
                departments=departments,
            )
        )
    return earnings


async def _book(session: AsyncSession, lines: Sequence[Commission]) -> None:
    """Write the lines, each into the month of its day, or the first that is open after that."""
    if not lines:
        return
    found = await session.execute(select(CommissionPeriod))
    periods = {period.starts_on: period for period in found.scalars()}
    closed = [each for each in periods.values() if each.state == PeriodState.CLOSED]
    first_open = max((month_after(each.starts_on) for each in closed), default=date.min)
    made = False
    for line in lines:
        starts_on = max(month_of(line.booked_on), first_open)
        if starts_on not in periods:
            period, opened = CommissionPeriod.of(starts_on)
            session.add(period)
            record(session, period, opened)
            periods[starts_on] = period
            made = True
        line.period_id = periods[starts_on].id
    if made:
        # The lines name their period.
        await session.flush()
    for line in lines:
        session.add(line)
        record(session, line, line.told)


async def _check_turn_of(session: AsyncSession, period: CommissionPeriod) -> None:
    """Refuse while an earlier period is open, or orders wait that may belong into this one."""
    earlier = await session.execute(
        select(CommissionPeriod.starts_on)
        .where(
            CommissionPeriod.state == PeriodState.OPEN,
            CommissionPeriod.starts_on < period.starts_on,
        )
        .order_by(CommissionPeriod.starts_on)
        .limit(1)
    )
    first = earlier.scalar()
    if first is not None:
        raise EarlierPeriodOpen(f"the period of {first} is open", earlier=str(first))
    waiting = await session.execute(select(exists().where(CommissionDue.order_id.is_not(None))))
    if waiting.scalar():
        raise CommissionsStillReckoned("orders wait for their commissions: ask again in a moment")


def _payee_ids(actor: Actor) -> frozenset[UUID]:
    return frozenset(id_ for id_ in (actor.employee_id, actor.partner_id) if id_ is not None)


def _own(actor: Actor, payee_id: Mapped[UUID]) -> list[ColumnElement[bool]]:
    return [] if actor.may(SEES_OTHERS) else [payee_id.in_(_payee_ids(actor))]


def _lines_of(statement: CommissionStatement) -> list[ColumnElement[bool]]:
    return [
        Commission.period_id == statement.period_id,
        Commission.payee_kind == statement.payee_kind,
        Commission.payee_id == statement.payee_id,
    ]
