"""Input and output of the interaction endpoints."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from common.patches import MergePatch
from customer.interactions.model import Channel, Direction

Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

Tags = Annotated[
    list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]],
    Field(max_length=20),
]


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
    also_contact_ids: list[UUID] = Field([], max_length=50, description="Who else was there")
    employee_ids: list[UUID] = Field([], max_length=50, description="Who of us was there")
    opportunity_id: UUID | None = None
    contract_id: UUID | None = None
    ticket_id: UUID | None = None
    with_partner_id: UUID | None = Field(None, description="The partner that took part")
    promised_on: date | None = Field(None, description="By when we promised something")
    needs: Tags = []
    problems: Tags = []


class InteractionTag(BaseModel):
    """The needs and problems that came up: all of them, instead of what was said before."""

    model_config = ConfigDict(extra="forbid")

    needs: Tags
    problems: Tags


class InteractionLink(MergePatch):
    """To what the interaction belongs: absent links stay, null takes one away."""

    opportunity_id: UUID | None = None
    contract_id: UUID | None = None
    ticket_id: UUID | None = None
    with_partner_id: UUID | None = None


class NextStepRead(BaseModel):
    """A command that can be sent as it is; sent twice, it opens one record."""

    method: str
    path: str
    body: dict[str, Any]
    existing_id: UUID | None = Field(description="What was opened from the interaction already")


class TagCount(BaseModel):
    """In how many interactions, and with how many customers, a need or a problem came up."""

    kind: str
    tag: str
    interactions: int
    customers: int


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
    also_contact_ids: list[UUID]
    employee_ids: list[UUID]
    opportunity_id: UUID | None
    contract_id: UUID | None
    ticket_id: UUID | None
    with_partner_id: UUID | None
    promised_on: date | None
    needs: list[str]
    problems: list[str]
    logged_by: str
    earlier_texts: list[dict[str, Any]]
    version: int
    created_at: datetime
    updated_at: datetime
