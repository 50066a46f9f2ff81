"""Input and output of the opportunity endpoints, and of the import."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.custom_fields.columns import CustomValues
from common.money import Currency
from common.patches import MergePatch
from sales.copies.model import KnownCustomer, KnownEmployee
from sales.opportunities.model import ForecastCategory
from sales.pipelines.flow import ActivityKind, StageCode
from sales.products.model import Product
from sales.products.schemas import Code, External, Line, Money, Name, Note

Probability = Annotated[Decimal, Field(ge=0, le=1, decimal_places=4, examples=["0.25"])]
"""How likely the deal is won, from 0 to 1."""


class OpportunityOpen(External):
    """A deal to open. Whose it is follows from its owner and customer where it is not said."""

    name: Name
    customer_id: UUID | None = None
    product_id: UUID | None = None
    end_customer_id: UUID | None = Field(
        None, description="Who buys from the partner, where that is not the customer"
    )
    pipeline_code: Code | None = Field(
        None, description="Absent: the pipeline whose conditions fit the deal"
    )
    stage: StageCode | None = Field(None, description="Absent: the first of the pipeline")
    probability: Probability | None = Field(None, description="Absent: that of the stage")
    expected_amount: Money | None = None
    currency: Currency = "CNY"
    expected_close_on: date | None = None
    forecast_category: ForecastCategory = ForecastCategory.PIPELINE
    opened_on: date | None = Field(None, description="Absent: today")
    need: Note | None = None
    budget: Money | None = None
    decision_cycle_days: int | None = Field(None, ge=0, le=3650)
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None
    custom: CustomValues = {}


class OpportunityUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears. Stages change by their own commands."""

    stays = frozenset({"name", "probability", "forecast_category"})

    name: Name | None = None
    customer_id: UUID | None = None
    end_customer_id: UUID | None = None
    product_id: UUID | None = None
    probability: Probability | None = None
    expected_amount: Money | None = None
    expected_close_on: date | None = None
    forecast_category: ForecastCategory | None = None
    need: Note | None = None
    budget: Money | None = None
    decision_cycle_days: int | None = Field(None, ge=0, le=3650)
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None
    custom: CustomValues = {}
    change_reason: Line | None = Field(None, description="Why; kept in the history")


class OpportunityMove(BaseModel):
    """To which stage a deal goes; what is expected may change with it."""

    model_config = ConfigDict(extra="forbid")

    stage: StageCode
    changed_on: date | None = Field(None, description="Absent: today")
    probability: Probability | None = Field(None, description="Absent: that of the stage")
    expected_amount: Money | None = None
    expected_close_on: date | None = None
    reason: Line | None = Field(None, description="Why; kept in the history")


class OpportunityMigrate(BaseModel):
    """By which version a running deal goes on, and at which of its stages."""

    model_config = ConfigDict(extra="forbid")

    pipeline_id: UUID | None = Field(description="Null: the built-in default")
    stage: StageCode | None = Field(None, description="Absent: the one it stands at")
    changed_on: date | None = Field(None, description="Absent: today")
    reason: Line | None = Field(None, description="Why; kept in the history")


class WonLineIn(BaseModel):
    """A part of a won deal."""

    model_config = ConfigDict(extra="forbid")

    product_id: UUID | None = None
    amount: Money


class OpportunityWin(BaseModel):
    """For how much a deal was won; lines add up to the amount."""

    model_config = ConfigDict(extra="forbid")

    amount: Money | None = Field(
        None, description="Absent: the sum of the lines, else what was expected"
    )
    lines: list[WonLineIn] = Field(default_factory=list, max_length=200)
    won_on: date | None = Field(None, description="Absent: today")


class OpportunityLose(BaseModel):
    """Why a deal was lost."""

    model_config = ConfigDict(extra="forbid")

    reason: Line | None = Field(None, description="In words; needed where no code says it")
    reason_code: Code | None = Field(
        None,
        description="Of the list of lost reasons; absent: the one the words name, else `other`",
    )
    competitor_id: UUID | None = Field(None, description="Who won the deal instead")
    lost_on: date | None = Field(None, description="Absent: today")


class CompetitorsName(BaseModel):
    """Who else wants the deal: all of them."""

    model_config = ConfigDict(extra="forbid")

    competitor_ids: list[UUID] = Field(max_length=50)


class ActivityAdd(BaseModel):
    """Something to be done by a day, or something done with what came of it."""

    model_config = ConfigDict(extra="forbid")

    kind: ActivityKind
    subject: Line
    due_on: date | None = Field(None, description="Of something to be done")
    assignee_id: UUID | None = Field(None, description="Absent: the owner of the deal")
    done_on: date | None = Field(None, description="Of something done")
    result: Note | None = None

    @model_validator(mode="after")
    def _is_planned_or_done(self) -> "ActivityAdd":
        if (self.due_on is None) == (self.done_on is None):
            raise ValueError("say either due_on or done_on")
        if (self.done_on is None) != (self.result is None):
            raise ValueError("what was done has a result, and only that")
        return self


class ActivityComplete(BaseModel):
    """What came of a planned activity."""

    model_config = ConfigDict(extra="forbid")

    result: Annotated[Note, Field(min_length=1)]
    done_on: date | None = Field(None, description="Absent: today")


class ActivityRead(BaseModel):
    """Something to be done for a deal, or done."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    opportunity_id: UUID
    stage: str
    kind: str
    subject: str
    assignee_id: UUID | None
    state: str
    due_on: date | None
    done_on: date | None
    result: str | None
    noted_at: datetime
    noted_by: str


class OpportunityRead(BaseModel):
    """A deal."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    customer_id: UUID | None
    lead_id: UUID | None
    product_id: UUID | None
    end_customer_id: UUID | None
    pipeline_id: UUID | None
    pipeline_code: str
    pipeline_version: int
    stage: str
    stage_entered_on: date
    stalls_on: date | None
    probability: Decimal
    expected_amount: Decimal | None
    currency: str
    expected_close_on: date | None
    forecast_category: str
    opened_on: date
    closed_on: date | None
    amount: Decimal | None
    lost_reason: str | None
    lost_reason_code: str | None
    lost_to_id: UUID | None
    need: str | None
    budget: Decimal | None
    decision_cycle_days: int | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    external_source: str | None
    external_id: str | None
    custom: CustomValues
    version: int
    created_at: datetime
    updated_at: datetime


class StageStay(BaseModel):
    """A stay at a stage; `days` is None while it lasts."""

    model_config = ConfigDict(from_attributes=True)

    stage: str
    entered_on: date
    left_on: date | None
    days: int | None
    left_by: str | None = None
    reason: str | None = None


class StageTotal(BaseModel):
    """All stays at a stage together, with the days of the present one until today."""

    stage: str
    stays: int
    days: int


class ExpectationChange(BaseModel):
    """A change of the expected amount or date."""

    model_config = ConfigDict(from_attributes=True)

    happened_on: date
    recorded_at: datetime
    recorded_by: str
    reason: str | None
    stage: str
    from_expected_amount: Decimal | None
    expected_amount: Decimal | None
    from_expected_close_on: date | None
    expected_close_on: date | None


class OpportunityHistory(BaseModel):
    """Where a deal stood and for how long, and how its expectations changed."""

    currency: str
    stages: list[StageStay]
    totals: list[StageTotal]
    changes: list[ExpectationChange]


class StageRead(BaseModel):
    """A stage of the pipeline: where a deal may go from it and what it needs there."""

    stage: str
    is_open: bool
    probability: Decimal
    moves: list[str]
    needs: list[str]


class BoardCell(BaseModel):
    """The open deals at a stage in a currency."""

    currency: str
    deals: int
    stalled: int
    amount: Decimal = Field(description="What is expected of them")
    weighted_amount: Decimal = Field(description="The same, each times its probability")


class BoardStage(BaseModel):
    """A stage of the board; a stage without open deals has no cells."""

    stage: str
    name_zh: str
    name_en: str
    cells: list[BoardCell]


class BoardRead(BaseModel):
    """The open deals of a pipeline, by stage and currency.

    Stages that no deal begins by any more come last.
    """

    pipeline_code: str
    stages: list[BoardStage]


class StageFiguresRead(BaseModel):
    """One stage of the funnel; rates from 0 to 1."""

    model_config = ConfigDict(from_attributes=True)

    stage: str
    reached: int
    conversion_rate: Decimal | None
    average_days: Decimal | None


class ConversionRead(BaseModel):
    """The funnel of the deals opened in a period, with what its words mean."""

    model_config = ConfigDict(from_attributes=True)

    opened: int
    won: int
    lost: int
    win_rate: Decimal | None
    pipeline_code: str
    stages: list[StageFiguresRead]
    definitions: dict[str, str]


@dataclass(frozen=True, slots=True)
class PastDeal:
    """A deal as another system kept it, with the records it refers to looked up by the caller.

    `stages` are the open stages it went through with the day it came to each, the first on
    `opened_on`. A won deal with a customer and a product also has its order and, received on
    `received_on` (default: the day it was won), the money for it.
    """

    name: str
    opened_on: date
    external_source: str
    external_id: str
    currency: str = "CNY"
    stages: Sequence[tuple[str, date]] = ()
    outcome: Literal["won", "lost"] | None = None
    closed_on: date | None = None
    amount: Decimal | None = None
    lost_reason: str = "not stated"
    expected_amount: Decimal | None = None
    expected_close_on: date | None = None
    customer: KnownCustomer | None = None
    product: Product | None = None
    owner: KnownEmployee | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None
    received_on: date | None = None
    payment_method: str = "bank_transfer"
    custom: dict[str, Any] = field(default_factory=dict)
