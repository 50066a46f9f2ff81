"""Input and output of the endpoints for transfers of many customers."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from customer.customers.schemas import Code, Line


class TransferFilter(BaseModel):
    """Which customers go: those that fit all that is given."""

    model_config = ConfigDict(extra="forbid")

    owner_id: UUID | None = None
    department_id: UUID | None = None
    region_id: UUID | None = None
    status: Code | None = None
    industry: Code | None = None
    city: Line | None = None
    within: UUID | None = None
    """A customer, with all that belong to it."""


class TransferRequest(BaseModel):
    """Which customers go, named or by a filter, to whom, and why."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: list[UUID] = Field(default=[], max_length=10_000)
    filter: TransferFilter | None = None
    owner_id: UUID
    department_id: UUID
    reason: Line


class TransferRead(BaseModel):
    """A transfer and its progress."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: str
    progress: float
    to_owner_id: UUID | None
    to_department_id: UUID | None
    reason: str
    total: int
    done: int
    transferred: int
    started_by: str
    started_at: datetime
    finished_at: datetime | None
