"""What people do with receipts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from common.days import day_of
from common.messaging.outbox import record
from common.money import places_of
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from common.parameters import value_on
from sales import events
from sales.commissions import use_cases as commissions
from sales.copies import use_cases as copies
from sales.copies.model import Wanted
from sales.credit import use_cases as credit
from sales.exchange_rates import use_cases as exchange_rates
from sales.orders.model import PAYABLE, Order, OrderNotKnown
from sales.parameters import RECEIPT_PLACES
from sales.products.model import DEFAULT_CURRENCY, ExternalIdTaken
from sales.receipts.model import AmountTooFine, NothingToPay, Receipt, ReceiptNotFound
from sales.receipts.schemas import (
    ReceiptAllocate,
    ReceiptCreate,
    ReceiptRefund,
    ReceiptRelease,
    ReceiptReverse,
)
from sales.receivables import use_cases as receivables
from sales.receivables.model import Allocation, Plan


async def record_receipt(session: AsyncSession, new: ReceiptCreate, *, now: datetime) -> Receipt:
    """Money came in; the orders it is for count it."""
    if new.external_id is not None:
        await _refuse_taken_external_id(session, new.external_source, new.external_id)
    order: Order | None = None
    scope: dict[str, Any] = {}
    facts: dict[str, Any] = new.model_dump(
        exclude={"order_id", "received_on", "instalment_no", "allocations", "oldest_first"}
    )
    orders: dict[UUID, Order] = {}
    if new.order_id is not None:
        orders = await _locked_orders(session, [new.order_id], pointer="/order_id")
        order = orders[new.order_id]
    elif new.allocations is not None:
        orders = await _locked_orders(session, [each.order_id for each in new.allocations])
        first = orders[new.allocations[0].order_id]
        facts["currency"] = new.currency or first.currency
        facts["customer_id"] = new.customer_id or first.customer_id
        scope = first.scope
    elif new.customer_id is not None:
        wanted = Wanted(customer_id=new.customer_id)
        scope = (await copies.look_up(session, wanted)).scope(wanted)
    if facts["currency"] is None:
        facts["currency"] = order.currency if order else DEFAULT_CURRENCY
    today = day_of(now)
    received_on = new.received_on or today
    await _check_places(session, new.amount, orders.values(), on=received_on)
    if new.oldest_first and new.customer_id is not None:
        orders = await _owing_orders(session, new.customer_id, facts["currency"])
    plans = await receivables.load_plans(session, orders.values())
    rate = await exchange_rates.rate_to_base(session, facts["currency"], on=received_on)
    receipt, recorded = Receipt.take(
        number=await next_number(session, "receipts"),
        order=order,
        rate=rate,
        received_on=received_on,
        now=now,
        today=today,
        **facts,
        **scope,
    )
    if order is not None:
        paid = _pay(receipt, plans, [(order.id, new.instalment_no, receipt.allocated_amount)], now)
    elif orders:
        wanted_parts = (
            _oldest_first(plans, receipt.unallocated_amount)
            if new.allocations is None
            else [(each.order_id, each.instalment_no, each.amount) for each in new.allocations]
        )
        for order_id, _, amount in wanted_parts:
            receipt.allocate(orders[order_id], amount)
        paid = _pay(receipt, plans, wanted_parts, now)
    else:
        paid = _Paid()
    session.add(receipt)
    record(
        session,
        receipt,
        recorded.model_copy(
            update={
                "unallocated_amount": receipt.unallocated_amount,
                "allocations": paid.allocations,
            }
        ),
    )
    await _keep(session, plans, paid, now=now)
    return receipt


async def get_receipt(session: AsyncSession, receipt_id: UUID, *, lock: bool = False) -> Receipt:
    """The receipt; `lock` keeps it for this transaction."""
    receipt = await session.get(Receipt, receipt_id, with_for_update=lock or None)
    if receipt is None:
        raise ReceiptNotFound(f"no receipt {receipt_id}")
    return receipt


async def list_receipts(
    session: AsyncSession, page: PageRequest, *, filters: Sequence[ColumnElement[bool]] = ()
) -> Page[Receipt]:
    """A page of receipts."""
    return await paginate(
        session,
        select(Receipt).where(*filters),
        page,
        id_column=Receipt.id,
        sort_keys={"created_at": Receipt.created_at, "received_on": Receipt.received_on},
        default_sort="-received_on",
    )


async def list_allocations(session: AsyncSession, receipt_id: UUID) -> Sequence[Allocation]:
    """What orders have taken of a receipt, and still have."""
    await get_receipt(session, receipt_id)
    found = await session.execute(
        select(Allocation)
        .join(Allocation.instalment)
        .join(Allocation.order)
        .options(contains_eager(Allocation.instalment), contains_eager(Allocation.order))
        .where(Allocation.receipt_id == receipt_id, Allocation.until_on.is_(None))
        .order_by(Allocation.recorded_at, Allocation.id)
    )
    return found.scalars().all()


async def allocate_receipt(
    session: AsyncSession, receipt_id: UUID, wanted: ReceiptAllocate, *, now: datetime
) -> Receipt:
    """Let orders take what is unallocated: those named, else what is due first."""
    receipt = await get_receipt(session, receipt_id, lock=True)
    if wanted.allocations is None:
        orders = await _owing_orders(session, receipt.customer_id, receipt.currency)
    else:
        orders = await _locked_orders(session, [each.order_id for each in wanted.allocations])
    plans = await receivables.load_plans(session, orders.values())
    parts = (
        _oldest_first(plans, receipt.unallocated_amount)
        if wanted.allocations is None
        else [(each.order_id, each.instalment_no, each.amount) for each in wanted.allocations]
    )
    if not parts:
        raise NothingToPay("the customer owes nothing in this currency")
    for order_id, _, amount in parts:
        receipt.allocate(orders[order_id], amount)
    paid = _pay(receipt, plans, parts, now)
    record(session, receipt, receipt.allocated(paid.allocations))
    await _keep(session, plans, paid, now=now)
    return receipt


async def release_receipt(
    session: AsyncSession, receipt_id: UUID, wanted: ReceiptRelease, *, now: datetime
) -> Receipt:
    """Take back what an order took of the receipt; the order is owed it again."""
    receipt = await get_receipt(session, receipt_id, lock=True)
    orders = await _locked_orders(session, [wanted.order_id], pointer="/order_id")
    plans = await receivables.load_plans(session, orders.values())
    paid = _give_back(receipt, plans, on=day_of(now))
    record(session, receipt, receipt.release(paid.allocations))
    await _keep(session, plans, paid, now=now)
    return receipt


async def refund_receipt(
    session: AsyncSession, receipt_id: UUID, refunded: ReceiptRefund, *, now: datetime
) -> Receipt:
    """Give what is unallocated, or a part of it, back to the payer."""
    receipt = await get_receipt(session, receipt_id, lock=True)
    today = day_of(now)
    record(
        session,
        receipt,
        receipt.refund(
            refunded.amount,
            reason=refunded.reason,
            on=refunded.refunded_on or today,
            today=today,
        ),
    )
    return receipt


async def reverse_receipt(
    session: AsyncSession, receipt_id: UUID, reversed_: ReceiptReverse, *, now: datetime
) -> Receipt:
    """Take a receipt back; its orders are owed the money again."""
    receipt = await get_receipt(session, receipt_id, lock=True)
    today = day_of(now)
    on = reversed_.reversed_on or today
    taken = await session.execute(
        select(Allocation.order_id)
        .where(Allocation.receipt_id == receipt_id, Allocation.until_on.is_(None))
        .distinct()
    )
    orders = await _locked_orders(session, taken.scalars().all())
    plans = await receivables.load_plans(session, orders.values())
    paid = _give_back(receipt, plans, on=on)
    reversal = receipt.reverse(
        reason=reversed_.reason, on=on, today=today, allocations=paid.allocations
    )
    record(session, receipt, reversal)
    await _keep(session, plans, paid, now=now)
    return receipt


@dataclass(slots=True)
class _Paid:
    """What of a receipt was allocated or given back, and what the orders say to it."""

    allocations: list[events.Allocation] = field(default_factory=list)
    counted: list[tuple[Order, events.OrderPaymentChanged]] = field(default_factory=list)


Part = tuple[UUID, int | None, Decimal]
"""An order, one of its instalments (None: what is due first), and how much it takes."""


def _pay(
    receipt: Receipt, plans: Mapping[UUID, Plan], parts: Sequence[Part], now: datetime
) -> _Paid:
    paid = _Paid()
    for order_id, instalment_no, amount in parts:
        if not amount:
            continue
        plan = plans[order_id]
        paid.allocations += plan.take(
            receipt.id,
            amount,
            received_on=receipt.received_on,
            now=now,
            instalment_no=instalment_no,
        )
        paid.counted.append((plan.order, plan.order.count_payment(receipt.id, amount)))
    return paid


def _give_back(receipt: Receipt, plans: Mapping[UUID, Plan], *, on: date) -> _Paid:
    paid = _Paid()
    for plan in plans.values():
        taken = plan.give_back(receipt.id, on=on)
        if taken:
            paid.allocations += taken
            amount = sum((each.amount for each in taken), Decimal(0))
            paid.counted.append((plan.order, plan.order.count_payment(receipt.id, -amount)))
    return paid


async def _keep(
    session: AsyncSession, plans: Mapping[UUID, Plan], paid: _Paid, *, now: datetime
) -> None:
    for order, counted in paid.counted:
        record(session, order, counted)
    await receivables.keep(session, *plans.values())
    orders = dict.fromkeys(order for order, _ in paid.counted)
    await credit.settle(session, *orders, now=now)
    await commissions.ask_for(session, *orders)


def _oldest_first(plans: Mapping[UUID, Plan], amount: Decimal) -> list[Part]:
    """Which instalments take the amount when what is due first is paid first."""
    owing = sorted(
        (
            (instalment.due_on, plan.order.number, instalment.instalment_no, plan, instalment)
            for plan in plans.values()
            for instalment in plan.instalments
        ),
        key=lambda each: each[:3],
    )
    parts: list[Part] = []
    for *_, instalment_no, plan, instalment in owing:
        unit = Decimal(1).scaleb(-plan.order.places)
        part = min(amount, instalment.open_amount).quantize(unit, rounding=ROUND_DOWN)
        if part > 0:
            parts.append((plan.order.id, instalment_no, part))
            amount -= part
    return parts


async def _locked_orders(
    session: AsyncSession, order_ids: Sequence[UUID], *, pointer: str = "/allocations"
) -> dict[UUID, Order]:
    """The orders, locked in the order of their ids, as everybody does who locks several."""
    if not order_ids:
        return {}
    found = await session.execute(
        select(Order).where(Order.id.in_(order_ids)).order_by(Order.id).with_for_update()
    )
    orders = {order.id: order for order in found.scalars()}
    for order_id in order_ids:
        if order_id not in orders:
            raise OrderNotKnown(f"no order {order_id}", pointer=pointer)
    return orders


async def _owing_orders(
    session: AsyncSession, customer_id: UUID | None, currency: str
) -> dict[UUID, Order]:
    """The customer's orders that are not paid, locked."""
    found = await session.execute(
        select(Order)
        .where(
            Order.customer_id == customer_id,
            Order.currency == currency,
            Order.state.in_(PAYABLE),
            Order.paid_amount < Order.total - Order.cancelled_amount,
        )
        .order_by(Order.id)
        .with_for_update()
    )
    return {order.id: order for order in found.scalars()}


async def _check_places(
    session: AsyncSession, amount: Decimal, orders: Iterable[Order], *, on: date
) -> None:
    """Refuse an amount that is finer than both receipts and the orders it is for."""
    places = await value_on(session, RECEIPT_PLACES, on)
    if places_of(amount) > max([places, *(order.places for order in orders)]):
        raise AmountTooFine(f"receipts have {places} decimal places", pointer="/amount")


async def _refuse_taken_external_id(
    session: AsyncSession, external_source: str | None, external_id: str
) -> None:
    found = await session.execute(
        select(Receipt.id).where(
            Receipt.external_source == external_source, Receipt.external_id == external_id
        )
    )
    existing = found.scalar()
    if existing is not None:
        raise ExternalIdTaken(
            f"a receipt with id {external_id!r} of {external_source} is there already",
            existing_id=str(existing),
        )
