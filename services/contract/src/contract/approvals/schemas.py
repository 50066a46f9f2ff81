"""Input and output of the approval endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

Opinion = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class ApprovalGive(BaseModel):
    """The present step agrees."""

    model_config = ConfigDict(extra="forbid")

    decided_by: UUID
    opinion: Opinion | None = None


class RejectionGive(BaseModel):
    """The present step refuses, and says why."""

    model_config = ConfigDict(extra="forbid")

    decided_by: UUID
    opinion: Opinion


class ApprovalRead(BaseModel):
    """A decision; `void` when the contract was edited since."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    revision: int
    step: str
    decision: str
    opinion: str | None
    decided_by: UUID
    decided_at: datetime
    policy_version: int
    void: bool
