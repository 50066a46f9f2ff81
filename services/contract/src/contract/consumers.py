"""Everything the contract service hears."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.consumers import ACCESS
from common.clock import utc_now
from common.days import day_of
from common.events import Consumed, Id
from common.handovers import EmployeeLeft, keep_handover
from common.merges import Reference, following
from common.messaging.consumers import ConsumersTable, batch, because_of
from common.parameters import (
    ParameterChanged,
    ParameterWithdrawn,
    forget_parameter,
    keep_parameter,
)
from contract.contracts import use_cases as contracts
from contract.contracts.model import LineText
from contract.copies import use_cases as copies
from contract.milestones import use_cases as milestones


class CustomerCreated(Consumed):
    """A customer whose name we show."""

    type = "customer.customer.created.v1"

    customer_id: Id
    number: str
    name: str


class CustomerUpdated(CustomerCreated):
    """The customer may have another name now."""

    type = "customer.customer.updated.v1"


class QuoteLine(BaseModel):
    """What is sold."""

    product_id: Id | None = None
    product_name: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    delivery_on: date | None = None


class QuoteAccepted(Consumed):
    """The customer agreed: a contract is drafted."""

    type = "sales.quote.accepted.v1"

    quote_id: Id
    number: str
    quote_version: int
    opportunity_id: Id | None = None
    customer_id: Id
    total: Decimal
    currency: str
    accepted_at: datetime
    lines: list[QuoteLine]
    owner_id: Id | None = None
    department_id: Id | None = None
    partner_id: Id | None = None
    region_id: Id | None = None


class OrderConfirmed(Consumed):
    """The order that carries a contract out, by the contract or quote it names."""

    type = "sales.order.confirmed.v1"

    order_id: Id
    number: str
    quote_id: Id | None = None
    contract_id: Id | None = None
    total: Decimal
    currency: str

    @property
    def facts(self) -> dict[str, Any]:
        """What is kept of the order; one that was off and is confirmed anew is on again."""
        return {**self.model_dump(exclude={"order_id"}), "is_cancelled": False}


class OrderShipped(Consumed):
    """Goods have left; when the order is complete, deliveries are met."""

    type = "sales.order.shipped.v1"

    order_id: Id
    shipped_at: datetime
    complete: bool


class OrderCancelled(Consumed):
    """The order no longer carries its contract out."""

    type = "sales.order.cancelled.v1"

    order_id: Id


class ReceiptRecorded(Consumed):
    """Money came in; it meets payments."""

    type = "sales.receipt.recorded.v1"

    receipt_id: Id
    order_id: Id | None = None
    amount: Decimal
    currency: str
    received_on: date

    @property
    def facts(self) -> dict[str, Any]:
        """What is kept of the receipt."""
        return {"id": self.receipt_id, **self.model_dump(exclude={"receipt_id"})}


class ReceiptReversed(Consumed):
    """Money went back; the payments it met are open again."""

    type = "sales.receipt.reversed.v1"

    receipt_id: Id
    amount: Decimal


async def remember_customer(
    session: AsyncSession, event: CustomerCreated | CustomerUpdated
) -> None:
    await copies.remember_customer(session, event.customer_id, number=event.number, name=event.name)


async def draft_contract(session: AsyncSession, event: QuoteAccepted) -> None:
    await contracts.draft_from_quote(
        session,
        event.quote_id,
        quote_number=event.number,
        quote_version=event.quote_version,
        quote_total=event.total,
        accepted_at=event.accepted_at,
        opportunity_id=event.opportunity_id,
        customer_id=event.customer_id,
        currency=event.currency,
        lines=[LineText(**line.model_dump()) for line in event.lines],
        # Who sold it drafted it, and so does not approve it.
        drafted_by=event.owner_id,
        owner_id=event.owner_id,
        department_id=event.department_id,
        partner_id=event.partner_id,
        region_id=event.region_id,
        by=event.envelope.actorid or "sales",
        now=utc_now(),
    )


async def follow_orders(
    session: AsyncSession, events: Sequence[OrderConfirmed | ReceiptRecorded | ReceiptReversed]
) -> None:
    """Orders, and then the money for them.

    One handler for both: the lanes hold all orders of a batch in one order, so that two of them
    never wait for each other in a circle.
    """
    confirmed = [event for event in events if isinstance(event, OrderConfirmed)]
    recorded = [event for event in events if isinstance(event, ReceiptRecorded)]
    if confirmed and recorded:
        paid = {event.order_id for event in recorded if event.order_id is not None}
        await copies.hold_orders(session, paid | {event.order_id for event in confirmed})
    if confirmed:
        await _link_orders(session, confirmed)
    if recorded:
        await _take_money(session, recorded)
    # What came in is kept before any of it is taken back.
    for event in events:
        if isinstance(event, ReceiptReversed):
            with because_of(event):
                await milestones.take_back_receipt(session, event.receipt_id, amount=event.amount)


async def _link_orders(session: AsyncSession, orders: Sequence[OrderConfirmed]) -> None:
    told = {event.order_id: event for event in orders}
    facts = {order_id: event.facts for order_id, event in told.items()}
    for order in await contracts.remember_orders(session, facts):
        with because_of(told[order.id]):
            await contracts.link_order(session, order)


async def _take_money(session: AsyncSession, recorded: Sequence[ReceiptRecorded]) -> None:
    told = {event.order_id: event for event in recorded if event.order_id is not None}
    if not told:
        return
    facts = [event.facts for event in recorded if event.order_id is not None]
    for order in await milestones.note_receipts(session, facts):
        with because_of(told[order.id]):
            await milestones.settle_contract_of(session, order)


async def meet_deliveries(session: AsyncSession, event: OrderShipped) -> None:
    if event.complete:
        await milestones.note_shipment(session, event.order_id, shipped_on=day_of(event.shipped_at))


async def drop_order(session: AsyncSession, event: OrderCancelled) -> None:
    await milestones.note_cancellation(session, event.order_id)


CUSTOMER_REFERENCES = (
    Reference("contracts"),
    Reference("milestones"),
)
"""What names a customer here, and follows it when it is merged."""

CONSUMERS: ConsumersTable = {
    **ACCESS,
    **following(CUSTOMER_REFERENCES),
    CustomerCreated: remember_customer,
    CustomerUpdated: remember_customer,
    QuoteAccepted: draft_contract,
    OrderConfirmed: batch(follow_orders),
    OrderShipped: meet_deliveries,
    OrderCancelled: drop_order,
    ReceiptRecorded: batch(follow_orders),
    ReceiptReversed: batch(follow_orders),
    ParameterChanged: keep_parameter,
    ParameterWithdrawn: forget_parameter,
    EmployeeLeft: keep_handover,
}
