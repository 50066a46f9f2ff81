"""Input and output of the reminder rule endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.patches import MergePatch
from customer.customers.schemas import Short
from customer.reminders.model import ReminderKind

Grade = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10)]
Grades = Annotated[
    list[Grade], Field(max_length=20, description="Of which customers; none are all of them")
]


class ReminderRuleCreate(BaseModel):
    """A rule to begin with; its name becomes the subject of the follow-ups."""

    model_config = ConfigDict(extra="forbid")

    name: Short
    kind: ReminderKind
    days: int | None = Field(None, ge=0, le=3650, description="Absent for birthdays only")
    grades: Grades = []
    is_active: bool = True


class ReminderRuleUpdate(MergePatch):
    """A merge patch; what a rule looks for stays."""

    stays = frozenset({"name", "grades", "is_active"})

    name: Short | None = None
    days: int | None = Field(None, ge=0, le=3650)
    grades: Grades | None = None
    is_active: bool | None = None


class ReminderRuleRead(BaseModel):
    """A reminder rule."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    kind: str
    days: int | None
    grades: list[str]
    is_active: bool
    version: int
    created_at: datetime
    updated_at: datetime
