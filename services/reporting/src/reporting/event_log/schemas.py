"""Output of the event endpoint."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from common.events import Moment


class EventRead(BaseModel):
    """A kept event: who said it about what, when, because of what, and with which values."""

    model_config = ConfigDict(from_attributes=True)

    event_id: UUID
    source: str
    type: str
    aggregate_type: str
    aggregate_id: UUID
    version: int
    time: Moment
    correlation_id: str | None
    causation_id: str | None
    actor_id: str | None
    trace_id: str | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    data: dict[str, Any]
    received_at: Moment
