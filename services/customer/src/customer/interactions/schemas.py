"""Input and output of the interaction endpoints."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from common.patches import MergePatch
from customer.interactions.model import Channel, Direction

Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class InteractionCreate(BaseModel):
    """Something that was said."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID
    contact_id: UUID | None = None
    channel: Channel
    direction: Direction = Direction.OUTBOUND
    occurred_at: AwareDatetime
    subject: Subject
    content: str | None = Field(None, max_length=20_000)
    result: str | None = Field(None, max_length=20_000)


class InteractionCorrect(MergePatch):
    """A merge patch over the texts of an interaction."""

    stays = frozenset({"subject"})

    subject: Subject | None = None
    content: str | None = Field(None, max_length=20_000)
    result: str | None = Field(None, max_length=20_000)


class InteractionRead(BaseModel):
    """What was said, with the texts that corrections replaced."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    contact_id: UUID | None
    channel: str
    direction: str
    occurred_at: datetime
    subject: str
    content: str | None
    result: str | None
    logged_by: str
    earlier_texts: list[dict[str, Any]]
    version: int
    created_at: datetime
    updated_at: datetime
