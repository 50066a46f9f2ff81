"""Input and output of the employee endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from channel.departments.schemas import External
from channel.personal_data import OF_EMPLOYEES
from common.patches import MergePatch

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[+\d][\d\s()\-.]{4,38}(x\d{1,6})?$")
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
]


Departments = Annotated[list[UUID], Field(max_length=20)]
"""Where somebody works beside the main department."""


class EmployeeCreate(External):
    """Somebody who joins."""

    model_config = ConfigDict(extra="forbid")

    name: Label
    department_id: UUID
    other_department_ids: Departments = Field(default_factory=list)
    position: Label | None = None
    email: Email | None = None
    phone: Phone | None = None
    manager_id: UUID | None = None
    joined_on: date | None = None


class EmployeeUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears."""

    stays = frozenset({"name", "department_id", "other_department_ids"})

    name: Label | None = None
    department_id: UUID | None = None
    other_department_ids: Departments | None = None
    position: Label | None = None
    email: Email | None = None
    phone: Phone | None = None
    manager_id: UUID | None = None
    joined_on: date | None = None


class EmployeeLeave(BaseModel):
    """How somebody leaves; `left_on` is today when not given.

    The successor takes over the people who report to the leaving employee and the partners, and in
    the other services the customers, the open leads and deals, the contracts and the open tickets.
    Without one everything keeps its owner, until `successor_id` is said later.
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
    email: Annotated[str | None, OF_EMPLOYEES]
    phone: Annotated[str | None, OF_EMPLOYEES]
    department_id: UUID
    other_department_ids: list[UUID]
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


class EmployeeInCharge(BaseModel):
    """An employee who reports to the one who leaves."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str


class PartnerInCare(BaseModel):
    """A partner in the care of the employee who leaves."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    name: str


class EmployeeLeaving(BaseModel):
    """What somebody would leave behind here, and whether they need a successor for it.

    What else they own is listed by the other services: their lists take `owner_id`.
    """

    reports: list[EmployeeInCharge]
    partners: list[PartnerInCare]
    needs_successor: bool
