"""Everything the customer service hears."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.consumers import ACCESS
from common.events import Consumed, Id
from common.handovers import EmployeeLeft, keep_handover
from common.messaging.consumers import ConsumersTable, batch, because_of
from common.parameters import (
    ParameterChanged,
    ParameterWithdrawn,
    forget_parameter,
    keep_parameter,
)
from customer.conversions import use_cases as conversions
from customer.customers import use_cases as customers
from customer.transactions import use_cases as transactions
from customer.transactions.model import OrderState

SCOPE = ("owner_id", "department_id", "partner_id", "region_id")


class OrderConfirmed(Consumed):
    """The first confirmed order makes a prospect an active customer."""

    type = "sales.order.confirmed.v1"

    customer_id: Id
    confirmed_at: datetime


class _NewCustomer(BaseModel):
    name: str
    kind: str
    industry: str | None
    city: str | None
    employee_count: int | None
    email: str | None
    phone: str | None


class _NewContact(BaseModel):
    name: str
    email: str | None
    phone: str | None


class LeadConverted(Consumed):
    """Whom a lead turned out to be is taken on under the ids that sales gave."""

    type = "sales.lead.converted.v1"

    customer_id: Id
    contact_id: Id | None = None
    source: str | None = None
    converted_at: datetime | None = None
    new_customer: _NewCustomer | None = None
    new_contact: _NewContact | None = None
    owner_id: Id | None = None
    department_id: Id | None = None
    partner_id: Id | None = None
    region_id: Id | None = None


async def take_on_converted(session: AsyncSession, event: LeadConverted) -> None:
    told = event.model_dump()
    await conversions.take_on_converted(
        session,
        conversions.Conversion(
            customer_id=event.customer_id,
            contact_id=event.contact_id,
            source=event.source or "lead",
            converted_at=event.converted_at or event.envelope.time,
            scope={name: told[name] for name in SCOPE},
            customer=told["new_customer"],
            contact=told["new_contact"],
        ),
    )


async def activate_customers(session: AsyncSession, orders: Sequence[OrderConfirmed]) -> None:
    replayed = await transactions.heard_before(session, {event.subject for event in orders})
    told = {event.customer_id: event for event in orders if event.subject not in replayed}
    for customer_id in await customers.find_inactive(session, told):
        with because_of(told[customer_id]):
            await customers.activate_customer(session, customer_id)


# --- copies of what customers bought, paid and signed, and ask for


class _Scoped(Consumed):
    """An event that says whose the thing is."""

    owner_id: Id | None = None
    department_id: Id | None = None
    partner_id: Id | None = None
    region_id: Id | None = None

    def facts(self, *names: str, **more: Any) -> dict[str, Any]:
        """What a copy keeps of it: whose it is, these fields, and when it happened."""
        return {
            **{name: getattr(self, name) for name in (*SCOPE, *names)},
            "told_at": self.envelope.time,
            **more,
        }


class _OrderLine(BaseModel):
    line_no: int
    product_id: Id
    product_name: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


class _Instalment(BaseModel):
    instalment_id: Id
    instalment_no: int
    due_on: date
    amount: Decimal

    @property
    def kept(self) -> dict[str, Any]:
        return {"id": self.instalment_id, **self.model_dump(exclude={"instalment_id"})}


class _TakenBack(BaseModel):
    line_no: int
    quantity: Decimal
    amount: Decimal


class OrderDrafted(_Scoped):
    """An order that may come to something."""

    type = "sales.order.drafted.v1"

    number: str
    contract_id: Id | None = None
    opportunity_id: Id | None = None
    customer_id: Id
    total: Decimal
    currency: str


class OrderBound(OrderDrafted):
    """What a customer bought, when it pays, and what of it."""

    type = "sales.order.confirmed.v1"

    ordered_on: date
    lines: list[_OrderLine]
    instalments: list[_Instalment] = []


class OrderChanged(OrderDrafted):
    """An order has other lines now."""

    type = "sales.order.changed.v1"

    lines: list[_OrderLine]


class OrderLinked(Consumed):
    """The contract of an order."""

    type = "sales.order.linked.v1"

    contract_id: Id


class OrderShipped(Consumed):
    """A delivery went out."""

    type = "sales.order.shipped.v1"

    complete: bool


class OrderCompleted(Consumed):
    """An order is over."""

    type = "sales.order.completed.v1"


class OrderCancelled(Consumed):
    """An order is off; it does not count as bought any more."""

    type = "sales.order.cancelled.v1"


class OrderRestCancelled(_Scoped):
    """What was not delivered is off."""

    type = "sales.order.rest_cancelled.v1"

    total: Decimal
    lines: list[_TakenBack]
    instalments: list[_Instalment]


class OrderReopened(Consumed):
    """An order that was off is a draft again."""

    type = "sales.order.reopened.v1"


class OrderPaymentPlanned(Consumed):
    """An order is paid otherwise."""

    type = "sales.order.payment_planned.v1"

    instalments: list[_Instalment]


class _Allocation(BaseModel):
    order_id: Id
    instalment_id: Id
    instalment_no: int
    due_on: date
    amount: Decimal


class ReceiptRecorded(_Scoped):
    """Money came in, and what it paid."""

    type = "sales.receipt.recorded.v1"

    number: str
    customer_id: Id | None
    amount: Decimal
    currency: str
    received_on: date
    allocations: list[_Allocation] = []


class ReceiptAllocated(Consumed):
    """Orders took more of a receipt."""

    type = "sales.receipt.allocated.v1"

    allocations: list[_Allocation]


class ReceiptReleased(Consumed):
    """Orders gave back what they had taken of a receipt."""

    type = "sales.receipt.released.v1"

    allocations: list[_Allocation]


class ReceiptReversed(Consumed):
    """The money did not stay: it paid nothing."""

    type = "sales.receipt.reversed.v1"


class ContractDrafted(_Scoped):
    """A contract with a customer, in the making."""

    type = "contract.contract.drafted.v1"

    number: str
    kind: str
    title: str
    customer_id: Id
    total: Decimal
    currency: str
    starts_on: date
    ends_on: date


class ContractChanged(ContractDrafted):
    """A contract was edited."""

    type = "contract.contract.changed.v1"


class ContractSigned(ContractDrafted):
    """A contract binds."""

    type = "contract.contract.signed.v1"


class _ContractMoved(_Scoped):
    number: str


class ContractSubmitted(_ContractMoved):
    """A contract waits for approval."""

    type = "contract.contract.submitted.v1"


class ContractApproved(_ContractMoved):
    """A contract may be signed."""

    type = "contract.contract.approved.v1"


class ContractRejected(_ContractMoved):
    """A contract was not approved."""

    type = "contract.contract.rejected.v1"


class ContractExpired(_ContractMoved):
    """A contract is over."""

    type = "contract.contract.expired.v1"


class ContractTerminated(_ContractMoved):
    """A contract was ended before its time."""

    type = "contract.contract.terminated.v1"


class ContractTransferred(_ContractMoved):
    """A contract belongs to somebody else."""

    type = "contract.contract.transferred.v1"


class TicketOpened(_Scoped):
    """A customer asks for service."""

    type = "service_desk.ticket.opened.v1"

    number: str
    customer_id: Id | None = None
    category: str
    priority: str
    opened_at: datetime


class TicketAssigned(_Scoped):
    """A ticket belongs to an agent."""

    type = "service_desk.ticket.assigned.v1"


class TicketReclassified(_Scoped):
    """A ticket has another category or priority."""

    type = "service_desk.ticket.reclassified.v1"

    category: str
    priority: str


class TicketClosed(_Scoped):
    """A ticket was solved."""

    type = "service_desk.ticket.closed.v1"

    closed_at: datetime


class TicketReopened(_Scoped):
    """A ticket was not solved after all."""

    type = "service_desk.ticket.reopened.v1"


ORDER = ("customer_id", "number", "total", "currency", "contract_id", "opportunity_id")
CONTRACT = ("customer_id", "number", "kind", "title", "total", "currency", "starts_on", "ends_on")
CONTRACT_STATES = {
    ContractDrafted: "draft",
    ContractChanged: "draft",
    ContractSubmitted: "submitted",
    ContractApproved: "approved",
    ContractRejected: "rejected",
    ContractSigned: "signed",
    ContractExpired: "expired",
    ContractTerminated: "terminated",
}


async def keep_draft(session: AsyncSession, event: OrderDrafted) -> None:
    facts = event.facts(*ORDER, state=OrderState.DRAFT)
    await transactions.keep_order(session, event.subject, facts)


async def keep_bound_order(session: AsyncSession, event: OrderBound) -> None:
    await transactions.keep_order(
        session,
        event.subject,
        event.facts(*ORDER, "ordered_on", state=OrderState.CONFIRMED),
        lines=[line.model_dump() for line in event.lines],
        instalments=[each.kept for each in event.instalments],
    )


async def keep_changed_order(session: AsyncSession, event: OrderChanged) -> None:
    await transactions.keep_order(
        session,
        event.subject,
        event.facts(*ORDER),
        lines=[line.model_dump() for line in event.lines],
    )


async def keep_link(session: AsyncSession, event: OrderLinked) -> None:
    facts = {"contract_id": event.contract_id, "told_at": event.envelope.time}
    await transactions.keep_order(session, event.subject, facts)


async def keep_order_state(
    session: AsyncSession, event: OrderShipped | OrderCompleted | OrderCancelled | OrderReopened
) -> None:
    match event:
        case OrderShipped():
            state = OrderState.SHIPPED if event.complete else OrderState.PARTIALLY_SHIPPED
        case OrderCompleted():
            state = OrderState.COMPLETED
        case OrderCancelled():
            state = OrderState.CANCELLED
        case OrderReopened():
            state = OrderState.DRAFT
    facts = {"state": state, "told_at": event.envelope.time}
    await transactions.keep_order(session, event.subject, facts)


async def keep_what_remains(session: AsyncSession, event: OrderRestCancelled) -> None:
    await transactions.take_back_lines(
        session, event.subject, {line.line_no: (line.quantity, line.amount) for line in event.lines}
    )
    await transactions.keep_order(
        session,
        event.subject,
        event.facts("total", state=OrderState.SHIPPED),
        instalments=[each.kept for each in event.instalments],
    )


async def keep_plan(session: AsyncSession, event: OrderPaymentPlanned) -> None:
    facts = {"told_at": event.envelope.time}
    plan = [each.kept for each in event.instalments]
    await transactions.keep_order(session, event.subject, facts, instalments=plan)


async def keep_receipt(session: AsyncSession, event: ReceiptRecorded) -> None:
    facts = event.facts(
        "customer_id", "number", "amount", "currency", "received_on", is_reversed=False
    )
    await transactions.keep_receipt(session, event.subject, facts)
    await _take(session, event)


async def keep_allocation(session: AsyncSession, event: ReceiptAllocated) -> None:
    await transactions.keep_receipt(session, event.subject, {"told_at": event.envelope.time})
    await _take(session, event)


async def _take(session: AsyncSession, event: ReceiptRecorded | ReceiptAllocated) -> None:
    taken = [each.model_dump() for each in event.allocations]
    await transactions.take_payments(session, event.subject, taken)


async def give_back(session: AsyncSession, event: ReceiptReleased) -> None:
    await transactions.keep_receipt(session, event.subject, {"told_at": event.envelope.time})
    orders = {each.order_id for each in event.allocations}
    await transactions.give_back_payments(session, event.subject, of_orders=orders)


async def reverse_receipt(session: AsyncSession, event: ReceiptReversed) -> None:
    facts = {"is_reversed": True, "told_at": event.envelope.time}
    await transactions.keep_receipt(session, event.subject, facts)
    await transactions.give_back_payments(session, event.subject)


async def keep_contract(session: AsyncSession, event: ContractDrafted) -> None:
    facts = event.facts(*CONTRACT, state=CONTRACT_STATES[type(event)])
    await transactions.keep_contract(session, event.subject, facts)


async def keep_contract_state(session: AsyncSession, event: _ContractMoved) -> None:
    state = CONTRACT_STATES.get(type(event))
    facts = event.facts() | ({} if state is None else {"state": state})
    await transactions.keep_contract(session, event.subject, facts)


async def keep_ticket(session: AsyncSession, event: TicketOpened) -> None:
    facts = event.facts(
        "customer_id", "number", "category", "priority", "opened_at", state="open", closed_at=None
    )
    await transactions.keep_ticket(session, event.subject, facts)


async def keep_ticket_change(
    session: AsyncSession,
    event: TicketAssigned | TicketReclassified | TicketClosed | TicketReopened,
) -> None:
    match event:
        case TicketReclassified():
            facts = event.facts("category", "priority")
        case TicketClosed():
            facts = event.facts("closed_at", state="closed")
        case TicketReopened():
            facts = event.facts(state="open", closed_at=None)
        case TicketAssigned():
            facts = event.facts()
    await transactions.keep_ticket(session, event.subject, facts)


COPIES: ConsumersTable = {
    OrderDrafted: keep_draft,
    OrderBound: keep_bound_order,
    OrderChanged: keep_changed_order,
    OrderLinked: keep_link,
    OrderShipped: keep_order_state,
    OrderCompleted: keep_order_state,
    OrderCancelled: keep_order_state,
    OrderReopened: keep_order_state,
    OrderRestCancelled: keep_what_remains,
    OrderPaymentPlanned: keep_plan,
    ReceiptRecorded: keep_receipt,
    ReceiptAllocated: keep_allocation,
    ReceiptReleased: give_back,
    ReceiptReversed: reverse_receipt,
    ContractDrafted: keep_contract,
    ContractChanged: keep_contract,
    ContractSigned: keep_contract,
    ContractSubmitted: keep_contract_state,
    ContractApproved: keep_contract_state,
    ContractRejected: keep_contract_state,
    ContractExpired: keep_contract_state,
    ContractTerminated: keep_contract_state,
    ContractTransferred: keep_contract_state,
    TicketOpened: keep_ticket,
    TicketAssigned: keep_ticket_change,
    TicketReclassified: keep_ticket_change,
    TicketClosed: keep_ticket_change,
    TicketReopened: keep_ticket_change,
}


CONSUMERS: ConsumersTable = {
    **COPIES,
    **ACCESS,
    OrderConfirmed: batch(activate_customers),
    LeadConverted: take_on_converted,
    EmployeeLeft: keep_handover,
    ParameterChanged: keep_parameter,
    ParameterWithdrawn: forget_parameter,
}
