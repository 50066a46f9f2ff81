"""Input and output of the standing endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from customer.assessment_policies.rules import Code, GradeCode

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class GradeOverrideSet(BaseModel):
    """A grade to give whatever the policy says, why, and the last day on which it counts."""

    model_config = ConfigDict(extra="forbid")

    grade: GradeCode
    reason: Reason
    expires_on: date


class ClassChoice(BaseModel):
    """A class to choose whatever the policy says, and why."""

    model_config = ConfigDict(extra="forbid")

    class_code: Code
    reason: Reason


class IndicatorRead(BaseModel):
    """What an indicator measured, and the points that gave; a null value is unknown."""

    indicator: str
    measure: str
    value: Decimal | None
    points: Decimal
    weight: Decimal


class GradeRead(BaseModel):
    """A grade from a moment on, and how it came about.

    `computed_grade` is what the policy gave, `source` says whether that or a person decided.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    grade: str | None
    source: str | None
    computed_grade: str | None
    score: Decimal | None
    breakdown: list[IndicatorRead]
    policy_version: int | None
    reason: str | None
    decided_by: str | None
    since_at: datetime


class GradeOverrideRead(BaseModel):
    """A grade that a person decided on; `expires_on` is its last day."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    grade: str
    reason: str
    expires_on: date
    set_by: str
    set_at: datetime
    ended_by: str | None
    ended_at: datetime | None


class GradeOn(BaseModel):
    """The grade of a customer at the end of a day; null where there was none yet."""

    customer_id: UUID
    on: date
    grade: GradeRead | None


class StageRead(BaseModel):
    """A stage that was entered on a day, from which one, and why."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    stage: str
    from_stage: str
    since_on: date
    cause: str
    policy_version: int
    entered_at: datetime


class ClassRead(BaseModel):
    """A class from a moment on, and what it followed from."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    class_code: str | None
    source: str | None
    reason: str | None
    policy_version: int | None
    decided_by: str | None
    since_at: datetime


class StandingRead(BaseModel):
    """What a customer is to us now.

    `days_in_stage` counts from `stage_since_on`; both are null for one that was never in another stage.
    `assessed_at` is when it was last looked at; null is never.
    """

    customer_id: UUID
    grade: str | None
    grade_source: str | None
    computed_grade: str | None
    score: Decimal | None
    breakdown: list[IndicatorRead]
    grading_version: int | None
    override: GradeOverrideRead | None
    stage: str
    stage_since_on: date | None
    days_in_stage: int | None
    lifecycle_version: int
    class_code: str | None
    class_source: str | None
    class_reason: str | None
    classification_version: int | None
    order_count: int
    first_ordered_on: date | None
    last_ordered_on: date | None
    assessed_at: datetime | None
