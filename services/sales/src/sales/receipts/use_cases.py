"""What people do with receipts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from common.days import day_of
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate
from sales.copies import use_cases as copies
from sales.copies.model import Wanted
from sales.orders.model import Order, OrderNotKnown
from sales.products.model import DEFAULT_CURRENCY, ExternalIdTaken
from sales.receipts.model import Receipt, ReceiptNotFound
from sales.receipts.schemas import ReceiptCreate, ReceiptReverse


async def record_receipt(session: AsyncSession, new: ReceiptCreate, *, now: datetime) -> Receipt:
    """Money came in; the order it is for counts it."""
    if new.external_id is not None:
        await _refuse_taken_external_id(session, new.external_source, new.external_id)
    order: Order | None = None
    scope: dict[str, Any] = {}
    if new.order_id is not None:
        order = await _locked_order(session, new.order_id)
    elif new.customer_id is not None:
        wanted = Wanted(customer_id=new.customer_id)
        scope = (await copies.look_up(session, wanted)).scope(wanted)
    facts: dict[str, Any] = new.model_dump(exclude={"order_id", "received_on"})
    facts["currency"] = new.currency or (order.currency if order else DEFAULT_CURRENCY)
    today = day_of(now)
    receipt, recorded = Receipt.take(
        number=await next_number(session, "receipts"),
        order=order,
        received_on=new.received_on or today,
        now=now,
        today=today,
        **facts,
        **scope,
    )
    session.add(receipt)
    record(session, receipt, recorded)
    if order is not None and receipt.allocated_amount:
        record(session, order, order.count_payment(receipt.id, receipt.allocated_amount))
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


async def reverse_receipt(
    session: AsyncSession, receipt_id: UUID, reversed_: ReceiptReverse, *, now: datetime
) -> Receipt:
    """Take a receipt back; its order is owed the money again."""
    receipt = await get_receipt(session, receipt_id, lock=True)
    today = day_of(now)
    told = receipt.reverse(reason=reversed_.reason, on=reversed_.reversed_on or today, today=today)
    record(session, receipt, told)
    if receipt.order_id is not None and receipt.allocated_amount:
        order = await _locked_order(session, receipt.order_id)
        record(session, order, order.count_payment(receipt.id, -receipt.allocated_amount))
    return receipt


async def _locked_order(session: AsyncSession, order_id: UUID) -> Order:
    order = await session.get(Order, order_id, with_for_update=True)
    if order is None:
        raise OrderNotKnown(f"no order {order_id}", pointer="/order_id")
    return order


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
