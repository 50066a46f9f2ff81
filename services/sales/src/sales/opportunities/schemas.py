"""Input and output of the opportunity endpoints, and of the import."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.money import Currency
from common.patches import MergePatch
from sales.copies.model import KnownCustomer, KnownEmployee
from sales.opportunities.model import Stage
from sales.products.model import Product
from sales.products.schemas import External, Line, Money, Name, Note

Probability = Annotated[Decimal, Field(ge=0, le=1, decimal_places=4, examples=["0.25"])]
"""How likely the deal is won, from 0 to 1."""


class OpportunityOpen(External):
    """A deal to open. Whose it is follows from its owner and customer where it is not said."""

    name: Name
    customer_id: UUID | None = None
    product_id: UUID | None = None
    stage: Stage = Stage.PROSPECTING
    probability: Probability | None = Field(None, description="Absent: that of the stage")
    expected_amount: Money | None = None
    currency: Currency = "CNY"
    expected_close_on: date | None = None
    opened_on: date | None = Field(None, description="Absent: today, Asia/Shanghai")
    need: Note | None = None
    budget: Money | None = None
    decision_cycle_days: int | None = Field(None, ge=0, le=3650)
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None


class OpportunityUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears. Stages change by their own commands."""

    stays = frozenset({"name", "probability"})

    name: Name | None = None
    customer_id: UUID | None = None
    product_id: UUID | None = None
    probability: Probability | None = None
    expected_amount: Money | None = None
    expected_close_on: date | None = None
    need: Note | None = None
    budget: Money | None = None
    decision_cycle_days: int | None = Field(None, ge=0, le=3650)
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None


class OpportunityMove(BaseModel):
    """To which stage a deal goes; what is expected may change with it."""

    model_config = ConfigDict(extra="forbid")

    stage: Stage
    changed_on: date | None = Field(None, description="Absent: today, Asia/Shanghai")
    probability: Probability | None = Field(None, description="Absent: that of the stage")
    expected_amount: Money | None = None
    expected_close_on: date | None = None


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
    won_on: date | None = Field(None, description="Absent: today, Asia/Shanghai")


class OpportunityLose(BaseModel):
    """Why a deal was lost."""

    model_config = ConfigDict(extra="forbid")

    reason: Line
    lost_on: date | None = Field(None, description="Absent: today, Asia/Shanghai")


class OpportunityRead(BaseModel):
    """A deal."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    customer_id: UUID | None
    lead_id: UUID | None
    product_id: UUID | None
    stage: str
    stage_entered_on: date
    probability: Decimal
    expected_amount: Decimal | None
    currency: str
    expected_close_on: date | None
    opened_on: date
    closed_on: date | None
    amount: Decimal | None
    lost_reason: str | None
    need: str | None
    budget: Decimal | None
    decision_cycle_days: int | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    external_source: str | None
    external_id: str | None
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


class ExpectationChange(BaseModel):
    """A change of the expected amount or date."""

    model_config = ConfigDict(from_attributes=True)

    happened_on: date
    recorded_at: datetime
    recorded_by: str
    stage: str
    from_expected_amount: Decimal | None
    expected_amount: Decimal | None
    from_expected_close_on: date | None
    expected_close_on: date | None


class OpportunityHistory(BaseModel):
    """Where a deal stood and for how long, and how its expectations changed."""

    stages: list[StageStay]
    changes: list[ExpectationChange]


class StageRead(BaseModel):
    """A stage of the pipeline: where a deal may go from it and what it needs there."""

    stage: str
    is_open: bool
    probability: Decimal
    moves: list[str]
    needs: list[str]


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
