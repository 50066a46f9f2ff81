"""A milestone and its rules."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.scope import Scoped
from contract import events
from contract.contracts.amounts import tidy
from contract.db import Base
from contract.milestones.planning import MilestoneKind, Planned

if TYPE_CHECKING:
    from contract.contracts.model import Contract


class MilestoneState(StrEnum):
    """Where a milestone stands: planned → due → met, or missed (and perhaps met later)."""

    PLANNED = "planned"
    DUE = "due"
    MISSED = "missed"
    MET = "met"
    CANCELLED = "cancelled"


OPEN = (MilestoneState.PLANNED, MilestoneState.DUE, MilestoneState.MISSED)
"""The states in which a milestone is still expected."""


class MetBy(StrEnum):
    """What met a milestone; more may follow."""

    HAND = "hand"
    SHIPMENT = "shipment"
    RECEIPT = "receipt"


class MilestoneNotFound(NotFound):
    """There is no such milestone."""

    code = "milestone_not_found"


class MilestoneNotOpen(Conflict):
    """The milestone is met or cancelled already."""

    code = "milestone_not_open"


class MetInTheFuture(Invalid):
    """A milestone is met when it has happened."""

    code = "met_in_the_future"


class Milestone(Aggregate, Scoped, Base):
    """Something a contract promises for a day."""

    __tablename__ = "milestones"
    __table_args__ = (
        Index("ix_milestones_due_on_id", "due_on", "id"),
        Index(
            "ix_milestones_open_due_on",
            "due_on",
            postgresql_where=text("state IN ('planned', 'due')"),
        ),
    )

    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contracts.id"), index=True)
    contract_number: Mapped[str] = mapped_column(String(20))
    customer_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    due_on: Mapped[date]
    place: Mapped[int]
    """The order among milestones of one contract, by due date."""
    amount: Mapped[Decimal | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    received: Mapped[Decimal] = mapped_column(default=Decimal(0))
    state: Mapped[str] = mapped_column(String(20))
    announced_at: Mapped[datetime | None]
    missed_at: Mapped[datetime | None]
    met_on: Mapped[date | None]
    met_by: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(300))

    # Named so that the contract is written before its milestones.
    contract: Mapped["Contract"] = relationship(lazy="raise")

    @classmethod
    def plan(
        cls, contract: "Contract", planned: Planned, *, place: int
    ) -> tuple["Milestone", events.MilestonePlanned]:
        """A milestone of the contract."""
        milestone = cls(
            contract=contract,
            contract_id=contract.id,
            contract_number=contract.number,
            customer_id=contract.customer_id,
            kind=planned.kind,
            title=planned.title,
            due_on=planned.due_on,
            place=place,
            amount=planned.amount,
            currency=None if planned.amount is None else contract.currency,
            received=Decimal(0),
            state=MilestoneState.PLANNED,
            **contract.scope,
        )
        return milestone, events.MilestonePlanned(**milestone._facts())

    @property
    def planned(self) -> Planned:
        """What was planned, for comparison with a new plan."""
        return Planned(MilestoneKind(self.kind), self.title, self.due_on, self.amount)

    @property
    def is_open(self) -> bool:
        """Whether it is still expected."""
        return self.state in OPEN

    def meet(
        self, *, on: date, by: MetBy, today: date, note: str | None = None
    ) -> events.MilestoneMet:
        """It happened, on this day."""
        if not self.is_open:
            raise MilestoneNotOpen(f"the milestone is {self.state} already")
        if on > today:
            raise MetInTheFuture("a milestone is met when it has happened", pointer="/met_on")
        return self._met(on, by, note)

    def meet_by_shipment(self, on: date) -> events.MilestoneMet | None:
        """The goods have left; None when that changes nothing."""
        return self._met(on, MetBy.SHIPMENT) if self.is_open else None

    def receive(
        self, received: Decimal, filled_on: date | None
    ) -> events.MilestoneProgressed | events.MilestoneMet | events.MilestoneReopened | None:
        """So much of the payment is received by now; None when that was known."""
        if received == self.received and (filled_on is not None) == (
            self.state == MilestoneState.MET
        ):
            return None
        self.received = received
        if filled_on is not None:
            if self.state == MilestoneState.MET:
                return None
            return self._met(filled_on, MetBy.RECEIPT)
        if self.state == MilestoneState.MET:
            self.met_on = self.met_by = None
            self.state = self._open_state()
            return events.MilestoneReopened(received=tidy(received), **self._facts())
        return events.MilestoneProgressed(received=tidy(received), **self._facts())

    def announce(
        self, *, today: date, notice_days: int, now: datetime
    ) -> events.MilestoneDue | None:
        """Say once that the due date is near; None when it is not, or that was said."""
        if self.state != MilestoneState.PLANNED or not (
            today <= self.due_on <= today + timedelta(days=notice_days)
        ):
            return None
        self.announced_at = now
        self.state = self._open_state()
        return events.MilestoneDue(**self._facts())

    def miss(self, *, today: date, now: datetime) -> events.MilestoneMissed | None:
        """Say once that the due date passed; None when it did not, or that was said."""
        if self.state not in (MilestoneState.PLANNED, MilestoneState.DUE) or self.due_on >= today:
            return None
        self.missed_at = now
        self.state = self._open_state()
        return events.MilestoneMissed(**self._facts())

    def cancel(self) -> events.MilestoneCancelled:
        """It is no longer expected."""
        self.state = MilestoneState.CANCELLED
        return events.MilestoneCancelled(**self._facts())

    def _met(self, on: date, by: MetBy, note: str | None = None) -> events.MilestoneMet:
        self.state, self.met_on, self.met_by = MilestoneState.MET, on, by
        if note is not None:
            self.note = note
        return events.MilestoneMet(met_on=on, late=on > self.due_on, **self._facts())

    def _open_state(self) -> MilestoneState:
        if self.missed_at is not None:
            return MilestoneState.MISSED
        if self.announced_at is not None:
            return MilestoneState.DUE
        return MilestoneState.PLANNED

    def transfer(
        self, *, owner_id: UUID, department_id: UUID | None
    ) -> events.MilestoneTransferred:
        """Give the milestone to another owner; `department_id` None leaves it where it is."""
        before, self.owner_id = self.owner_id, owner_id
        self.department_id = department_id or self.department_id
        return events.MilestoneTransferred(from_owner_id=before, **self._facts())

    def _facts(self) -> dict[str, Any]:
        return {
            "milestone_id": self.id,
            "contract_id": self.contract_id,
            "contract_number": self.contract_number,
            "customer_id": self.customer_id,
            "kind": self.kind,
            "title": self.title,
            "due_on": self.due_on,
            "amount": None if self.amount is None else tidy(self.amount),
            "currency": self.currency,
            **self.scope,
        }
