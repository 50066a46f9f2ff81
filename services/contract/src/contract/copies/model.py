"""What is remembered of customers, orders and receipts. No rules: their owners have those."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from contract.db import Base


class KnownCustomer(Base):
    """The name of a customer."""

    __tablename__ = "known_customers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))


class KnownOrder(Base):
    """An order; only the id is there when a receipt or a link named it before it was heard of."""

    __tablename__ = "known_orders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str | None] = mapped_column(String(40))
    quote_id: Mapped[UUID | None] = mapped_column(index=True)
    contract_id: Mapped[UUID | None]
    """As the order names it; `linked_to` is what was found here."""
    total: Mapped[Decimal | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    shipped_on: Mapped[date | None]
    """The day of the shipment that completed the order."""
    is_cancelled: Mapped[bool] = mapped_column(default=False)
    linked_to: Mapped[UUID | None] = mapped_column(ForeignKey("contracts.id"), index=True)


class KnownReceipt(Base):
    """Money received for an order."""

    __tablename__ = "known_receipts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(index=True)
    amount: Mapped[Decimal]
    reversed_amount: Mapped[Decimal] = mapped_column(default=Decimal(0))
    currency: Mapped[str] = mapped_column(String(3))
    received_on: Mapped[date]
