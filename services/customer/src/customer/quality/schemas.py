"""Input and output of the quality endpoints."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from customer.customers.schemas import Line


class IssueAssign(BaseModel):
    """Who is to put it right."""

    model_config = ConfigDict(extra="forbid")

    assignee_id: UUID


class IssueSettle(BaseModel):
    """What was done about it."""

    model_config = ConfigDict(extra="forbid")

    note: Line | None = None


class QualityIssueRead(BaseModel):
    """Something to be put right; duplicates are looked into at `/duplicate-groups`."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    contact_id: UUID | None
    kind: str
    fields: list[str]
    state: str
    assignee_id: UUID | None
    found_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    note: str | None
    version: int


class ContactCompleteness(BaseModel):
    """How complete the record of a contact is."""

    contact_id: UUID
    percent: int
    missing: list[str]


class CompletenessRead(BaseModel):
    """How complete the record of a customer is, and what is missing, by weight."""

    percent: int = Field(description="Share of the weights of what is filled in, rounded down")
    missing: list[str]
    weights: dict[str, int]
    contacts: list[ContactCompleteness]


class QualitySummary(BaseModel):
    """How well customers are known, of those that one sees."""

    customers: int
    average_completeness: float | None
    open_issues: dict[str, int]
