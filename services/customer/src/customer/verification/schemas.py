"""Input and output of the verification endpoints."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.patches import MergePatch
from customer.customers.schemas import Line
from customer.reminders.schemas import Grade
from customer.verification.model import FieldGroup, Result


class CustomerVerify(BaseModel):
    """What somebody found who looked whether a group of fields still holds."""

    model_config = ConfigDict(extra="forbid")

    field_group: FieldGroup
    result: Result
    note: Line | None = None


class VerificationRead(BaseModel):
    """What somebody found."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    field_group: str
    result: str
    note: str | None
    verified_by: str
    verified_at: datetime


class GroupState(BaseModel):
    """How well a group of fields is known."""

    field_group: str
    fields: list[str]
    last_verified_at: datetime | None = Field(description="Null: never, or found wrong since")
    last_result: str | None
    every_days: int | None
    due_at: datetime | None
    is_due: bool


class DueCustomer(BaseModel):
    """A customer of whom a group of fields is to be verified."""

    customer_id: UUID
    number: str
    name: str
    owner_id: UUID | None
    grade: str | None
    last_verified_at: datetime | None
    last_result: str | None


class VerificationPolicyCreate(BaseModel):
    """How often a group is verified; without a grade, of all that have no policy of their grade."""

    model_config = ConfigDict(extra="forbid")

    field_group: FieldGroup
    grade: Grade | None = None
    every_days: int | None = Field(ge=1, le=3650, description="Null: never")


class VerificationPolicyUpdate(MergePatch):
    """How often from now on; null is never."""

    every_days: int | None = Field(None, ge=1, le=3650)


class VerificationPolicyRead(BaseModel):
    """How often a group is verified."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    field_group: str
    grade: str | None
    every_days: int | None
    version: int
    created_at: datetime
    updated_at: datetime
