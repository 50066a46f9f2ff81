"""A receipt and its rules."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.orders.model import PAYABLE, Order
from sales.products.model import EXACT


class ReceiptState(StrEnum):
    """Whether the money stayed."""

    RECORDED = "recorded"
    REVERSED = "reversed"


class ReceiptNotFound(NotFound):
    """There is no such receipt."""

    code = "receipt_not_found"


class ReceiptReversedAlready(Conflict):
    """A receipt is taken back once."""

    code = "receipt_reversed_already"


class OrderNotPayable(Conflict):
    """Money is counted for an order that is confirmed and not cancelled."""

    code = "order_not_payable"


class OverPayment(Conflict):
    """The order is owed less than that; `open_amount` is what it takes."""

    code = "over_payment"


class CurrencyDiffers(Invalid):
    """The receipt has another currency than the order."""

    code = "currency_differs"


class PayerNeeded(Invalid):
    """Money that is for no order is at least from a customer."""

    code = "payer_needed"


class ReceivedInTheFuture(Invalid):
    """What was received lies in the past, and is taken back after it came."""

    code = "date_out_of_order"


class Receipt(Aggregate, Scoped, Base):
    """Money that came in. `amount` = what its order took + `unallocated_amount`."""

    __tablename__ = "receipts"
    __table_args__ = (
        Index(
            "uq_receipts_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_receipts_created_at_id", "created_at", "id"),
        Index("ix_receipts_received_on_id", "received_on", "id"),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"), index=True)
    opportunity_id: Mapped[UUID | None]
    contract_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    amount: Mapped[Decimal] = mapped_column(EXACT)
    unallocated_amount: Mapped[Decimal] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))
    received_on: Mapped[date]
    method: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))
    reversed_on: Mapped[date | None]
    reverse_reason: Mapped[str | None] = mapped_column(String(300))
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))

    @classmethod
    def take(
        cls,
        *,
        number: int,
        amount: Decimal,
        currency: str,
        received_on: date,
        method: str,
        order: Order | None,
        now: datetime,
        today: date,
        unallocated: bool = False,
        customer_id: UUID | None = None,
        reference: str | None = None,
        external_source: str | None = None,
        external_id: str | None = None,
        **scope: Any,
    ) -> tuple["Receipt", events.ReceiptRecorded]:
        """Money came in, for an order or from a customer.

        What exceeds the order's open amount is refused, or stays unallocated when the caller says
        so. `Order.count_payment` counts the rest.
        """
        if received_on > today:
            raise ReceivedInTheFuture("what was received lies in the past", pointer="/received_on")
        left = amount
        if order is not None:
            if order.state not in PAYABLE:
                raise OrderNotPayable(f"the order is {order.state}")
            if order.currency != currency:
                raise CurrencyDiffers(f"the order is in {order.currency}", pointer="/currency")
            left = max(amount - order.open_amount, Decimal(0))
            if left and not unallocated:
                raise OverPayment(
                    f"the order is owed {order.open_amount} {currency}; say `unallocated` to keep"
                    " the rest for later",
                    open_amount=str(order.open_amount),
                )
            customer_id, scope = order.customer_id, order.scope
        elif customer_id is None:
            raise PayerNeeded("name the order or the customer", pointer="/order_id")
        receipt = cls(
            number=f"R{now:%Y}-{number:06d}",
            order_id=order.id if order else None,
            opportunity_id=order.opportunity_id if order else None,
            contract_id=order.contract_id if order else None,
            customer_id=customer_id,
            amount=amount,
            unallocated_amount=left,
            currency=currency,
            received_on=received_on,
            method=method,
            reference=reference,
            state=ReceiptState.RECORDED,
            external_source=external_source,
            external_id=external_id,
            **scope,
        )
        return receipt, events.ReceiptRecorded(
            unallocated_amount=left,
            received_on=received_on,
            method=method,
            external_source=external_source,
            external_id=external_id,
            **receipt._facts(),
        )

    @property
    def allocated_amount(self) -> Decimal:
        """What the order took."""
        return self.amount - self.unallocated_amount

    def reverse(self, *, reason: str, on: date, today: date) -> events.ReceiptReversed:
        """Take the receipt back, once."""
        if self.state == ReceiptState.REVERSED:
            raise ReceiptReversedAlready(f"the receipt was reversed on {self.reversed_on}")
        if not self.received_on <= on <= today:
            raise ReceivedInTheFuture(
                f"a receipt of {self.received_on} is taken back on or after that day, by now",
                pointer="/reversed_on",
            )
        self.state, self.reversed_on, self.reverse_reason = ReceiptState.REVERSED, on, reason
        return events.ReceiptReversed(reversed_on=on, reason=reason, **self._facts())

    def _facts(self) -> dict[str, Any]:
        return {
            "receipt_id": self.id,
            "number": self.number,
            "order_id": self.order_id,
            "customer_id": self.customer_id,
            "opportunity_id": self.opportunity_id,
            "contract_id": self.contract_id,
            "amount": self.amount,
            "currency": self.currency,
            **self.scope,
        }
