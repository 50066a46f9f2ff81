"""Input and output of the employee endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from channel.departments.schemas import External
from common.patches import MergePatch

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[+\d][\d\s()\-.]{4,38}(x\d{1,6})?$")
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
]


class EmployeeCreate(External):
    """Somebody who joins."""

    model_config = ConfigDict(extra="forbid")

    name: Label
    department_id: UUID
    position: Label | None = None
    email: Email | None = None
    phone: Phone | None = None
    manager_id: UUID | None = None
    joined_on: date | None = None


class EmployeeUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears."""

    stays = frozenset({"name", "department_id"})

    name: Label | None = None
    department_id: UUID | None = None
    position: Label | None = None
    email: Email | None = None
    phone: Phone | None = None
    manager_id: UUID | None = None
    joined_on: date | None = None


class EmployeeLeave(BaseModel):
    """How somebody leaves; `left_on` is today when not given.

    The successor takes over the people who report to the leaving employee, and the partners.
    """

    model_config = ConfigDict(extra="forbid")

    left_on: date | None = None
    successor_id: UUID | None = None


class EmployeeRead(BaseModel):
    """An employee."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str
    position: str | None
    email: str | None
    phone: str | None
    department_id: UUID
    manager_id: UUID | None
    state: str
    joined_on: date | None
    left_on: date | None
    successor_id: UUID | None
    external_source: str | None
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime
