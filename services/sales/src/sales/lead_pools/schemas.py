"""Input and output of the lead pool endpoints."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sales.products.schemas import Line


class LeadRelease(BaseModel):
    """Why a lead is given back."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class LeadPoolRead(BaseModel):
    """The leads of a department and region that anyone who sees them may take."""

    department_id: UUID | None
    region_id: UUID | None
    leads: int
    hot: int = Field(description="Those of them that are rated hot")
    waiting_for_routing: int = Field(description="Those of them that the rules look at next")
    oldest_since: datetime = Field(description="Since when the one that lies longest lies there")
