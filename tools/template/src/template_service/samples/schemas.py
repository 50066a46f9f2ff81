"""Input and output of the sample endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class SampleCreate(BaseModel):
    """A sample to create, and whose it is."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None


class SampleUpdate(BaseModel):
    """The other name of a sample."""

    model_config = ConfigDict(extra="forbid")

    name: Name


class SampleRead(BaseModel):
    """A sample."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    state: str
    closed_at: datetime | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime
