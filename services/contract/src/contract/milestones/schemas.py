"""Input and output of the milestone endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from contract.contracts.schemas import Money

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class MilestoneMeet(BaseModel):
    """The milestone happened, on `met_on` (today when not given)."""

    model_config = ConfigDict(extra="forbid")

    met_on: date | None = None
    note: Note | None = None


class MilestoneRead(BaseModel):
    """A milestone; `received` is what of a payment's amount has come in."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    contract_number: str
    customer_id: UUID
    kind: str
    title: str
    due_on: date
    amount: Money | None
    currency: str | None
    received: Money
    state: str
    announced_at: datetime | None
    missed_at: datetime | None
    met_on: date | None
    met_by: str | None
    note: str | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime
