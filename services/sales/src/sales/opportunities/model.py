"""An opportunity, the pipeline it moves through, and its rules."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.money import rounded
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.products.model import EXACT


class Stage(StrEnum):
    """Where a deal stands; more may follow."""

    PROSPECTING = "prospecting"
    ENGAGING = "engaging"
    PROPOSAL = "proposal"
    NEGOTIATION = "negotiation"
    WON = "won"
    LOST = "lost"


OPEN_STAGES = (Stage.PROSPECTING, Stage.ENGAGING, Stage.PROPOSAL, Stage.NEGOTIATION)
"""In the order a deal goes through them."""

ALLOWED: dict[str, frozenset[Stage]] = {
    Stage.PROSPECTING: frozenset(
        {Stage.ENGAGING, Stage.PROPOSAL, Stage.NEGOTIATION, Stage.WON, Stage.LOST}
    ),
    Stage.ENGAGING: frozenset(
        {Stage.PROSPECTING, Stage.PROPOSAL, Stage.NEGOTIATION, Stage.WON, Stage.LOST}
    ),
    Stage.PROPOSAL: frozenset({Stage.ENGAGING, Stage.NEGOTIATION, Stage.WON, Stage.LOST}),
    Stage.NEGOTIATION: frozenset({Stage.PROPOSAL, Stage.WON, Stage.LOST}),
    Stage.WON: frozenset(),
    Stage.LOST: frozenset(),
}
"""Forward by any number of stages, back by one; won and lost from everywhere, and final."""

NEEDS: dict[str, tuple[str, ...]] = {
    Stage.PROPOSAL: ("expected_amount",),
    Stage.NEGOTIATION: ("expected_amount", "expected_close_on"),
}
"""What must be known of a deal that stands at a stage."""

PROBABILITY: dict[str, Decimal] = {
    Stage.PROSPECTING: Decimal("0.10"),
    Stage.ENGAGING: Decimal("0.25"),
    Stage.PROPOSAL: Decimal("0.50"),
    Stage.NEGOTIATION: Decimal("0.75"),
    Stage.WON: Decimal(1),
    Stage.LOST: Decimal(0),
}
"""How likely a deal is won from a stage, where nobody says otherwise."""


class OpportunityNotFound(NotFound):
    """There is no such opportunity."""

    code = "opportunity_not_found"


class OpportunityNotKnown(Invalid):
    """The request names an opportunity that is not there."""

    code = "opportunity_not_known"


class OpportunityClosed(Conflict):
    """The deal is won or lost already."""

    code = "opportunity_closed"


class OpportunityNotWon(Conflict):
    """Only a won deal becomes an order without lines of its own."""

    code = "opportunity_not_won"


class StageMoveNotAllowed(Conflict):
    """The pipeline has no such move; `allowed` lists those it has from here."""

    code = "stage_move_not_allowed"


class StageNeedsMore(Invalid):
    """A deal at that stage has an expected amount, and later an expected date."""

    code = "stage_needs_more"


class DateOutOfOrder(Invalid):
    """The day lies before the deal came to its present stage, or in the future."""

    code = "date_out_of_order"


class AmountNeeded(Invalid):
    """A won deal has an amount."""

    code = "amount_needed"


class LinesDoNotAddUp(Invalid):
    """The lines of a won deal have another sum than the deal."""

    code = "lines_do_not_add_up"


class LostReasonNeeded(Invalid):
    """A deal is lost for a reason."""

    code = "lost_reason_needed"


class Opportunity(Aggregate, Scoped, Base):
    """A deal we hope to win. It keeps the currency it was opened with."""

    __tablename__ = "opportunities"
    __table_args__ = (
        Index(
            "uq_opportunities_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_opportunities_created_at_id", "created_at", "id"),
        Index("ix_opportunities_updated_at_id", "updated_at", "id"),
        Index("ix_opportunities_opened_on_id", "opened_on", "id"),
        Index("ix_opportunities_expected_close_on_id", "expected_close_on", "id"),
        Index("ix_opportunities_stage", "stage", "opened_on"),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    lead_id: Mapped[UUID | None]
    product_id: Mapped[UUID | None] = mapped_column(ForeignKey("products.id"), index=True)
    stage: Mapped[str] = mapped_column(String(20))
    stage_entered_on: Mapped[date]
    probability: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    expected_amount: Mapped[Decimal | None] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))
    expected_close_on: Mapped[date | None]
    opened_on: Mapped[date]
    closed_on: Mapped[date | None] = mapped_column(index=True)
    amount: Mapped[Decimal | None] = mapped_column(EXACT)
    lost_reason: Mapped[str | None] = mapped_column(String(300))
    need: Mapped[str | None] = mapped_column(Text)
    budget: Mapped[Decimal | None] = mapped_column(EXACT)
    decision_cycle_days: Mapped[int | None]
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))

    @classmethod
    def open(
        cls,
        *,
        number: int,
        name: str,
        opened_on: date,
        currency: str,
        now: datetime,
        today: date,
        stage: str = Stage.PROSPECTING,
        probability: Decimal | None = None,
        **facts: Any,
    ) -> tuple["Opportunity", events.OpportunityOpened]:
        """A new deal, at any open stage."""
        if stage not in OPEN_STAGES:
            raise StageMoveNotAllowed(
                f"a deal is not opened as {stage}", allowed=[str(open_) for open_ in OPEN_STAGES]
            )
        if opened_on > today:
            raise DateOutOfOrder("a deal is not opened in the future", pointer="/opened_on")
        opportunity = cls(
            number=f"D{now:%Y}-{number:06d}",
            name=name,
            stage=stage,
            stage_entered_on=opened_on,
            opened_on=opened_on,
            currency=currency,
            probability=PROBABILITY[stage] if probability is None else probability,
            **facts,
        )
        opportunity._check_needs(stage)
        return opportunity, events.OpportunityOpened(
            opportunity_id=opportunity.id,
            number=opportunity.number,
            name=name,
            customer_id=opportunity.customer_id,
            lead_id=opportunity.lead_id,
            product_id=opportunity.product_id,
            stage=stage,
            probability=opportunity.probability,
            expected_amount=opportunity.expected_amount,
            currency=currency,
            expected_close_on=opportunity.expected_close_on,
            opened_on=opened_on,
            external_source=opportunity.external_source,
            external_id=opportunity.external_id,
            **opportunity.scope,
        )

    @property
    def is_open(self) -> bool:
        """Whether the deal is neither won nor lost."""
        return self.stage in OPEN_STAGES

    def move(
        self, to: str, *, on: date, today: date, probability: Decimal | None = None
    ) -> events.OpportunityStageChanged:
        """Bring the deal to another open stage."""
        if to not in OPEN_STAGES:
            raise StageMoveNotAllowed(
                f"a deal is not moved to {to}: win it or lose it", allowed=self._open_moves()
            )
        before, days = self._leave(to, on, today, pointer="/changed_on")
        self._check_needs(to)
        self.stage, self.stage_entered_on = to, on
        self.probability = PROBABILITY[to] if probability is None else probability
        return events.OpportunityStageChanged(
            opportunity_id=self.id,
            from_stage=before,
            stage=to,
            changed_on=on,
            expected_amount=self.expected_amount,
            currency=self.currency,
            expected_close_on=self.expected_close_on,
            probability=self.probability,
            days_in_from_stage=days,
            customer_id=self.customer_id,
            product_id=self.product_id,
            **self.scope,
        )

    def change(self, changes: dict[str, Any]) -> events.OpportunityChanged | None:
        """Change what is expected; None when every value is the same already.

        A closed deal stays as it is, but for the customer it may still lack.
        """
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return None
        if not self.is_open and (set(differing) != {"customer_id"} or self.customer_id):
            raise OpportunityClosed(f"the deal is {self.stage}")
        for name, value in differing.items():
            setattr(self, name, value)
        if self.is_open:
            self._check_needs(self.stage)
        return events.OpportunityChanged(
            opportunity_id=self.id,
            name=self.name,
            stage=self.stage,
            expected_amount=self.expected_amount,
            currency=self.currency,
            expected_close_on=self.expected_close_on,
            product_id=self.product_id,
            customer_id=self.customer_id,
            probability=self.probability,
            **self.scope,
        )

    def win(
        self,
        *,
        on: date,
        today: date,
        amount: Decimal | None = None,
        lines: Sequence[tuple[UUID | None, Decimal]] = (),
    ) -> events.OpportunityWon:
        """Win the deal: `lines` are (product, amount) and add up to `amount`.

        Without lines the whole amount is the deal's product's; without an amount it is the sum of
        the lines, else what was expected.
        """
        if amount is None:
            amount = sum((each for _, each in lines), Decimal(0)) if lines else self.expected_amount
        if amount is None:
            raise AmountNeeded("say for how much the deal was won", pointer="/amount")
        amount = rounded(amount)
        parts = [(product_id, rounded(each)) for product_id, each in lines]
        if not parts:
            parts = [(self.product_id, amount)]
        if sum(each for _, each in parts) != amount:
            raise LinesDoNotAddUp(
                f"the lines add up to {sum(each for _, each in parts)}, the deal is {amount}",
                pointer="/lines",
            )
        before, days = self._leave(Stage.WON, on, today, pointer="/won_on")
        self._close(Stage.WON, on)
        self.amount = amount
        return events.OpportunityWon(
            opportunity_id=self.id,
            customer_id=self.customer_id,
            stage=Stage.WON,
            from_stage=before,
            won_on=on,
            amount=amount,
            currency=self.currency,
            lines=[events.WonLine(product_id=product, amount=each) for product, each in parts],
            opened_on=self.opened_on,
            days_in_from_stage=days,
            **self.scope,
        )

    def lose(self, *, reason: str, on: date, today: date) -> events.OpportunityLost:
        """Lose the deal, for a reason."""
        if not reason.strip():
            raise LostReasonNeeded("say why the deal was lost", pointer="/reason")
        before, days = self._leave(Stage.LOST, on, today, pointer="/lost_on")
        self._close(Stage.LOST, on)
        self.lost_reason = reason
        return events.OpportunityLost(
            opportunity_id=self.id,
            customer_id=self.customer_id,
            stage=Stage.LOST,
            from_stage=before,
            lost_on=on,
            reason=reason,
            amount=self.expected_amount,
            currency=self.currency,
            opened_on=self.opened_on,
            product_id=self.product_id,
            days_in_from_stage=days,
            **self.scope,
        )

    def _leave(self, to: str, on: date, today: date, *, pointer: str) -> tuple[str, int]:
        """The stage the deal leaves, and the days it stood there."""
        if not self.is_open:
            raise OpportunityClosed(f"the deal is {self.stage} since {self.closed_on}")
        if to not in ALLOWED[self.stage]:
            raise StageMoveNotAllowed(
                f"from {self.stage} a deal does not go to {to}", allowed=self._open_moves()
            )
        if on < self.stage_entered_on:
            raise DateOutOfOrder(
                f"the deal is at {self.stage} since {self.stage_entered_on}", pointer=pointer
            )
        if on > today:
            raise DateOutOfOrder("what happened lies in the past", pointer=pointer)
        return self.stage, (on - self.stage_entered_on).days

    def _close(self, stage: Stage, on: date) -> None:
        self.stage, self.stage_entered_on, self.closed_on = stage, on, on
        self.probability = PROBABILITY[stage]

    def _open_moves(self) -> list[str]:
        return sorted(ALLOWED[self.stage])

    def _check_needs(self, stage: str) -> None:
        missing = [name for name in NEEDS.get(stage, ()) if getattr(self, name) is None]
        if missing:
            raise StageNeedsMore(
                f"a deal at {stage} needs {' and '.join(missing)}",
                pointer=f"/{missing[0]}",
                missing=missing,
            )


class OpportunityLine(Base):
    """What a won deal is made of."""

    __tablename__ = "opportunity_lines"
    __seen_with__ = ("opportunity_id", "Opportunity")

    opportunity_id: Mapped[UUID] = mapped_column(
        ForeignKey("opportunities.id", ondelete="CASCADE"), primary_key=True
    )
    line_no: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[UUID | None] = mapped_column(ForeignKey("products.id"))
    amount: Mapped[Decimal] = mapped_column(EXACT)


class OpportunityStep(Base):
    """One event in the life of a deal: a stage left for another, or a change of what is expected.

    `position` is the version the deal had after it.
    """

    __tablename__ = "opportunity_steps"
    __seen_with__ = ("opportunity_id", "Opportunity")

    opportunity_id: Mapped[UUID] = mapped_column(
        ForeignKey("opportunities.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    happened_on: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(String(80))
    from_stage: Mapped[str] = mapped_column(String(20))
    stage: Mapped[str] = mapped_column(String(20))
    days_in_from_stage: Mapped[int | None]
    from_expected_amount: Mapped[Decimal | None] = mapped_column(EXACT)
    expected_amount: Mapped[Decimal | None] = mapped_column(EXACT)
    from_expected_close_on: Mapped[date | None]
    expected_close_on: Mapped[date | None]
