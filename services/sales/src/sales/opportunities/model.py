"""An opportunity, the pipeline it moves through, and its rules."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.custom_fields.columns import Extensible
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.money import rounded
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.lost_reasons.model import OTHER
from sales.pipelines.flow import BUILT_IN, CLOSING, DEFAULT_CODE, LOST, WON, Flow, StageRules
from sales.pipelines.model import FIRST_DEFAULT_VERSION, Pipeline, flow_of
from sales.products.model import EXACT


class Stage(StrEnum):
    """Where a deal of the default pipeline stands."""

    PROSPECTING = "prospecting"
    ENGAGING = "engaging"
    PROPOSAL = "proposal"
    NEGOTIATION = "negotiation"
    WON = "won"
    LOST = "lost"


class ForecastCategory(StrEnum):
    """How an open deal counts in a forecast; its owner says so."""

    PIPELINE = "pipeline"
    BEST_CASE = "best_case"
    COMMIT = "commit"
    OMITTED = "omitted"


OPEN_STAGES = BUILT_IN.names
"""Of the default pipeline, in the order a deal goes through them."""


class ActivityState(StrEnum):
    """Whether something is still to be done; more may follow."""

    PLANNED = "planned"
    DONE = "done"
    DROPPED = "dropped"


WATCH = "job:watch stages"
STALLED = "stalled"
"""The kind of activity that a deal's owner is given when it stands at a stage for too long."""


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


class StageNotKnown(Invalid):
    """The deal's pipeline has no such stage; `known` are those it has."""

    code = "stage_not_known"


class StageNeedsMore(Invalid):
    """The pipeline asks for more to be known of a deal that stands at this stage, or leaves it."""

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


class CompetitorNeeded(Invalid):
    """A deal that is lost for that reason is lost to somebody: say to whom."""

    code = "competitor_needed"


class ActivitiesNotDone(Conflict):
    """A deal goes on from this stage when these things are done; `missing` lists them."""

    code = "activities_not_done"


class PipelineIsTheSame(Conflict):
    """The deal runs by that version already."""

    code = "pipeline_is_the_same"


class EndCustomerNeedsPartner(Invalid):
    """Who buys from a partner of ours is named together with the partner."""

    code = "end_customer_needs_partner"


class ActivityNotFound(NotFound):
    """There is no such activity."""

    code = "activity_not_found"


class ActivityNotPlanned(Conflict):
    """What was done or dropped stays as it was noted."""

    code = "activity_not_planned"


class Opportunity(Aggregate, Scoped, Extensible, Base):
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
        Index("ix_opportunities_pipeline_code", "pipeline_code", "stage"),
        Index(
            "ix_opportunities_stalls_on_id",
            "stalls_on",
            "id",
            postgresql_where=text("closed_on IS NULL"),
        ),
        Index(
            "ix_opportunities_stall_untold",
            "stalls_on",
            "id",
            postgresql_where=text("closed_on IS NULL AND stall_told_on IS NULL"),
        ),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    lead_id: Mapped[UUID | None]
    product_id: Mapped[UUID | None] = mapped_column(ForeignKey("products.id"), index=True)
    end_customer_id: Mapped[UUID | None] = mapped_column(index=True)
    pipeline_id: Mapped[UUID | None] = mapped_column(ForeignKey("pipelines.id"), index=True)
    pipeline_code: Mapped[str] = mapped_column(
        String(40), default=DEFAULT_CODE, server_default=text(f"'{DEFAULT_CODE}'")
    )
    pipeline_version: Mapped[int] = mapped_column(
        default=FIRST_DEFAULT_VERSION, server_default=text(f"{FIRST_DEFAULT_VERSION}")
    )
    stage: Mapped[str] = mapped_column(String(20))
    stage_entered_on: Mapped[date]
    stalls_on: Mapped[date | None]
    stall_told_on: Mapped[date | None]
    probability: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    expected_amount: Mapped[Decimal | None] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))
    expected_close_on: Mapped[date | None]
    forecast_category: Mapped[str] = mapped_column(
        String(20), default=ForecastCategory.PIPELINE, server_default=text("'pipeline'")
    )
    opened_on: Mapped[date]
    closed_on: Mapped[date | None] = mapped_column(index=True)
    amount: Mapped[Decimal | None] = mapped_column(EXACT)
    lost_reason: Mapped[str | None] = mapped_column(String(300))
    lost_reason_code: Mapped[str | None] = mapped_column(String(40))
    lost_to_id: Mapped[UUID | None] = mapped_column(ForeignKey("competitors.id"), index=True)
    need: Mapped[str | None] = mapped_column(Text)
    budget: Mapped[Decimal | None] = mapped_column(EXACT)
    decision_cycle_days: Mapped[int | None]
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))
    pipeline: Mapped[Pipeline | None] = relationship(lazy="raise")

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
        pipeline: Pipeline | None = None,
        stage: str | None = None,
        probability: Decimal | None = None,
        forecast_category: str = ForecastCategory.PIPELINE,
        **facts: Any,
    ) -> tuple["Opportunity", events.OpportunityOpened]:
        """A new deal, at any open stage of its pipeline; None is the built-in default."""
        flow = flow_of(pipeline)
        stage = stage or flow.first
        rules = flow.rules(stage)
        if rules is None:
            raise _no_such_stage(flow, stage, f"a deal is not opened as {stage}", flow.names)
        if opened_on > today:
            raise DateOutOfOrder("a deal is not opened in the future", pointer="/opened_on")
        opportunity = cls(
            number=f"D{now:%Y}-{number:06d}",
            name=name,
            pipeline=pipeline,
            pipeline_id=None if pipeline is None else pipeline.id,
            pipeline_code=DEFAULT_CODE if pipeline is None else pipeline.code,
            pipeline_version=(
                FIRST_DEFAULT_VERSION if pipeline is None else pipeline.pipeline_version
            ),
            opened_on=opened_on,
            currency=currency,
            forecast_category=forecast_category,
            **facts,
        )
        opportunity._enter(rules, on=opened_on, probability=probability)
        opportunity._check_known(rules.needs, stage)
        opportunity._check_end_customer()
        return opportunity, events.OpportunityOpened(
            opportunity_id=opportunity.id,
            custom=opportunity.said_values,
            number=opportunity.number,
            name=name,
            customer_id=opportunity.customer_id,
            lead_id=opportunity.lead_id,
            product_id=opportunity.product_id,
            stage=stage,
            end_customer_id=opportunity.end_customer_id,
            pipeline_code=opportunity.pipeline_code,
            pipeline_version=opportunity.pipeline_version,
            probability=opportunity.probability,
            expected_amount=opportunity.expected_amount,
            currency=currency,
            expected_close_on=opportunity.expected_close_on,
            forecast_category=forecast_category,
            opened_on=opened_on,
            external_source=opportunity.external_source,
            external_id=opportunity.external_id,
            **opportunity.scope,
        )

    @property
    def is_open(self) -> bool:
        """Whether the deal is neither won nor lost."""
        return self.closed_on is None

    @property
    def flow(self) -> Flow:
        """The stages of the version that the deal runs by."""
        return flow_of(self.pipeline if self.pipeline_id is not None else None)

    def move(
        self,
        to: str,
        *,
        on: date,
        today: date,
        probability: Decimal | None = None,
        done: Collection[str] = (),
    ) -> events.OpportunityStageChanged:
        """Bring the deal to another open stage; `done` are the kinds of activities of this stay."""
        flow = self.flow
        rules = flow.rules(to)
        if rules is None:
            raise _no_such_stage(
                flow, to, f"a deal is not moved to {to}: win it or lose it", self._moves()
            )
        before, days = self._leave(to, on, today, pointer="/changed_on", done=done)
        self._check_known(rules.needs, to)
        self._enter(rules, on=on, probability=probability)
        return self._stage_changed(before, days)

    def migrate(
        self, to: Pipeline | None, *, stage: str, on: date, today: date
    ) -> tuple[events.OpportunityPipelineChanged, events.OpportunityStageChanged | None]:
        """Let the deal run by another version, at one of its stages; None is the built-in default.

        At a stage of the same name the deal stays where it stood, and for as long.
        """
        if not self.is_open:
            raise OpportunityClosed(f"the deal is {self.stage} since {self.closed_on}")
        if (to.id if to is not None else None) == self.pipeline_id:
            raise PipelineIsTheSame(f"the deal runs by version {self.pipeline_version}")
        if to is not None:
            to.check_runs()
        flow = flow_of(to)
        rules = flow.rules(stage)
        if rules is None:
            raise _no_such_stage(flow, stage, f"a deal is not moved to {stage}", flow.names)
        self._check_day(on, today, pointer="/changed_on")
        self._check_known(rules.needs, stage)
        before_code, before_version = self.pipeline_code, self.pipeline_version
        self.pipeline, self.pipeline_id = to, None if to is None else to.id
        self.pipeline_code = DEFAULT_CODE if to is None else to.code
        self.pipeline_version = FIRST_DEFAULT_VERSION if to is None else to.pipeline_version
        before, days = self.stage, (on - self.stage_entered_on).days
        self._enter(rules, on=self.stage_entered_on if stage == before else on)
        changed = events.OpportunityPipelineChanged(
            opportunity_id=self.id,
            from_pipeline_code=before_code,
            from_pipeline_version=before_version,
            pipeline_code=self.pipeline_code,
            pipeline_version=self.pipeline_version,
            from_stage=before,
            stage=stage,
            changed_on=on,
            **self.scope,
        )
        return changed, None if stage == before else self._stage_changed(before, days)

    def _stage_changed(self, before: str, days: int) -> events.OpportunityStageChanged:
        return events.OpportunityStageChanged(
            opportunity_id=self.id,
            from_stage=before,
            stage=self.stage,
            changed_on=self.stage_entered_on,
            expected_amount=self.expected_amount,
            currency=self.currency,
            expected_close_on=self.expected_close_on,
            forecast_category=self.forecast_category,
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
            rules = self.flow.rules(self.stage)
            assert rules is not None
            self._check_known(rules.needs, self.stage)
            self._check_end_customer()
        return events.OpportunityChanged(
            opportunity_id=self.id,
            custom=self.said_values,
            name=self.name,
            stage=self.stage,
            expected_amount=self.expected_amount,
            currency=self.currency,
            expected_close_on=self.expected_close_on,
            forecast_category=self.forecast_category,
            product_id=self.product_id,
            customer_id=self.customer_id,
            end_customer_id=self.end_customer_id,
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
        done: Collection[str] = (),
        competitor_ids: Sequence[UUID] = (),
    ) -> events.OpportunityWon:
        """Win the deal: `lines` are (product, amount) and add up to `amount`.

        Without lines the whole amount is the deal's product's; without an amount it is the sum of
        the lines, else what was expected. `done` are the kinds of activities of this stay.
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
        before, days = self._leave(WON, on, today, pointer="/won_on", done=done)
        self._close(WON, Decimal(1), on)
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
            product_id=self.product_id,
            pipeline_code=self.pipeline_code,
            competitor_ids=list(competitor_ids),
            **self.scope,
        )

    def lose(
        self,
        *,
        reason: str,
        on: date,
        today: date,
        reason_code: str = OTHER,
        needs_competitor: bool = False,
        to_competitor_id: UUID | None = None,
        competitor_ids: Sequence[UUID] = (),
    ) -> events.OpportunityLost:
        """Lose the deal, for a reason in words and in the list, and maybe to somebody."""
        if not reason.strip():
            raise LostReasonNeeded("say why the deal was lost", pointer="/reason")
        if needs_competitor and to_competitor_id is None:
            raise CompetitorNeeded("say who won the deal instead", pointer="/competitor_id")
        before, days = self._leave(LOST, on, today, pointer="/lost_on")
        self._close(LOST, Decimal(0), on)
        self.lost_reason, self.lost_reason_code = reason, reason_code
        self.lost_to_id = to_competitor_id
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
            reason_code=reason_code,
            pipeline_code=self.pipeline_code,
            lost_to_id=to_competitor_id,
            competitor_ids=list(competitor_ids),
            **self.scope,
        )

    def stall(
        self, *, today: date, now: datetime
    ) -> tuple["OpportunityActivity | None", events.OpportunityStalled]:
        """Say that the deal has stood at its stage for too long; its owner is to do something.

        A deal without an owner has nobody to be given the task.
        """
        assert self.stalls_on is not None
        self.stall_told_on = today
        days = (today - self.stage_entered_on).days
        task = None
        if self.owner_id is not None:
            task = OpportunityActivity(
                id=new_id(),
                opportunity_id=self.id,
                stage=self.stage,
                kind=STALLED,
                subject=f"{self.number} {self.name}: {days} 天未推进 / {days} days at {self.stage}"[
                    :300
                ],
                assignee_id=self.owner_id,
                state=ActivityState.PLANNED,
                due_on=today,
                noted_at=now,
                noted_by=WATCH,
            )
        return task, events.OpportunityStalled(
            opportunity_id=self.id,
            number=self.number,
            name=self.name,
            customer_id=self.customer_id,
            stage=self.stage,
            stage_entered_on=self.stage_entered_on,
            stalled_on=self.stalls_on,
            days_in_stage=days,
            pipeline_code=self.pipeline_code,
            activity_id=None if task is None else task.id,
            **self.scope,
        )

    def plan(
        self,
        *,
        kind: str,
        subject: str,
        due_on: date,
        assignee_id: UUID | None,
        by: str,
        now: datetime,
    ) -> tuple["OpportunityActivity", events.OpportunityActivityPlanned]:
        """Plan something at the present stage, for its owner where nobody else is named."""
        activity = self._activity(
            kind, subject, by, now, due_on=due_on, assignee_id=assignee_id or self.owner_id
        )
        activity.state = ActivityState.PLANNED
        return activity, events.OpportunityActivityPlanned(
            opportunity_id=self.id,
            activity_id=activity.id,
            kind=kind,
            stage=self.stage,
            due_on=due_on,
            assignee_id=activity.assignee_id,
            **self.scope,
        )

    def note(
        self,
        *,
        kind: str,
        subject: str,
        done_on: date,
        result: str,
        by: str,
        now: datetime,
        today: date,
    ) -> tuple["OpportunityActivity", events.OpportunityActivityDone]:
        """Note what was done at the present stage, and what came of it."""
        activity = self._activity(kind, subject, by, now, assignee_id=self.owner_id)
        return activity, self.complete(activity, result=result, on=done_on, today=today)

    def complete(
        self, activity: "OpportunityActivity", *, result: str, on: date, today: date
    ) -> events.OpportunityActivityDone:
        """Note what came of a planned activity."""
        if activity.state not in (None, ActivityState.PLANNED):
            raise ActivityNotPlanned(f"the activity is {activity.state}")
        if on > today:
            raise DateOutOfOrder("what was done lies in the past", pointer="/done_on")
        activity.state, activity.done_on, activity.result = ActivityState.DONE, on, result
        return events.OpportunityActivityDone(
            opportunity_id=self.id,
            activity_id=activity.id,
            kind=activity.kind,
            stage=activity.stage,
            done_on=on,
            assignee_id=activity.assignee_id,
            **self.scope,
        )

    def name_competitors(
        self, competitor_ids: Sequence[UUID], *, before: Collection[UUID]
    ) -> events.OpportunityCompetitorsChanged | None:
        """Say who else wants the deal; None when that is known already.

        It may be said of a closed deal as well: often it is heard afterwards.
        """
        if set(competitor_ids) == set(before):
            return None
        return events.OpportunityCompetitorsChanged(
            opportunity_id=self.id,
            stage=self.stage,
            competitor_ids=sorted(competitor_ids),
            **self.scope,
        )

    def _activity(
        self, kind: str, subject: str, by: str, now: datetime, **values: Any
    ) -> "OpportunityActivity":
        if not self.is_open:
            raise OpportunityClosed(f"the deal is {self.stage} since {self.closed_on}")
        return OpportunityActivity(
            id=new_id(),
            opportunity_id=self.id,
            stage=self.stage,
            kind=kind,
            subject=subject,
            noted_at=now,
            noted_by=by,
            **values,
        )

    def _leave(
        self, to: str, on: date, today: date, *, pointer: str, done: Collection[str] = ()
    ) -> tuple[str, int]:
        """The stage the deal leaves, and the days it stood there."""
        if not self.is_open:
            raise OpportunityClosed(f"the deal is {self.stage} since {self.closed_on}")
        flow = self.flow
        if to not in flow.moves(self.stage):
            raise StageMoveNotAllowed(
                f"from {self.stage} a deal does not go to {to}", allowed=self._moves()
            )
        self._check_day(on, today, pointer=pointer)
        if flow.goes_on(self.stage, to):
            rules = flow.rules(self.stage)
            assert rules is not None
            self._check_known(rules.exit_needs, self.stage)
            missing = [kind for kind in rules.exit_activities if kind not in done]
            if missing:
                raise ActivitiesNotDone(
                    f"a deal goes on from {self.stage} after {' and '.join(missing)}",
                    missing=missing,
                )
        return self.stage, (on - self.stage_entered_on).days

    def _check_day(self, on: date, today: date, *, pointer: str) -> None:
        if on < self.stage_entered_on:
            raise DateOutOfOrder(
                f"the deal is at {self.stage} since {self.stage_entered_on}", pointer=pointer
            )
        if on > today:
            raise DateOutOfOrder("what happened lies in the past", pointer=pointer)

    def _enter(self, rules: StageRules, *, on: date, probability: Decimal | None = None) -> None:
        self.stage, self.stage_entered_on = rules.stage, on
        self.probability = rules.probability if probability is None else probability
        self.stalls_on = None if rules.limit_days is None else on + timedelta(rules.limit_days)
        self.stall_told_on = None

    def _close(self, stage: str, probability: Decimal, on: date) -> None:
        self.stage, self.stage_entered_on, self.closed_on = stage, on, on
        self.probability = probability
        self.stalls_on = self.stall_told_on = None

    def _moves(self) -> list[str]:
        return sorted(self.flow.moves(self.stage))

    def _check_known(self, names: Sequence[str], stage: str) -> None:
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            raise StageNeedsMore(
                f"a deal at {stage} needs {' and '.join(missing)}",
                pointer=f"/{missing[0]}",
                missing=missing,
            )

    def _check_end_customer(self) -> None:
        if self.end_customer_id is not None and self.partner_id is None:
            raise EndCustomerNeedsPartner(
                "say through which partner the end customer buys", pointer="/partner_id"
            )


def _no_such_stage(
    flow: Flow, stage: str, not_moved: str, allowed: Sequence[str]
) -> StageMoveNotAllowed | StageNotKnown:
    if stage in CLOSING:
        return StageMoveNotAllowed(not_moved, allowed=list(allowed))
    return StageNotKnown(f"there is no stage {stage!r}", pointer="/stage", known=list(flow.names))


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
    reason: Mapped[str | None] = mapped_column(String(300))
    from_stage: Mapped[str] = mapped_column(String(20))
    stage: Mapped[str] = mapped_column(String(20))
    days_in_from_stage: Mapped[int | None]
    from_expected_amount: Mapped[Decimal | None] = mapped_column(EXACT)
    expected_amount: Mapped[Decimal | None] = mapped_column(EXACT)
    from_expected_close_on: Mapped[date | None]
    expected_close_on: Mapped[date | None]


class OpportunityActivity(Base):
    """Something to be done for a deal, or done: at which stage, by whom, and what came of it."""

    __tablename__ = "opportunity_activities"
    __seen_with__ = ("opportunity_id", "Opportunity")
    __table_args__ = (
        Index("ix_opportunity_activities_opportunity_id", "opportunity_id", "noted_at"),
        Index("ix_opportunity_activities_noted_at_id", "noted_at", "id"),
        Index(
            "ix_opportunity_activities_planned",
            "assignee_id",
            "due_on",
            postgresql_where=text("state = 'planned'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    opportunity_id: Mapped[UUID] = mapped_column(ForeignKey("opportunities.id", ondelete="CASCADE"))
    stage: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(300))
    assignee_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(String(20))
    due_on: Mapped[date | None]
    done_on: Mapped[date | None]
    result: Mapped[str | None] = mapped_column(Text)
    noted_at: Mapped[datetime]
    noted_by: Mapped[str] = mapped_column(String(80))


class OpportunityCompetitor(Base):
    """Somebody else who wants the deal."""

    __tablename__ = "opportunity_competitors"
    __seen_with__ = ("opportunity_id", "Opportunity")

    opportunity_id: Mapped[UUID] = mapped_column(
        ForeignKey("opportunities.id", ondelete="CASCADE"), primary_key=True
    )
    competitor_id: Mapped[UUID] = mapped_column(
        ForeignKey("competitors.id"), primary_key=True, index=True
    )
