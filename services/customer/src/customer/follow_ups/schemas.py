"""Input and output of the follow-up endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from common.patches import MergePatch
from customer.customers.schemas import Code, Line

Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: Subject
    due_at: AwareDatetime
    contact_id: UUID | None = None
    notes: str | None = Field(None, max_length=10_000)
    channel: Code | None = Field(None, description="Absent: the one that the contact prefers")


class FollowUpPlan(_Plan):
    """What is to be done with a customer; by its owner, where nobody else is named."""

    customer_id: UUID
    interaction_id: UUID | None = Field(None, description="The interaction that it comes from")
    owner_id: UUID | None = None


class FollowUpChange(MergePatch):
    """A merge patch: absent fields stay, null clears."""

    stays = frozenset({"subject", "due_at"})

    subject: Subject | None = None
    due_at: AwareDatetime | None = None
    contact_id: UUID | None = None
    notes: str | None = Field(None, max_length=10_000)
    channel: Code | None = None


class NextFollowUp(_Plan):
    """What is to be done after this."""


class FollowUpComplete(BaseModel):
    """What came of it, and what is to be done next."""

    model_config = ConfigDict(extra="forbid")

    outcome: str | None = Field(None, max_length=10_000)
    next: NextFollowUp | None = None


class FollowUpCancel(BaseModel):
    """Why it is given up."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class FollowUpPassOn(BaseModel):
    """To whom it goes, and why."""

    model_config = ConfigDict(extra="forbid")

    owner_id: UUID
    reason: Line


class FollowUpRead(BaseModel):
    """A follow-up; `cause` is `planned`, or the reminder rule that made it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    contact_id: UUID | None
    previous_id: UUID | None
    interaction_id: UUID | None
    subject: str
    notes: str | None
    channel: str | None
    due_at: datetime
    remind_at: datetime
    reminded_at: datetime | None
    state: str
    cause: str
    planned_by: str
    closed_at: datetime | None
    closed_by: str | None
    outcome: str | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class FollowUpCompleted(FollowUpRead):
    """What is done, and the one that comes next."""

    next: FollowUpRead | None = None
