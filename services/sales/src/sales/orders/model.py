"""An order and its rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.custom_fields.columns import Extensible
from common.days import day_of
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.money import rounded
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.exchange_rates.model import InBase, RateUsed
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
    OrderState.CANCELLED: frozenset({OrderState.DRAFT}),
}
"""What was shipped, in part or whole, is not cancelled; what is left of it may be, and then it is
shipped. Completed at once is what needs no delivery. What was called off can be reopened."""

PAYABLE = frozenset(OrderState) - {OrderState.DRAFT, OrderState.CANCELLED}
"""The states in which an order binds: its customer owes it, and it takes money."""

CHANGEABLE = frozenset({OrderState.DRAFT, OrderState.CONFIRMED, OrderState.PARTIALLY_SHIPPED})
"""The states in which lines may still become others."""


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


class OrderIsFrozen(Conflict):
    """The order was delivered, is done or is off: its lines stay as they are."""

    code = "order_is_frozen"


class LineIsDelivered(Invalid):
    """What was delivered of a line stays in the order, at least in that quantity."""

    code = "line_is_delivered"


class NothingDelivered(Conflict):
    """Nothing was delivered yet: the order can be cancelled as a whole."""

    code = "nothing_delivered"


class MoreThanOrdered(Invalid):
    """The deliveries of a line would exceed what was ordered."""

    code = "more_than_ordered"


@dataclass(frozen=True, slots=True)
class RevisedLine:
    """A line as it is to be; `line_no` None is a new one."""

    line_no: int | None
    values: LineValues


class Order(Aggregate, Scoped, Extensible, InBase, Base):
    """What a customer has bought.

    `paid_amount` is the sum of what its receipts allocated to it, `delivered_amount` what the
    delivered quantities cost, `cancelled_amount` what of `total` was called off after a part was
    delivered; `places` are the decimal places of its amounts, kept for ever. `discount_amount` is
    the discount on the whole of the quote it came from; the lines contain their parts of it.
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
    prices_include_tax: Mapped[bool]
    discount_amount: Mapped[Decimal] = mapped_column(EXACT)
    tax_total: Mapped[Decimal] = mapped_column(EXACT)
    total: Mapped[Decimal] = mapped_column(EXACT)
    cancelled_amount: Mapped[Decimal] = mapped_column(EXACT)
    delivered_amount: Mapped[Decimal] = mapped_column(EXACT)
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
        nothing = rounded(Decimal(0), places)
        facts.setdefault("prices_include_tax", True)
        facts.setdefault("discount_amount", nothing)
        order = cls(
            number=f"O{now:%Y}-{number:06d}",
            state=OrderState.DRAFT,
            places=places,
            tax_total=total_of((line.tax_amount for line in lines), places),
            total=total_of((line.amount for line in lines), places),
            cancelled_amount=nothing,
            delivered_amount=nothing,
            paid_amount=nothing,
            ordered_on=ordered_on,
            lines=[OrderLine.of(line_no, line) for line_no, line in enumerate(lines, start=1)],
            **facts,
        )
        return order, events.OrderDrafted(
            order_id=order.id,
            custom=order.said_values,
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
    def binds(self) -> bool:
        """Whether the customer owes what the order comes to."""
        return self.state in PAYABLE

    @property
    def due_amount(self) -> Decimal:
        """What is to be paid in all."""
        return self.total - self.cancelled_amount

    @property
    def open_amount(self) -> Decimal:
        """What is still to be paid."""
        return self.due_amount - self.paid_amount

    @property
    def base_total(self) -> Decimal | None:
        """The total in the base currency, by the rate that the order keeps."""
        return self.in_base(self.total, self.places)

    def confirm(
        self,
        *,
        now: datetime,
        instalments: Sequence[events.Instalment] = (),
        rate: RateUsed | None = None,
    ) -> events.OrderConfirmed:
        """Bind the customer and us; `instalments` are how it is paid, `rate` is kept."""
        self._go(OrderState.CONFIRMED)
        self.confirmed_at = now
        if rate is not None:
            self.keep_rate(rate)
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
            lines=[line.told for line in self.lines],
            instalments=list(instalments),
            tax_total=self.tax_total,
            base_currency=self.base_currency,
            exchange_rate=self.exchange_rate,
            exchange_rate_on=self.exchange_rate_on,
            base_total=self.base_total,
            **self.scope,
        )

    def revise(
        self, lines: Sequence[RevisedLine] | None, changes: Mapping[str, Any]
    ) -> events.OrderChanged | None:
        """Make the lines these, and set `changes` of other fields; None when nothing differs.

        `lines` None leaves them. A line that was delivered in part stays, with its product and at
        least in the delivered quantity.
        """
        if lines is not None and self.state not in CHANGEABLE:
            raise OrderIsFrozen(f"the order is {self.state}")
        before = self.total
        differs = False
        for name, value in changes.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                differs = True
        if lines is not None:
            self._put_lines(lines)
            differs = True
        if not differs:
            return None
        return events.OrderChanged(
            order_id=self.id,
            custom=self.said_values,
            number=self.number,
            quote_id=self.quote_id,
            contract_id=self.contract_id,
            opportunity_id=self.opportunity_id,
            customer_id=self.customer_id,
            is_confirmed=self.binds,
            total_before=before,
            total=self.total,
            currency=self.currency,
            lines=[line.told for line in self.lines],
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
        self._count_delivered()
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
        self.completed_at, self.delivered_amount = now, self.due_amount
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
            quote_id=self.quote_id,
            contract_id=self.contract_id,
            ordered_on=self.ordered_on,
            lines=[line.taken_back(line.quantity, line.amount) for line in self.lines],
            **self.scope,
        )

    def cancel_rest(self, *, reason: str, now: datetime) -> list[events.TakenBackLine]:
        """Call off what was not delivered; what was delivered stays sold and owed.

        Returns what is to be taken back; `rest_cancelled` tells it once it is known how the
        remainder is paid.
        """
        if self.state == OrderState.CONFIRMED:
            raise NothingDelivered("nothing was delivered yet: cancel the order")
        if self.state != OrderState.PARTIALLY_SHIPPED:
            self._check_move(OrderState.PARTIALLY_SHIPPED)
        taken_back = []
        for line in self.lines:
            quantity, amount = line.cancel_rest(self.places)
            if quantity:
                taken_back.append(line.taken_back(quantity, amount))
        self.cancelled_amount += sum((line.amount for line in taken_back), Decimal(0))
        self._check_not_overpaid()
        self._go(OrderState.SHIPPED)
        self.cancel_reason = reason
        self._count_delivered()
        return taken_back

    def rest_cancelled(
        self,
        taken_back: Sequence[events.TakenBackLine],
        instalments: Sequence[events.Instalment],
        *,
        reason: str,
    ) -> events.OrderRestCancelled:
        """That what was not delivered is off, and how the remainder is paid."""
        return events.OrderRestCancelled(
            order_id=self.id,
            number=self.number,
            quote_id=self.quote_id,
            contract_id=self.contract_id,
            opportunity_id=self.opportunity_id,
            customer_id=self.customer_id,
            reason=reason,
            total_before=self.total,
            total=self.due_amount,
            currency=self.currency,
            lines=list(taken_back),
            instalments=list(instalments),
            **self.scope,
        )

    def reopen(self) -> events.OrderReopened:
        """Make a draft again of an order that was called off."""
        was_confirmed = self.confirmed_at is not None
        if self.state != OrderState.CANCELLED:
            raise OrderMoveNotAllowed(
                f"an order that is {self.state} is not reopened",
                allowed=sorted(ALLOWED[self.state]),
            )
        self._go(OrderState.DRAFT)
        self.cancelled_at = self.cancel_reason = self.confirmed_at = None
        self.forget_rate()
        return events.OrderReopened(
            order_id=self.id,
            number=self.number,
            customer_id=self.customer_id,
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

    def _put_lines(self, lines: Sequence[RevisedLine]) -> None:
        if not lines:
            raise OrderIsEmpty("an order has at least one line", pointer="/lines")
        there = {line.line_no: line for line in self.lines}
        next_no = max(there) + 1
        kept: list[OrderLine] = []
        for place, revised in enumerate(lines):
            if revised.line_no is None:
                kept.append(OrderLine.of(next_no, revised.values))
                next_no += 1
                continue
            line = there.pop(revised.line_no, None)
            if line is None:
                raise LineNotKnown(
                    f"no line {revised.line_no}, or named twice", pointer=f"/lines/{place}/line_no"
                )
            line.revise(revised.values, pointer=f"/lines/{place}")
            kept.append(line)
        for line in there.values():
            if line.shipped_quantity:
                raise LineIsDelivered(
                    f"line {line.line_no} was delivered in part", pointer="/lines"
                )
        self.lines = sorted(kept, key=lambda line: line.line_no)
        self.tax_total = total_of((line.tax_amount for line in self.lines), self.places)
        self.total = total_of((line.amount for line in self.lines), self.places)
        self._check_not_overpaid()
        self._count_delivered()
        if self.state == OrderState.PARTIALLY_SHIPPED and not any(
            line.left_to_ship for line in self.lines
        ):
            self._go(OrderState.SHIPPED)

    def _check_not_overpaid(self) -> None:
        if self.paid_amount > self.due_amount:
            raise OrderHasReceipts(
                f"{self.paid_amount} {self.currency} were received, more than the order would come"
                " to: release receipts first",
                due_amount=str(self.due_amount),
            )

    def _count_delivered(self) -> None:
        self.delivered_amount = total_of(
            (line.delivered_amount(self.places) for line in self.lines), self.places
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


_REVISED = (
    "product_id",
    "product_name",
    "quantity",
    "unit_price",
    "discount_percent",
    "amount",
    "is_shipped",
    "delivery_on",
    "document_discount",
    "tax_percent",
    "tax_amount",
)


class OrderLine(Base):
    """A product of an order; `amount` is after the discounts and with `tax_amount`.

    `cancelled_quantity` and `cancelled_amount` are what was called off after the rest was
    delivered; quantity and amount stay what they were.
    """

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
    cancelled_quantity: Mapped[Decimal] = mapped_column(EXACT)
    cancelled_amount: Mapped[Decimal] = mapped_column(EXACT)
    delivery_on: Mapped[date | None]
    document_discount: Mapped[Decimal] = mapped_column(EXACT)
    tax_percent: Mapped[Decimal] = mapped_column(EXACT)
    tax_amount: Mapped[Decimal] = mapped_column(EXACT)

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
            cancelled_quantity=Decimal(0),
            cancelled_amount=Decimal(0),
            delivery_on=values.delivery_on,
            document_discount=values.document_discount,
            tax_percent=values.tax_percent,
            tax_amount=values.tax_amount,
        )

    @property
    def left_to_ship(self) -> Decimal:
        """What is still to be delivered; nothing where the product's kind is not shipped."""
        if not self.is_shipped:
            return Decimal(0)
        return self.quantity - self.shipped_quantity - self.cancelled_quantity

    @property
    def told(self) -> events.OrderLine:
        """The line as events tell it."""
        return events.OrderLine(
            line_no=self.line_no,
            product_id=self.product_id,
            product_name=self.product_name,
            quantity=self.quantity,
            unit_price=self.unit_price,
            amount=self.amount,
            order_line_id=self.id,
            discount_percent=self.discount_percent,
            document_discount=self.document_discount,
            tax_percent=self.tax_percent,
            tax_amount=self.tax_amount,
        )

    def delivered_amount(self, places: int) -> Decimal:
        """What the delivered quantity costs; all of it is exactly what is not called off."""
        if not self.left_to_ship:
            return self.amount - self.cancelled_amount if self.shipped_quantity else Decimal(0)
        return rounded(self.amount * self.shipped_quantity / self.quantity, places)

    def taken_back(self, quantity: Decimal, amount: Decimal) -> events.TakenBackLine:
        """So much of the line is no longer sold."""
        return events.TakenBackLine(
            order_line_id=self.id,
            line_no=self.line_no,
            product_id=self.product_id,
            quantity=quantity,
            amount=amount,
        )

    def cancel_rest(self, places: int) -> tuple[Decimal, Decimal]:
        """Call off what is left to deliver; returns quantity and amount."""
        quantity = self.left_to_ship
        if quantity:
            self.cancelled_amount = self.amount - self.delivered_amount(places)
            self.cancelled_quantity = quantity
        return quantity, self.cancelled_amount if quantity else Decimal(0)

    def revise(self, values: LineValues, *, pointer: str) -> None:
        """Become this; what was delivered of the line is not sold otherwise."""
        if self.shipped_quantity:
            if values.product_id != self.product_id:
                raise LineIsDelivered(
                    f"line {self.line_no} was delivered in part: its product stays",
                    pointer=f"{pointer}/product_id",
                )
            if values.quantity < self.shipped_quantity:
                raise LineIsDelivered(
                    f"{self.shipped_quantity} of line {self.line_no} were delivered",
                    pointer=f"{pointer}/quantity",
                )
        for name in _REVISED:
            setattr(self, name, getattr(values, name))

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
