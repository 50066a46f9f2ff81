"""An order and its rules."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.days import day_of
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.products.model import EXACT
from sales.quotes.model import Quote
from sales.quotes.totals import PLACES, LineValues, total_of


class OrderState(StrEnum):
    """How far an order is; more may follow."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


ALLOWED: dict[str, frozenset[OrderState]] = {
    OrderState.DRAFT: frozenset({OrderState.CONFIRMED, OrderState.CANCELLED}),
    OrderState.CONFIRMED: frozenset(
        {
            OrderState.PARTIALLY_SHIPPED,
            OrderState.SHIPPED,
            OrderState.COMPLETED,
            OrderState.CANCELLED,
        }
    ),
    OrderState.PARTIALLY_SHIPPED: frozenset({OrderState.PARTIALLY_SHIPPED, OrderState.SHIPPED}),
    OrderState.SHIPPED: frozenset({OrderState.COMPLETED}),
    OrderState.COMPLETED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}
"""What was shipped, in part or whole, is not cancelled. Completed at once is what needs no
delivery."""

PAYABLE = frozenset(OrderState) - {OrderState.DRAFT, OrderState.CANCELLED}
"""The states in which an order takes money."""


class OrderNotFound(NotFound):
    """There is no such order."""

    code = "order_not_found"


class OrderNotKnown(Invalid):
    """The request names an order that is not there."""

    code = "order_not_known"


class OrderMoveNotAllowed(Conflict):
    """The order's state does not allow this; `allowed` lists the states it can go to."""

    code = "order_move_not_allowed"


class OrderAlreadyShipped(Conflict):
    """What was delivered cannot be cancelled."""

    code = "order_already_shipped"


class OrderHasReceipts(Conflict):
    """Money was received for the order: reverse the receipts first."""

    code = "order_has_receipts"


class OrderHasUndelivered(Conflict):
    """Something of the order is still to be delivered."""

    code = "order_has_undelivered"


class NothingToShip(Conflict):
    """What the order sells is done or made available, not delivered."""

    code = "nothing_to_ship"


class OrderIsEmpty(Invalid):
    """An order has lines."""

    code = "order_is_empty"


class OrderedInTheFuture(Invalid):
    """What was ordered lies in the past."""

    code = "date_out_of_order"


class QuoteOrderedAlready(Conflict):
    """There is an order from this quote, `existing_id`."""

    code = "quote_ordered_already"


class ContractOrderedAlready(Conflict):
    """There is an order from this contract, `existing_id`."""

    code = "contract_ordered_already"


class QuoteNotAccepted(Conflict):
    """Only an accepted quote becomes an order."""

    code = "quote_not_accepted"


class LineNotKnown(Invalid):
    """The order has no line with this number."""

    code = "line_not_known"


class LineIsNotShipped(Invalid):
    """What the line sells is done or made available, not delivered."""

    code = "line_is_not_shipped"


class MoreThanOrdered(Invalid):
    """The deliveries of a line would exceed what was ordered."""

    code = "more_than_ordered"


class Order(Aggregate, Scoped, Base):
    """What a customer has bought.

    `paid_amount` is the sum of what its receipts allocated to it; `places` are the decimal places
    of its amounts, kept for ever.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index(
            "uq_orders_quote_id",
            "quote_id",
            unique=True,
            postgresql_where=text("quote_id IS NOT NULL AND state <> 'cancelled'"),
        ),
        Index(
            "uq_orders_contract_id",
            "contract_id",
            unique=True,
            postgresql_where=text("contract_id IS NOT NULL AND state <> 'cancelled'"),
        ),
        Index("ix_orders_created_at_id", "created_at", "id"),
        Index("ix_orders_updated_at_id", "updated_at", "id"),
        Index("ix_orders_ordered_on_id", "ordered_on", "id"),
        Index("ix_orders_customer_id_ordered_on", "customer_id", "ordered_on"),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    quote_id: Mapped[UUID | None] = mapped_column(ForeignKey(Quote.id))
    contract_id: Mapped[UUID | None]
    opportunity_id: Mapped[UUID | None] = mapped_column(ForeignKey("opportunities.id"), index=True)
    customer_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(String(20))
    currency: Mapped[str] = mapped_column(String(3))
    places: Mapped[int]
    total: Mapped[Decimal] = mapped_column(EXACT)
    paid_amount: Mapped[Decimal] = mapped_column(EXACT)
    ordered_on: Mapped[date]
    confirmed_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None] = mapped_column(String(300))
    notes: Mapped[str | None] = mapped_column(Text)

    lines: Mapped[list["OrderLine"]] = relationship(
        lazy="raise", order_by="OrderLine.line_no", cascade="all, delete-orphan"
    )

    @classmethod
    def draft(
        cls,
        *,
        number: int,
        lines: Sequence[LineValues],
        now: datetime,
        ordered_on: date,
        places: int = PLACES["order"],
        **facts: Any,
    ) -> tuple["Order", events.OrderDrafted]:
        """A new order; its total is the sum of its lines."""
        if not lines:
            raise OrderIsEmpty("an order has at least one line", pointer="/lines")
        if ordered_on > day_of(now):
            raise OrderedInTheFuture("what was ordered lies in the past", pointer="/ordered_on")
        for name in ("quote_id", "contract_id", "opportunity_id"):
            facts.setdefault(name, None)
        order = cls(
            number=f"O{now:%Y}-{number:06d}",
            state=OrderState.DRAFT,
            places=places,
            total=total_of((line.amount for line in lines), places),
            paid_amount=Decimal(0).quantize(Decimal(1).scaleb(-places)),
            ordered_on=ordered_on,
            lines=[OrderLine.of(line_no, line) for line_no, line in enumerate(lines, start=1)],
            **facts,
        )
        return order, events.OrderDrafted(
            order_id=order.id,
            number=order.number,
            quote_id=order.quote_id,
            contract_id=order.contract_id,
            opportunity_id=order.opportunity_id,
            customer_id=order.customer_id,
            total=order.total,
            currency=order.currency,
            **order.scope,
        )

    @property
    def open_amount(self) -> Decimal:
        """What is still to be paid."""
        return self.total - self.paid_amount

    def confirm(self, *, now: datetime) -> events.OrderConfirmed:
        """Bind the customer and us."""
        self._go(OrderState.CONFIRMED)
        self.confirmed_at = now
        return events.OrderConfirmed(
            order_id=self.id,
            number=self.number,
            quote_id=self.quote_id,
            contract_id=self.contract_id,
            opportunity_id=self.opportunity_id,
            customer_id=self.customer_id,
            total=self.total,
            currency=self.currency,
            confirmed_at=now,
            ordered_on=self.ordered_on,
            lines=[
                events.OrderLine(
                    line_no=line.line_no,
                    product_id=line.product_id,
                    product_name=line.product_name,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    amount=line.amount,
                )
                for line in self.lines
            ],
            **self.scope,
        )

    def link(self, contract_id: UUID) -> events.OrderLinked | None:
        """Name the contract of the order; None when it has one already."""
        if self.contract_id is not None:
            return None
        self.contract_id = contract_id
        return events.OrderLinked(
            order_id=self.id,
            contract_id=contract_id,
            customer_id=self.customer_id,
            **self.scope,
        )

    def ship(
        self, quantities: Mapping[int, Decimal] | None, *, now: datetime
    ) -> events.OrderShipped:
        """Deliver so much of each line (by line number); None delivers everything that is left."""
        self._check_move(OrderState.SHIPPED)
        if quantities is None:
            quantities = {
                line.line_no: line.left_to_ship for line in self.lines if line.left_to_ship
            }
        if not quantities:
            raise NothingToShip("nothing of this order is to be delivered")
        by_number = {line.line_no: line for line in self.lines}
        shipped = []
        for place, (line_no, quantity) in enumerate(quantities.items()):
            line = by_number.get(line_no)
            if line is None:
                raise LineNotKnown(f"no line {line_no}", pointer=f"/lines/{place}/line_no")
            line.ship(quantity, pointer=f"/lines/{place}/quantity")
            shipped.append(
                events.ShippedLine(line_no=line_no, product_id=line.product_id, quantity=quantity)
            )
        complete = not any(line.left_to_ship for line in self.lines)
        self._go(OrderState.SHIPPED if complete else OrderState.PARTIALLY_SHIPPED)
        return events.OrderShipped(
            order_id=self.id,
            number=self.number,
            customer_id=self.customer_id,
            contract_id=self.contract_id,
            opportunity_id=self.opportunity_id,
            shipped_at=now,
            lines=shipped,
            complete=complete,
            **self.scope,
        )

    def complete(self, *, now: datetime) -> events.OrderCompleted:
        """Close the order: nothing of it is left to deliver."""
        if any(line.left_to_ship for line in self.lines):
            raise OrderHasUndelivered("something of this order is still to be delivered")
        self._go(OrderState.COMPLETED)
        self.completed_at = now
        return events.OrderCompleted(
            order_id=self.id, customer_id=self.customer_id, completed_at=now, **self.scope
        )

    def cancel(self, *, reason: str, now: datetime) -> events.OrderCancelled:
        """Call the order off. The event lets everyone take back what the confirmation counted."""
        if self.state in (
            OrderState.PARTIALLY_SHIPPED,
            OrderState.SHIPPED,
            OrderState.COMPLETED,
        ):
            raise OrderAlreadyShipped(f"the order is {self.state}")
        if self.paid_amount:
            raise OrderHasReceipts(f"{self.paid_amount} {self.currency} were received for it")
        was_confirmed = self.state == OrderState.CONFIRMED
        self._go(OrderState.CANCELLED)
        self.cancelled_at, self.cancel_reason = now, reason
        return events.OrderCancelled(
            order_id=self.id,
            number=self.number,
            customer_id=self.customer_id,
            opportunity_id=self.opportunity_id,
            reason=reason,
            total=self.total,
            currency=self.currency,
            was_confirmed=was_confirmed,
            **self.scope,
        )

    def count_payment(self, receipt_id: UUID, amount: Decimal) -> events.OrderPaymentChanged:
        """Count money that came in for the order; a negative amount went back."""
        self.paid_amount += amount
        return events.OrderPaymentChanged(
            order_id=self.id,
            customer_id=self.customer_id,
            receipt_id=receipt_id,
            paid_amount=self.paid_amount,
            open_amount=self.open_amount,
            total=self.total,
            currency=self.currency,
            **self.scope,
        )

    def _go(self, to: OrderState) -> None:
        self._check_move(to)
        self.state = to

    def _check_move(self, to: OrderState) -> None:
        if to not in ALLOWED[self.state]:
            raise OrderMoveNotAllowed(
                f"an order that is {self.state} does not become {to}",
                allowed=sorted(ALLOWED[self.state]),
            )


class OrderLine(Base):
    """A product of an order; `amount` is after the discount."""

    __tablename__ = "order_lines"
    __seen_with__ = ("order_id", "Order")
    __table_args__ = (Index("ix_order_lines_order_id_line_no", "order_id", "line_no", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    line_no: Mapped[int]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"), index=True)
    product_name: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[Decimal] = mapped_column(EXACT)
    unit_price: Mapped[Decimal] = mapped_column(EXACT)
    discount_percent: Mapped[Decimal] = mapped_column(EXACT)
    amount: Mapped[Decimal] = mapped_column(EXACT)
    is_shipped: Mapped[bool]
    shipped_quantity: Mapped[Decimal] = mapped_column(EXACT)
    delivery_on: Mapped[date | None]

    @classmethod
    def of(cls, line_no: int, values: LineValues) -> "OrderLine":
        """The line with these values; nothing of it is delivered."""
        return cls(
            id=new_id(),
            line_no=line_no,
            product_id=values.product_id,
            product_name=values.product_name,
            quantity=values.quantity,
            unit_price=values.unit_price,
            discount_percent=values.discount_percent,
            amount=values.amount,
            is_shipped=values.is_shipped,
            shipped_quantity=Decimal(0),
            delivery_on=values.delivery_on,
        )

    @property
    def left_to_ship(self) -> Decimal:
        """What is still to be delivered; nothing where the product's kind is not shipped."""
        return self.quantity - self.shipped_quantity if self.is_shipped else Decimal(0)

    def ship(self, quantity: Decimal, *, pointer: str) -> None:
        """Count a delivery."""
        if not self.is_shipped:
            raise LineIsNotShipped(f"{self.product_name} is not shipped", pointer=pointer)
        if quantity > self.left_to_ship:
            raise MoreThanOrdered(
                f"line {self.line_no}: {self.left_to_ship} left to deliver", pointer=pointer
            )
        self.shipped_quantity += quantity


class Delivery(Base):
    """What went out at one time."""

    __tablename__ = "deliveries"
    __seen_with__ = ("order_id", "Order")

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    shipped_at: Mapped[datetime]
    note: Mapped[str | None] = mapped_column(String(300))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
