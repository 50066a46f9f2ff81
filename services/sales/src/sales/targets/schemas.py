"""Input and output of the target endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.money import Currency
from sales.products.schemas import Line, Money
from sales.targets.model import Measure, PeriodKind, SubjectKind, Sums

Ratio = Annotated[Decimal | None, Field(examples=["0.8333"])]
"""Four decimal places; absent where nothing was asked for."""


class TargetCreate(BaseModel):
    """A target to set; below another one with `parent_id`."""

    model_config = ConfigDict(extra="forbid")

    subject_kind: SubjectKind
    subject_id: UUID
    measure: Measure
    period: PeriodKind
    starts_on: date = Field(description="First day of the month, quarter or year")
    value: Money
    currency: Currency | None = Field(None, description="Of amounts; a count has none")
    parent_id: UUID | None = None
    sums: Sums = Sums.AT_MOST


class TargetChange(BaseModel):
    """Another value for a target, and why."""

    model_config = ConfigDict(extra="forbid")

    value: Money
    reason: Line


class TargetRead(BaseModel):
    """How much a subject is to sell in a period."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    subject_kind: str
    subject_id: UUID
    measure: str
    period: str
    starts_on: date
    ends_on: date
    value: Decimal
    currency: str | None
    parent_id: UUID | None
    sums: str
    state: str
    target_version: int
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class TargetRevisionRead(BaseModel):
    """A value that a target had."""

    model_config = ConfigDict(from_attributes=True)

    target_version: int
    value: Decimal
    reason: str | None
    set_by: str
    set_at: datetime


class TargetNode(BaseModel):
    """A target in its tree: what the ones below come to, and what was sold.

    `difference` is the value less what the targets below come to; absent where there are none.
    """

    target: TargetRead
    depth: int
    children_value: Decimal | None
    difference: Decimal | None
    adds_up: bool
    actual: Decimal
    attainment: Ratio
