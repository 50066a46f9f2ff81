"""Copies of orders, receipts, contracts and tickets, and what each event makes of them.

Events of one order come in their order, those of an order and of a receipt in any. So a payment may be
known before its order, and money may be told for an instalment that another plan has replaced
meanwhile, or will.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from common.ids import new_id
from common.scope import Scoped
from customer.db import Base


class OrderState(StrEnum):
    """How far an order is, as sales has it; more may follow."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


BINDING = (
    OrderState.CONFIRMED,
    OrderState.PARTIALLY_SHIPPED,
    OrderState.SHIPPED,
    OrderState.COMPLETED,
)
"""The states in which an order counts as bought."""


class KnownOrder(Scoped, Base):
    """An order, as its events told it; `told_at` is when the last of them happened."""

    __tablename__ = "known_orders"
    __table_args__ = (
        Index("ix_known_orders_customer_id", "customer_id", "ordered_on", "id"),
        Index("ix_known_orders_told_at_id", "told_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    number: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20))
    total: Mapped[Decimal] = mapped_column(Numeric())
    """What it costs: after the rest of it was cancelled, what remains."""
    currency: Mapped[str] = mapped_column(String(3))
    ordered_on: Mapped[date | None]
    contract_id: Mapped[UUID | None]
    opportunity_id: Mapped[UUID | None]
    told_at: Mapped[datetime]


class KnownOrderLine(Base):
    """What was bought with an order: what is left of the line when some of it was taken back."""

    __tablename__ = "known_order_lines"
    __seen_with__ = ("order_id", "KnownOrder")
    __table_args__ = (
        Index("ix_known_order_lines_order_id", "order_id"),
        Index("ix_known_order_lines_product_id", "product_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    line_no: Mapped[int]
    product_id: Mapped[UUID]
    product_name: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(Numeric())
    unit_price: Mapped[Decimal] = mapped_column(Numeric())
    amount: Mapped[Decimal] = mapped_column(Numeric())

    @classmethod
    def of(cls, order_id: UUID, values: dict[str, Any]) -> "KnownOrderLine":
        """A line as an event tells it."""
        return cls(id=new_id(), order_id=order_id, **values)

    def take_back(self, *, quantity: Decimal, amount: Decimal) -> bool:
        """So much of it is no longer sold; False when nothing is left."""
        self.quantity -= quantity
        self.amount -= amount
        return self.quantity > 0


class KnownInstalment(Base):
    """A part of what an order costs, and its day; `is_replaced` when another plan counts by now."""

    __tablename__ = "known_instalments"
    __seen_with__ = ("order_id", "KnownOrder")
    __table_args__ = (
        Index("ix_known_instalments_order_id", "order_id"),
        Index("ix_known_instalments_due_on", "due_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    instalment_no: Mapped[int]
    due_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Numeric())
    is_replaced: Mapped[bool]


class KnownReceipt(Scoped, Base):
    """Money that came in, as its events told it."""

    __tablename__ = "known_receipts"
    __table_args__ = (
        Index("ix_known_receipts_customer_id", "customer_id"),
        Index("ix_known_receipts_told_at_id", "told_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID | None]
    number: Mapped[str] = mapped_column(String(40))
    amount: Mapped[Decimal] = mapped_column(Numeric())
    currency: Mapped[str] = mapped_column(String(3))
    received_on: Mapped[date]
    is_reversed: Mapped[bool]
    told_at: Mapped[datetime]


class KnownPayment(Base):
    """How much of a receipt an instalment of an order took."""

    __tablename__ = "known_payments"
    __seen_with__ = ("order_id", "KnownOrder")
    __table_args__ = (
        Index("ix_known_payments_order_id", "order_id"),
        Index("ix_known_payments_receipt_id", "receipt_id"),
        Index("ix_known_payments_received_on_id", "received_on", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    receipt_id: Mapped[UUID]
    receipt_number: Mapped[str] = mapped_column(String(40))
    order_id: Mapped[UUID]
    instalment_id: Mapped[UUID]
    instalment_no: Mapped[int]
    due_on: Mapped[date]
    received_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Numeric())
    currency: Mapped[str] = mapped_column(String(3))

    @property
    def days_late(self) -> int:
        """Days after the instalment was due on which the money came; 0 is on time."""
        return max((self.received_on - self.due_on).days, 0)


class KnownContract(Scoped, Base):
    """A contract, as its events told it."""

    __tablename__ = "known_contracts"
    __table_args__ = (
        Index("ix_known_contracts_customer_id", "customer_id", "starts_on"),
        Index("ix_known_contracts_told_at_id", "told_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    number: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20))
    total: Mapped[Decimal] = mapped_column(Numeric())
    currency: Mapped[str] = mapped_column(String(3))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    told_at: Mapped[datetime]


class KnownTicket(Scoped, Base):
    """A request for service, as its events told it."""

    __tablename__ = "known_tickets"
    __table_args__ = (
        Index("ix_known_tickets_customer_id", "customer_id", "opened_at"),
        Index("ix_known_tickets_told_at_id", "told_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID | None]
    number: Mapped[str] = mapped_column(String(40))
    category: Mapped[str] = mapped_column(String(80))
    priority: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    told_at: Mapped[datetime]


class Listening(Base):
    """When the worker last said that it applies events."""

    __tablename__ = "listening"

    service: Mapped[str] = mapped_column(String(20), primary_key=True)
    said_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Money:
    """What one receipt pays of an order, whichever instalments it was told for."""

    receipt_id: UUID
    receipt_number: str
    received_on: date
    currency: str
    amount: Decimal


def spread(
    order_id: UUID, money: Iterable[Money], instalments: Sequence[KnownInstalment]
) -> list[KnownPayment]:
    """Let the money pay the instalments of a new plan, the earliest first, as sales does."""
    ordered = sorted(instalments, key=lambda each: (each.due_on, each.instalment_no))
    left = {each.id: each.amount for each in ordered}
    payments = []
    for one in money:
        amount = one.amount
        for each in ordered:
            part = min(amount, left[each.id])
            if part > 0:
                left[each.id] -= part
                amount -= part
                payments.append(
                    KnownPayment(
                        id=new_id(),
                        receipt_id=one.receipt_id,
                        receipt_number=one.receipt_number,
                        order_id=order_id,
                        instalment_id=each.id,
                        instalment_no=each.instalment_no,
                        due_on=each.due_on,
                        received_on=one.received_on,
                        amount=part,
                        currency=one.currency,
                    )
                )
    return payments
