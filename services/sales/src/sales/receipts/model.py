"""A receipt and its rules."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.money import places_of
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.exchange_rates.model import InBase, RateUsed
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


class ReceiptWasReversed(Conflict):
    """The money of the receipt did not stay: there is nothing to allocate or refund."""

    code = "receipt_was_reversed"


class ReceiptWasRefunded(Conflict):
    """A part of the receipt went back to the payer: it cannot be reversed as a whole."""

    code = "receipt_was_refunded"


class MoreThanUnallocated(Conflict):
    """Orders have taken the rest of the receipt; `unallocated_amount` is what is left."""

    code = "more_than_unallocated"


class OrderOfAnotherCustomer(Conflict):
    """A customer's money pays that customer's orders."""

    code = "order_of_another_customer"


class NothingToPay(Conflict):
    """There is no order of the customer that takes money in this currency."""

    code = "nothing_to_pay"


class NothingAllocated(Conflict):
    """The order has taken nothing of this receipt."""

    code = "nothing_allocated"


class AmountTooFine(Invalid):
    """The amount has more decimal places than receipts, or the order it is for, have."""

    code = "amount_too_fine"


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


class Receipt(Aggregate, Scoped, InBase, Base):
    """Money that came in: `amount` is what orders took, what is unallocated and what was refunded.

    `order_id` is the order it was recorded for; what it pays now are its allocations. A reversed
    receipt keeps the amounts it had.
    """

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
    refunded_amount: Mapped[Decimal] = mapped_column(EXACT)
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
        rate: RateUsed | None = None,
        customer_id: UUID | None = None,
        reference: str | None = None,
        external_source: str | None = None,
        external_id: str | None = None,
        **scope: Any,
    ) -> tuple["Receipt", events.ReceiptRecorded]:
        """Money came in, for an order or from a customer.

        What exceeds the order's open amount is refused, or stays unallocated when the caller says
        so. `Order.count_payment` counts the rest. The receipt keeps the `rate` of the day it came.
        """
        if received_on > today:
            raise ReceivedInTheFuture("what was received lies in the past", pointer="/received_on")
        left = amount
        if order is not None:
            _check_payable(order, currency, amount)
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
            refunded_amount=amount - amount,
            currency=currency,
            received_on=received_on,
            method=method,
            reference=reference,
            state=ReceiptState.RECORDED,
            external_source=external_source,
            external_id=external_id,
            **scope,
        )
        if rate is not None:
            receipt.keep_rate(rate)
        return receipt, events.ReceiptRecorded(
            base_currency=receipt.base_currency,
            exchange_rate=receipt.exchange_rate,
            exchange_rate_on=receipt.exchange_rate_on,
            base_amount=receipt.base_amount,
            unallocated_amount=left,
            received_on=received_on,
            method=method,
            external_source=external_source,
            external_id=external_id,
            **receipt._facts(),
        )

    @property
    def base_amount(self) -> Decimal | None:
        """The amount in the base currency by the rate that the receipt keeps, as fine as it is."""
        return self.in_base(self.amount, max(places_of(self.amount), 2))

    @property
    def allocated_amount(self) -> Decimal:
        """What orders took."""
        return self.amount - self.unallocated_amount - self.refunded_amount

    def allocate(self, order: Order, amount: Decimal) -> None:
        """Let an order take so much of what is unallocated; `allocated` tells it for all of them."""
        self._check_stands()
        _check_payable(order, self.currency, amount)
        if order.customer_id != self.customer_id:
            raise OrderOfAnotherCustomer(f"{order.number} is another customer's")
        if amount > self.unallocated_amount:
            raise MoreThanUnallocated(
                f"{self.unallocated_amount} {self.currency} are unallocated",
                unallocated_amount=str(self.unallocated_amount),
            )
        if amount > order.open_amount:
            raise OverPayment(
                f"{order.number} is owed {order.open_amount} {self.currency}",
                open_amount=str(order.open_amount),
            )
        self.unallocated_amount -= amount

    def allocated(self, allocations: Sequence[events.Allocation]) -> events.ReceiptAllocated:
        """What orders have taken of it just now."""
        return events.ReceiptAllocated(
            receipt_id=self.id,
            number=self.number,
            customer_id=self.customer_id,
            currency=self.currency,
            unallocated_amount=self.unallocated_amount,
            allocations=list(allocations),
            **self.scope,
        )

    def release(self, allocations: Sequence[events.Allocation]) -> events.ReceiptReleased:
        """Take back what an order had taken: it is unallocated again."""
        self._check_stands()
        if not allocations:
            raise NothingAllocated(f"the order has taken nothing of {self.number}")
        self.unallocated_amount += sum((each.amount for each in allocations), Decimal(0))
        return events.ReceiptReleased(
            receipt_id=self.id,
            number=self.number,
            customer_id=self.customer_id,
            currency=self.currency,
            unallocated_amount=self.unallocated_amount,
            allocations=list(allocations),
            **self.scope,
        )

    def refund(
        self, amount: Decimal, *, reason: str, on: date, today: date
    ) -> events.ReceiptRefunded:
        """Give so much of what is unallocated back to the payer."""
        self._check_stands()
        self._check_day(on, today, pointer="/refunded_on")
        if amount > self.unallocated_amount:
            raise MoreThanUnallocated(
                f"{self.unallocated_amount} {self.currency} are unallocated",
                unallocated_amount=str(self.unallocated_amount),
            )
        self.unallocated_amount -= amount
        self.refunded_amount += amount
        return events.ReceiptRefunded(
            receipt_id=self.id,
            number=self.number,
            customer_id=self.customer_id,
            currency=self.currency,
            refunded_on=on,
            amount=amount,
            unallocated_amount=self.unallocated_amount,
            reason=reason,
            **self.scope,
        )

    def reverse(
        self,
        *,
        reason: str,
        on: date,
        today: date,
        allocations: Sequence[events.Allocation] = (),
    ) -> events.ReceiptReversed:
        """Take the receipt back, once, and with it the `allocations` that it paid."""
        if self.state == ReceiptState.REVERSED:
            raise ReceiptReversedAlready(f"the receipt was reversed on {self.reversed_on}")
        if self.refunded_amount:
            raise ReceiptWasRefunded(f"{self.refunded_amount} {self.currency} were refunded")
        self._check_day(on, today, pointer="/reversed_on")
        self.state, self.reversed_on, self.reverse_reason = ReceiptState.REVERSED, on, reason
        return events.ReceiptReversed(
            reversed_on=on, reason=reason, allocations=list(allocations), **self._facts()
        )

    def _check_stands(self) -> None:
        if self.state == ReceiptState.REVERSED:
            raise ReceiptWasReversed(f"the receipt was reversed on {self.reversed_on}")

    def _check_day(self, on: date, today: date, *, pointer: str) -> None:
        if not self.received_on <= on <= today:
            raise ReceivedInTheFuture(
                f"a receipt of {self.received_on} is taken back on or after that day, by now",
                pointer=pointer,
            )

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


def _check_payable(order: Order, currency: str, amount: Decimal) -> None:
    if order.state not in PAYABLE:
        raise OrderNotPayable(f"the order is {order.state}")
    if order.currency != currency:
        raise CurrencyDiffers(f"the order is in {order.currency}", pointer="/currency")
    if places_of(amount) > order.places:
        raise AmountTooFine(
            f"the amounts of {order.number} have {order.places} decimal places", pointer="/amount"
        )
