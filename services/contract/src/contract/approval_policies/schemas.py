"""Input and output of the approval policy endpoints."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.money import Amount, Currency
from contract.contracts.model import ContractKind

Step = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Check = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class ApprovalBand(BaseModel):
    """Contracts below this total go through these steps, in order; `below` null is the last band."""

    model_config = ConfigDict(extra="forbid")

    below: Amount | None = Field(gt=0)
    steps: list[Step] = Field(min_length=1, max_length=10)


class ApprovalPolicyCreate(BaseModel):
    """A policy to publish; it takes the place of the one in force on its first day."""

    model_config = ConfigDict(extra="forbid")

    kind: ContractKind
    currency: Currency | None = None
    valid_from: date | None = Field(None, description="today when not given")
    bands: list[ApprovalBand] = Field(min_length=1, max_length=20)
    checklist: list[Check] = Field(default_factory=list, max_length=30)


class ApprovalPolicyRead(BaseModel):
    """A published policy."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    policy_version: int
    currency: str | None
    valid_from: date
    bands: list[dict[str, Any]]
    checklist: list[str]
    published_by: str
    published_at: datetime


class RouteRead(BaseModel):
    """The way a contract would go if it were submitted now; policy version 0 is the built-in one."""

    model_config = ConfigDict(from_attributes=True)

    policy_version: int
    steps: list[str]
    checklist: list[str]
