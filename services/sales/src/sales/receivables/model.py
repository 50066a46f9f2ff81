"""When an order is paid: instalments, and what of which receipt each of them took.

Nothing of this is deleted: an instalment that another plan replaces, and an allocation whose money
goes elsewhere, end on a day. So what was open on any day is a sum over what stood on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.days import day_of
from common.errors import Conflict, Invalid
from common.ids import new_id
from common.money import allocate
from sales import events
from sales.db import Base
from sales.orders.model import CHANGEABLE, PAYABLE, Order
from sales.products.model import EXACT
from sales.receipts.model import Receipt

Terms = Sequence[tuple[date, Decimal]]
"""When how much is to be paid."""

OVERDUE_BUCKETS = ((1, 30), (31, 60), (61, 90), (91, None))
"""Days overdue, from and to."""


class PlanDoesNotAddUp(Invalid):
    """The instalments are not what the order costs; `due_amount` is that."""

    code = "plan_does_not_add_up"


class PlanTooFine(Invalid):
    """An instalment has more decimal places than the order."""

    code = "plan_too_fine"


class PlanIsOver(Conflict):
    """Nothing is to be paid any more for an order that is off or done."""

    code = "plan_is_over"


class InstalmentNotKnown(Invalid):
    """The order has no instalment with this number."""

    code = "instalment_not_known"


class InstalmentOwesLess(Conflict):
    """The instalment is owed less than that; `open_amount` is what it takes."""

    code = "instalment_owes_less"


class Instalment(Base):
    """A part of what an order costs, to be paid by a day.

    It stands from `since_on`, when the order bound, until the day before `until_on`, when another
    plan took its place or the order was off; that of a draft stands not yet.
    """

    __tablename__ = "instalments"
    __seen_with__ = ("order_id", "Order")
    __table_args__ = (
        Index("ix_instalments_order_id", "order_id"),
        Index("ix_instalments_due_on_id", "due_on", "id"),
        Index(
            "ix_instalments_open",
            "due_on",
            "id",
            postgresql_where=text(
                "until_on IS NULL AND since_on IS NOT NULL AND paid_amount < amount"
            ),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    instalment_no: Mapped[int]
    due_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(EXACT)
    paid_amount: Mapped[Decimal] = mapped_column(EXACT)
    since_on: Mapped[date | None]
    until_on: Mapped[date | None]
    reminded_at: Mapped[datetime | None]

    order: Mapped[Order] = relationship(lazy="raise", viewonly=True)

    @property
    def open_amount(self) -> Decimal:
        """What is still to be paid of it."""
        return self.amount - self.paid_amount

    @property
    def told(self) -> events.Instalment:
        """The instalment as events tell it."""
        return events.Instalment(
            instalment_id=self.id,
            instalment_no=self.instalment_no,
            due_on=self.due_on,
            amount=self.amount,
        )

    def remind(self, order: Order, *, now: datetime) -> events.OrderPaymentDue | None:
        """Say once that it is to be paid; None when it is, or that was said."""
        if self.reminded_at is not None or self.open_amount <= 0 or not order.binds:
            return None
        self.reminded_at = now
        return events.OrderPaymentDue(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            instalment_id=self.id,
            instalment_no=self.instalment_no,
            due_on=self.due_on,
            amount=self.amount,
            open_amount=self.open_amount,
            currency=order.currency,
            **order.scope,
        )


class Allocation(Base):
    """Money of a receipt that an instalment took.

    It counts from `counted_on`, the day the money came, at the earliest the instalment's first,
    until the day before `until_on`, when it was taken back or another plan moved it.
    """

    __tablename__ = "receipt_allocations"
    __seen_with__ = ("order_id", "Order")
    __table_args__ = (
        Index("ix_receipt_allocations_instalment_id_counted_on", "instalment_id", "counted_on"),
        Index("ix_receipt_allocations_counted_on_id", "counted_on", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    receipt_id: Mapped[UUID] = mapped_column(ForeignKey("receipts.id"), index=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    instalment_id: Mapped[UUID] = mapped_column(ForeignKey("instalments.id", ondelete="CASCADE"))
    amount: Mapped[Decimal] = mapped_column(EXACT)
    counted_on: Mapped[date]
    until_on: Mapped[date | None]
    recorded_at: Mapped[datetime]

    instalment: Mapped[Instalment] = relationship(lazy="raise", viewonly=True)
    order: Mapped[Order] = relationship(lazy="raise", viewonly=True)
    receipt: Mapped[Receipt] = relationship(lazy="raise", viewonly=True)

    @property
    def instalment_no(self) -> int:
        """The number of the instalment; that must be loaded."""
        return self.instalment.instalment_no

    @property
    def due_on(self) -> date:
        """When the instalment is due; it must be loaded."""
        return self.instalment.due_on

    def told_of(self, instalment: Instalment) -> events.Allocation:
        """The allocation as events tell it."""
        return events.Allocation(
            order_id=self.order_id,
            instalment_id=instalment.id,
            instalment_no=instalment.instalment_no,
            due_on=instalment.due_on,
            amount=self.amount,
        )


@dataclass(slots=True)
class Plan:
    """The standing instalments of an order, and the standing allocations to them, oldest first.

    What its methods make is collected in `made`, for the session.
    """

    order: Order
    instalments: list[Instalment] = field(default_factory=list)
    allocations: list[Allocation] = field(default_factory=list)
    made: list[Instalment | Allocation] = field(default_factory=list)

    @property
    def told(self) -> list[events.Instalment]:
        """The instalments as events tell them."""
        return [instalment.told for instalment in self.instalments]

    def lay(self, terms: Terms, *, now: datetime) -> events.OrderPaymentPlanned:
        """Agree when the order is paid; what was received for it counts for the earliest first.

        An instalment of a day on which one was to be paid before is not reminded of again.
        """
        order = self.order
        if order.state not in CHANGEABLE | PAYABLE:
            raise PlanIsOver(f"the order is {order.state}")
        for place, (_, amount) in enumerate(terms):
            if round(amount, order.places) != amount:
                raise PlanTooFine(
                    f"the amounts of this order have {order.places} decimal places",
                    pointer=f"/instalments/{place}/amount",
                )
        if sum((amount for _, amount in terms), Decimal(0)) != order.due_amount:
            raise PlanDoesNotAddUp(
                f"the instalments add up to {order.due_amount} {order.currency}",
                pointer="/instalments",
                due_amount=str(order.due_amount),
            )
        today = day_of(now)
        reminded = {each.due_on: each.reminded_at for each in self.instalments}
        paid: dict[UUID, Decimal] = {}
        for allocation in self.allocations:
            paid[allocation.receipt_id] = paid.get(allocation.receipt_id, Decimal(0)) + (
                allocation.amount
            )
        for receipt_id in paid:
            self.give_back(receipt_id, on=today)
        for old in self.instalments:
            old.until_on = today
        nothing = order.due_amount - order.due_amount
        self.instalments = [
            Instalment(
                id=new_id(),
                order_id=order.id,
                instalment_no=instalment_no,
                due_on=due_on,
                amount=amount,
                paid_amount=nothing,
                since_on=today if order.binds else None,
                until_on=None,
                reminded_at=reminded.get(due_on),
            )
            for instalment_no, (due_on, amount) in enumerate(sorted(terms), start=1)
        ]
        self.made += self.instalments
        for receipt_id, amount in paid.items():
            self.take(receipt_id, amount, received_on=today, now=now)
        return events.OrderPaymentPlanned(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            total=order.due_amount,
            currency=order.currency,
            instalments=self.told,
            **order.scope,
        )

    def spread_anew(self, *, due_on: date, now: datetime) -> events.OrderPaymentPlanned:
        """Let the instalments keep their shares of what the order costs now.

        Where there were none, all of it is due on `due_on`.
        """
        weights = [each.amount for each in self.instalments]
        if any(weights):
            parts = allocate(self.order.due_amount, weights, self.order.places)
            terms = [
                (each.due_on, part)
                for each, part in zip(self.instalments, parts, strict=True)
                if part
            ]
        else:
            terms = [(due_on, self.order.due_amount)] if self.order.due_amount else []
        return self.lay(terms, now=now)

    def bind(self, *, due_on: date, now: datetime) -> None:
        """The order binds from now on; without a plan all of it is due on `due_on`."""
        if not self.instalments and self.order.due_amount:
            self.lay([(due_on, self.order.due_amount)], now=now)
        for each in self.instalments:
            each.since_on = day_of(now)

    def end(self, *, now: datetime) -> None:
        """Nothing is to be paid any more."""
        for each in self.instalments:
            each.until_on = day_of(now)
        self.instalments = []

    def take(
        self,
        receipt_id: UUID,
        amount: Decimal,
        *,
        received_on: date,
        now: datetime,
        instalment_no: int | None = None,
    ) -> list[events.Allocation]:
        """Money came in: for the instalment that is named, else for those that are due first."""
        told = []
        for each in self._takers(amount, instalment_no):
            part = min(amount, each.open_amount)
            if part > 0:
                told.append(self._count(receipt_id, each, part, on=received_on, now=now))
                amount -= part
        return told

    def give_back(self, receipt_id: UUID, *, on: date) -> list[events.Allocation]:
        """The receipt no longer pays anything of the order; what it had paid."""
        by_id = {each.id: each for each in self.instalments}
        told = []
        for allocation in [each for each in self.allocations if each.receipt_id == receipt_id]:
            instalment = by_id[allocation.instalment_id]
            instalment.paid_amount -= allocation.amount
            allocation.until_on = max(on, allocation.counted_on)
            self.allocations.remove(allocation)
            told.append(allocation.told_of(instalment))
        return told

    def _takers(self, amount: Decimal, instalment_no: int | None) -> Iterable[Instalment]:
        if instalment_no is None:
            return sorted(self.instalments, key=lambda each: (each.due_on, each.instalment_no))
        named = [each for each in self.instalments if each.instalment_no == instalment_no]
        if not named:
            raise InstalmentNotKnown(
                f"{self.order.number} has no instalment {instalment_no}", pointer="/allocations"
            )
        if amount > named[0].open_amount:
            raise InstalmentOwesLess(
                f"instalment {instalment_no} of {self.order.number} is owed"
                f" {named[0].open_amount} {self.order.currency}",
                open_amount=str(named[0].open_amount),
            )
        return named

    def _count(
        self, receipt_id: UUID, to: Instalment, amount: Decimal, *, on: date, now: datetime
    ) -> events.Allocation:
        to.paid_amount += amount
        allocation = Allocation(
            id=new_id(),
            receipt_id=receipt_id,
            order_id=self.order.id,
            instalment_id=to.id,
            amount=amount,
            counted_on=max(on, to.since_on) if to.since_on else on,
            until_on=None,
            recorded_at=now,
        )
        self.allocations.append(allocation)
        self.made.append(allocation)
        return allocation.told_of(to)
