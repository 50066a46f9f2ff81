"""Keeping the copies of what customers bought, paid and signed, and reading them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from common import clock
from common.days import day_of
from common.ids import new_id
from common.pagination import Page, PageRequest, paginate
from customer.customers import use_cases as customers
from customer.db import SERVICE
from customer.transactions.model import (
    BINDING,
    KnownContract,
    KnownInstalment,
    KnownOrder,
    KnownOrderLine,
    KnownPayment,
    KnownReceipt,
    KnownTicket,
    Listening,
    Money,
    spread,
)
from customer.transactions.schemas import (
    BoughtProduct,
    BoughtTotal,
    FeedState,
    Freshness,
    PaymentHistory,
    PaymentLine,
    PaymentTotal,
    TransactionLine,
    TransactionRead,
    TransactionSummary,
)

SAYS_IT_LISTENS_EVERY_S = 60
SILENT_AFTER = timedelta(minutes=5)
"""When the worker did not say for so long that it applies events, the copies count as behind."""

FEEDS: Mapping[str, Any] = {
    "sales.order": KnownOrder,
    "sales.receipt": KnownReceipt,
    "contract.contract": KnownContract,
    "service_desk.ticket": KnownTicket,
}
"""The records of other services that are copied here."""


# --- keeping the copies


async def keep_order(
    session: AsyncSession,
    order_id: UUID,
    values: Mapping[str, Any],
    *,
    lines: Sequence[Mapping[str, Any]] | None = None,
    instalments: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Bring an order up to date with what an event says of it; lines and plan are whole, or unsaid."""
    await _keep(session, KnownOrder, order_id, values)
    if lines is not None:
        await session.execute(delete(KnownOrderLine).where(KnownOrderLine.order_id == order_id))
        session.add_all(KnownOrderLine.of(order_id, dict(line)) for line in lines)
    if instalments is not None:
        await _keep_plan(session, order_id, instalments)


async def take_back_lines(
    session: AsyncSession, order_id: UUID, taken_back: Mapping[int, tuple[Decimal, Decimal]]
) -> None:
    """So much, as (quantity, amount) by line number, of an order is no longer sold."""
    found = await session.execute(
        select(KnownOrderLine).where(
            KnownOrderLine.order_id == order_id, KnownOrderLine.line_no.in_(taken_back)
        )
    )
    for line in found.scalars():
        quantity, amount = taken_back[line.line_no]
        if not line.take_back(quantity=quantity, amount=amount):
            await session.delete(line)


async def _keep_plan(
    session: AsyncSession, order_id: UUID, instalments: Sequence[Mapping[str, Any]]
) -> None:
    await _one_at_a_time(session, [order_id])
    known = await session.execute(
        select(KnownInstalment).where(KnownInstalment.order_id == order_id)
    )
    there = {each.id: each for each in known.scalars()}
    plan = {each["id"]: each for each in instalments}
    for instalment_id, each in there.items():
        each.is_replaced = instalment_id not in plan
    session.add_all(
        KnownInstalment(order_id=order_id, is_replaced=False, **values)
        for instalment_id, values in plan.items()
        if instalment_id not in there
    )
    await session.flush()
    replaced = there.keys() - plan.keys()
    if replaced:
        await _pay_by_the_plan(session, order_id)


async def _pay_by_the_plan(session: AsyncSession, order_id: UUID) -> None:
    """Let what was paid of instalments that are replaced pay those that stand."""
    found = await session.execute(
        select(KnownPayment).where(KnownPayment.order_id == order_id).order_by(KnownPayment.id)
    )
    payments = found.scalars().all()
    plan = await session.execute(
        select(KnownInstalment).where(KnownInstalment.order_id == order_id)
    )
    instalments = plan.scalars().all()
    replaced = {each.id for each in instalments if each.is_replaced}
    # What was told for instalments that are not known yet belongs to a plan that is on its way.
    if not any(each.instalment_id in replaced for each in payments):
        return
    known = {each.id for each in instalments}
    moved = [each for each in payments if each.instalment_id in known]
    money: dict[UUID, Money] = {}
    for each in moved:
        before = money.get(each.receipt_id)
        money[each.receipt_id] = Money(
            each.receipt_id,
            each.receipt_number,
            each.received_on,
            each.currency,
            each.amount + (before.amount if before else Decimal(0)),
        )
        await session.delete(each)
    standing = [each for each in instalments if not each.is_replaced]
    session.add_all(spread(order_id, money.values(), standing))


async def keep_receipt(session: AsyncSession, receipt_id: UUID, values: Mapping[str, Any]) -> None:
    """Bring a receipt up to date with what an event says of it."""
    await _keep(session, KnownReceipt, receipt_id, values)


async def take_payments(
    session: AsyncSession, receipt_id: UUID, allocations: Sequence[Mapping[str, Any]]
) -> None:
    """Instalments took these parts of a receipt that is known."""
    if not allocations:
        return
    order_ids = {each["order_id"] for each in allocations}
    await _one_at_a_time(session, order_ids)
    receipt = await session.get_one(KnownReceipt, receipt_id)
    session.add_all(
        KnownPayment(
            id=new_id(),
            receipt_id=receipt_id,
            receipt_number=receipt.number,
            received_on=receipt.received_on,
            currency=receipt.currency,
            **each,
        )
        for each in allocations
    )
    await session.flush()
    for order_id in sorted(order_ids):
        await _pay_by_the_plan(session, order_id)


async def give_back_payments(
    session: AsyncSession, receipt_id: UUID, *, of_orders: Iterable[UUID] | None = None
) -> None:
    """A receipt pays nothing any more, of these orders or of any."""
    gone = delete(KnownPayment).where(KnownPayment.receipt_id == receipt_id)
    if of_orders is not None:
        gone = gone.where(KnownPayment.order_id.in_(list(of_orders)))
    await session.execute(gone)


async def keep_contract(
    session: AsyncSession, contract_id: UUID, values: Mapping[str, Any]
) -> None:
    """Bring a contract up to date with what an event says of it."""
    await _keep(session, KnownContract, contract_id, values)


async def keep_ticket(session: AsyncSession, ticket_id: UUID, values: Mapping[str, Any]) -> None:
    """Bring a ticket up to date with what an event says of it."""
    await _keep(session, KnownTicket, ticket_id, values)


async def heard_before(session: AsyncSession, order_ids: Iterable[UUID]) -> set[UUID]:
    """Orders whose events are only read again, because they were heard before they were copied."""
    found = await session.execute(
        text("DELETE FROM replayed_orders WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING id"),
        {"ids": list(order_ids)},
    )
    return set(found.scalars())


async def say_that_it_listens(session: AsyncSession) -> None:
    """Note that the worker is there and applies events."""
    said = insert(Listening).values(service=SERVICE, said_at=clock.utc_now())
    await session.execute(
        said.on_conflict_do_update(
            index_elements=["service"], set_={"said_at": said.excluded.said_at}
        )
    )


async def _keep(
    session: AsyncSession, kind: Any, record_id: UUID, values: Mapping[str, Any]
) -> None:
    """An upsert, where the event tells all that a new copy needs; an update otherwise."""
    needed = {
        column.name
        for column in kind.__table__.columns
        if not column.nullable and column.name != "id"
    }
    if needed <= values.keys():
        new = insert(kind).values(id=record_id, **values)
        await session.execute(
            new.on_conflict_do_update(
                index_elements=["id"], set_={name: new.excluded[name] for name in values}
            )
        )
    else:
        await session.execute(update(kind).where(kind.id == record_id).values(**values))


async def _one_at_a_time(session: AsyncSession, order_ids: Iterable[UUID]) -> None:
    """Hold the payments of these orders: order and receipts tell of them in lanes of their own."""
    await session.execute(
        text(
            "SELECT pg_advisory_xact_lock(hashtextextended('payments ' || id, 0))"
            " FROM unnest(CAST(:ids AS text[])) AS id"
        ),
        {"ids": [str(order_id) for order_id in sorted(order_ids)]},
    )


# --- reading them


async def freshness(session: AsyncSession, now: datetime) -> dict[str, Freshness]:
    """How good each copy is, by what is copied; one statement."""
    newest = [
        select(func.max(kind.told_at)).select_from(kind.__table__).scalar_subquery()
        for kind in FEEDS.values()
    ]
    parked = text("""
        (SELECT coalesce(jsonb_object_agg(aggregate_type, n), '{}') FROM (
            SELECT aggregate_type, count(*) AS n FROM inbox_event
            WHERE aggregate_type = ANY(CAST(:feeds AS text[])) GROUP BY aggregate_type) AS counted)
    """).bindparams(feeds=list(FEEDS))
    said = select(func.max(Listening.said_at)).scalar_subquery()
    row = (await session.execute(select(said, parked, *newest))).one()
    applied_at, waiting, told = row[0], row[1], row[2:]
    is_silent = applied_at is None or now - applied_at > SILENT_AFTER
    found = {}
    for feed, as_of in zip(FEEDS, told, strict=True):
        count = int(waiting.get(feed, 0))
        state = FeedState.BEHIND if count or is_silent else FeedState.CURRENT
        if as_of is None and not count:
            state = FeedState.NEVER_HEARD
        found[feed] = Freshness(
            state=state, as_of=as_of, parked_events=count, applied_at=applied_at
        )
    return found


async def list_transactions(
    session: AsyncSession, customer_id: UUID, page: PageRequest, *, state: str | None = None
) -> Page[TransactionRead]:
    """A page of a customer's orders with their lines, the latest day first; drafts come last."""
    await customers.get_customer(session, customer_id)
    query = select(KnownOrder).where(KnownOrder.customer_id == customer_id)
    if state is not None:
        query = query.where(KnownOrder.state == state)
    found = await paginate(
        session,
        query,
        page,
        id_column=KnownOrder.id,
        sort_keys={"ordered_on": KnownOrder.ordered_on, "told_at": KnownOrder.told_at},
        default_sort="-ordered_on",
    )
    lines = await _lines_of(session, [order.id for order in found.data])
    return found.showing(lambda order: _transaction(order, lines.get(order.id, [])))


async def latest_transactions(
    session: AsyncSession, customer_id: UUID, limit: int
) -> list[TransactionRead]:
    """The latest orders of a customer with their lines."""
    found = await session.execute(
        select(KnownOrder)
        .where(KnownOrder.customer_id == customer_id)
        .order_by(KnownOrder.ordered_on.desc().nulls_last(), KnownOrder.id.desc())
        .limit(limit)
    )
    orders = found.scalars().all()
    lines = await _lines_of(session, [order.id for order in orders])
    return [_transaction(order, lines.get(order.id, [])) for order in orders]


async def get_transaction_summary(
    session: AsyncSession, customer_id: UUID, *, now: datetime
) -> TransactionSummary:
    """What a customer bought so far, in all and by product."""
    await customers.get_customer(session, customer_id)
    return TransactionSummary(
        customer_id=customer_id,
        freshness=(await freshness(session, now))["sales.order"],
        totals=await bought_totals(session, customer_id),
        products=await _bought_products(session, customer_id),
    )


async def bought_totals(session: AsyncSession, customer_id: UUID) -> list[BoughtTotal]:
    """What a customer's binding orders add up to, one row a currency."""
    found = await session.execute(
        select(
            KnownOrder.currency,
            func.count().label("orders"),
            func.sum(KnownOrder.total).label("amount"),
            func.min(KnownOrder.ordered_on).label("first_ordered_on"),
            func.max(KnownOrder.ordered_on).label("last_ordered_on"),
        )
        .where(KnownOrder.customer_id == customer_id, KnownOrder.state.in_(BINDING))
        .group_by(KnownOrder.currency)
        .order_by(KnownOrder.currency)
    )
    return [BoughtTotal(**row) for row in found.mappings()]


async def _bought_products(session: AsyncSession, customer_id: UUID) -> list[BoughtProduct]:
    found = await session.execute(
        select(
            KnownOrderLine.product_id,
            func.max(KnownOrderLine.product_name).label("product_name"),
            KnownOrder.currency,
            func.count(KnownOrder.id.distinct()).label("orders"),
            func.sum(KnownOrderLine.quantity).label("quantity"),
            func.sum(KnownOrderLine.amount).label("amount"),
            func.max(KnownOrder.ordered_on).label("last_ordered_on"),
        )
        .join(KnownOrder, KnownOrder.id == KnownOrderLine.order_id)
        .where(KnownOrder.customer_id == customer_id, KnownOrder.state.in_(BINDING))
        .group_by(KnownOrderLine.product_id, KnownOrder.currency)
        .order_by(func.sum(KnownOrderLine.amount).desc(), KnownOrderLine.product_id)
    )
    return [BoughtProduct(**row) for row in found.mappings()]


async def list_payments(
    session: AsyncSession, customer_id: UUID, page: PageRequest
) -> Page[PaymentLine]:
    """A page of what a customer paid of which instalment, by which receipt, and how late."""
    await customers.get_customer(session, customer_id)
    orders = select(KnownOrder.id).where(KnownOrder.customer_id == customer_id)
    found = await paginate(
        session,
        select(KnownPayment).where(KnownPayment.order_id.in_(orders)),
        page,
        id_column=KnownPayment.id,
        sort_keys={"received_on": KnownPayment.received_on},
        default_sort="-received_on",
    )
    numbered = await session.execute(
        select(KnownOrder.id, KnownOrder.number).where(
            KnownOrder.id.in_([each.order_id for each in found.data])
        )
    )
    numbers = {row.id: row.number for row in numbered}
    return found.showing(
        lambda each: PaymentLine(
            order_number=numbers[each.order_id],
            **{
                name: getattr(each, name)
                for name in PaymentLine.model_fields
                if name != "order_number"
            },
        )
    )


async def get_payment_history(
    session: AsyncSession, customer_id: UUID, *, now: datetime
) -> PaymentHistory:
    """How punctually a customer paid so far."""
    await customers.get_customer(session, customer_id)
    fresh = await freshness(session, now)
    return PaymentHistory(
        customer_id=customer_id,
        orders=fresh["sales.order"],
        receipts=fresh["sales.receipt"],
        totals=await payment_totals(session, customer_id, today=day_of(now)),
    )


async def payment_totals(
    session: AsyncSession, customer_id: UUID, *, today: date
) -> list[PaymentTotal]:
    """What was due and paid, one row a currency."""
    late = KnownPayment.received_on > KnownPayment.due_on
    days = func.greatest(KnownPayment.received_on - KnownPayment.due_on, 0)
    paid = await session.execute(
        select(
            KnownOrder.currency,
            func.count().label("payments"),
            func.sum(KnownPayment.amount).label("paid_amount"),
            func.count().filter(~late).label("on_time_payments"),
            func.coalesce(func.sum(KnownPayment.amount).filter(~late), 0).label("on_time_amount"),
            func.sum(KnownPayment.amount * days).label("weighted"),
            func.max(days).label("most_days_late"),
        )
        .join(KnownOrder, KnownOrder.id == KnownPayment.order_id)
        .where(KnownOrder.customer_id == customer_id)
        .group_by(KnownOrder.currency)
    )
    of_instalment = (
        select(func.coalesce(func.sum(KnownPayment.amount), 0))
        .where(KnownPayment.instalment_id == KnownInstalment.id)
        .correlate(KnownInstalment)
        .scalar_subquery()
    )
    due = await session.execute(
        select(
            KnownOrder.currency,
            func.sum(KnownInstalment.amount).label("due_amount"),
            func.sum(func.greatest(KnownInstalment.amount - of_instalment, 0)).label("open"),
        )
        .join(KnownOrder, KnownOrder.id == KnownInstalment.order_id)
        .where(
            KnownOrder.customer_id == customer_id,
            KnownOrder.state.in_(BINDING),
            KnownInstalment.is_replaced.is_(False),
            KnownInstalment.due_on <= today,
        )
        .group_by(KnownOrder.currency)
    )
    owed = {row.currency: row for row in due}
    came = {row.currency: row for row in paid}
    return [
        _payment_total(currency, came.get(currency), owed.get(currency))
        for currency in sorted(owed.keys() | came.keys())
    ]


def _payment_total(currency: str, came: Any, owed: Any) -> PaymentTotal:
    return PaymentTotal(
        currency=currency,
        due_amount=owed.due_amount if owed else Decimal(0),
        overdue_amount=owed.open if owed else Decimal(0),
        payments=came.payments if came else 0,
        paid_amount=came.paid_amount if came else Decimal(0),
        on_time_payments=came.on_time_payments if came else 0,
        on_time_amount=came.on_time_amount if came else Decimal(0),
        on_time_rate=round(came.on_time_amount / came.paid_amount, 4) if came else None,
        average_days_late=round(came.weighted / came.paid_amount, 1) if came else None,
        most_days_late=came.most_days_late if came else 0,
    )


async def _lines_of(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> dict[UUID, list[KnownOrderLine]]:
    found = await session.execute(
        select(KnownOrderLine)
        .where(KnownOrderLine.order_id.in_(order_ids))
        .order_by(KnownOrderLine.order_id, KnownOrderLine.line_no)
    )
    lines: dict[UUID, list[KnownOrderLine]] = {}
    for line in found.scalars():
        lines.setdefault(line.order_id, []).append(line)
    return lines


def _transaction(order: KnownOrder, lines: Sequence[KnownOrderLine]) -> TransactionRead:
    values = {
        name: getattr(order, name) for name in TransactionRead.model_fields if name != "lines"
    }
    return TransactionRead(**values, lines=[TransactionLine.model_validate(line) for line in lines])


# --- what assessments follow from


@dataclass(slots=True)
class Dealings:
    """What is known of a customer's business with us, for rules."""

    orders: list[tuple[date, Decimal, str]]
    """Day, total and currency of each order that binds, the earliest first."""
    paid: dict[str, Decimal]
    paid_on_time: dict[str, Decimal]
    contracts: list[tuple[Decimal, str]]
    """Total and currency of each signed contract that is in force."""
    open_tickets: int = 0


async def dealings_of(
    session: AsyncSession, customer_ids: Sequence[UUID], today: date
) -> dict[UUID, Dealings]:
    """The business of these customers, in four statements however many they are."""
    found = {customer_id: Dealings([], {}, {}, []) for customer_id in customer_ids}
    orders = await session.execute(
        select(KnownOrder.customer_id, KnownOrder.ordered_on, KnownOrder.total, KnownOrder.currency)
        .where(
            KnownOrder.customer_id.in_(customer_ids),
            KnownOrder.state.in_(BINDING),
            KnownOrder.ordered_on.is_not(None),
        )
        .order_by(KnownOrder.ordered_on, KnownOrder.id)
    )
    for customer_id, ordered_on, total, currency in orders:
        assert ordered_on is not None
        found[customer_id].orders.append((ordered_on, total, currency))
    late = KnownPayment.received_on > KnownPayment.due_on
    paid = await session.execute(
        select(
            KnownOrder.customer_id,
            KnownOrder.currency,
            func.sum(KnownPayment.amount),
            func.coalesce(func.sum(KnownPayment.amount).filter(~late), 0),
        )
        .join(KnownOrder, KnownOrder.id == KnownPayment.order_id)
        .where(KnownOrder.customer_id.in_(customer_ids))
        .group_by(KnownOrder.customer_id, KnownOrder.currency)
    )
    for customer_id, currency, amount, on_time in paid:
        found[customer_id].paid[currency] = amount
        found[customer_id].paid_on_time[currency] = on_time
    contracts = await session.execute(
        select(KnownContract.customer_id, KnownContract.total, KnownContract.currency).where(
            KnownContract.customer_id.in_(customer_ids),
            KnownContract.state == "signed",
            KnownContract.starts_on <= today,
            KnownContract.ends_on >= today,
        )
    )
    for customer_id, total, currency in contracts:
        found[customer_id].contracts.append((total, currency))
    tickets = await session.execute(
        select(KnownTicket.customer_id, func.count())
        .where(KnownTicket.customer_id.in_(customer_ids), KnownTicket.state == "open")
        .group_by(KnownTicket.customer_id)
    )
    for of_id, count in tickets:
        assert of_id is not None
        found[of_id].open_tickets = count
    return found
