"""Input and output of the endpoints of partner relations."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from customer.partner_relations.model import RelationRole


class RelationCreate(BaseModel):
    """What a customer is to a partner from a day on."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID
    of_partner_id: UUID
    role: RelationRole
    valid_from: date


class RelationEnd(BaseModel):
    """The last day of a relation."""

    model_config = ConfigDict(extra="forbid")

    valid_until: date


class RelationRead(BaseModel):
    """A relation of a customer and a partner; `valid_until` is its last day."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    of_partner_id: UUID
    role: str
    valid_from: date
    valid_until: date | None
    version: int
    created_at: datetime
    updated_at: datetime
