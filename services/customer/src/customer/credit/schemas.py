"""Input and output of the credit endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.money import Currency
from customer.credit.model import CreditGrade

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Limit = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2, examples=["500000.00"])]


class CreditRate(BaseModel):
    """How far a customer is trusted, and why."""

    model_config = ConfigDict(extra="forbid")

    grade: CreditGrade
    reason: Reason
    effective_on: date | None = Field(None, description="Absent: today")
    effective_until: date | None = Field(None, description="The last day; absent: until the next")


class CreditLimitSet(BaseModel):
    """How much a customer may owe, and why."""

    model_config = ConfigDict(extra="forbid")

    amount: Limit
    currency: Currency = "CNY"
    reason: Reason
    valid_from: date | None = Field(None, description="Absent: today")
    valid_until: date | None = Field(
        None, description="The last day; afterwards nothing is sold on credit until another is set"
    )


class CreditHoldChange(BaseModel):
    """Why credit is held or released."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class CreditGradeRead(BaseModel):
    """A grade of the dictionary; `rank` 1 is the best."""

    code: str
    rank: int
    name: str
    english_name: str


class CreditRatingRead(BaseModel):
    """How far a customer was trusted from a day on, why, and who said so."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    grade: str
    reason: str
    effective_on: date
    effective_until: date | None
    rated_by: str
    rated_at: datetime


class CreditLimitRead(BaseModel):
    """How much a customer may owe, from and until when, why, and who said so."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    valid_from: date
    valid_until: date | None
    reason: str
    set_by: str
    set_at: datetime


class CreditHoldRead(BaseModel):
    """A time in which a customer got nothing on credit."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    reason: str
    held_by: str
    held_at: datetime
    release_reason: str | None
    released_by: str | None
    released_at: datetime | None


class CreditRead(BaseModel):
    """The credit of a customer on a day: rating and limit in force, null where there is none.

    What it owes is in the sales service.
    """

    customer_id: UUID
    on: date
    rating: CreditRatingRead | None
    limit: CreditLimitRead | None
    is_held: bool
    hold: CreditHoldRead | None
