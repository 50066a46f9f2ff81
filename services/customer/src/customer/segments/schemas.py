"""Input and output of the segment endpoints."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.patches import MergePatch
from customer.segments.conditions import Conditions

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Purpose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class SegmentDefine(BaseModel):
    """A segment to define: customers for whom all conditions hold; to whom it belongs, sees it.

    Of its members everybody sees those whom they see anyway.
    """

    model_config = ConfigDict(extra="forbid")

    name: Name
    purpose: Purpose | None = Field(None, description="What it is for, as positioning or a target")
    conditions: Conditions
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None


class SegmentUpdate(MergePatch):
    """A merge patch: absent fields stay; `conditions` are replaced as a whole."""

    stays = frozenset({"name", "conditions"})

    name: Name | None = None
    purpose: Purpose | None = None
    conditions: Conditions | None = None

    def stored(self) -> dict[str, Any]:
        """The fields that were sent, as they are kept."""
        changes = self.changes()
        if self.conditions is not None:
            changes["conditions"] = [each.model_dump(mode="json") for each in self.conditions]
        return changes


class SegmentFreeze(BaseModel):
    """The name of the segment that keeps who belongs to this one now."""

    model_config = ConfigDict(extra="forbid")

    name: Name


class SegmentPreview(BaseModel):
    """Conditions to try."""

    model_config = ConfigDict(extra="forbid")

    conditions: Conditions


class SegmentSize(BaseModel):
    """How many of the customers that you see the conditions hold for, at this moment."""

    size: int


class SegmentRead(BaseModel):
    """A segment; its members are as of `refreshed_at`, null is not found yet.

    `is_behind`: some of what changed until then is still to be written.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    purpose: str | None
    kind: str
    conditions: Conditions
    frozen_from_id: UUID | None
    frozen_at: datetime | None
    refreshed_at: datetime | None
    is_behind: bool
    retired_at: datetime | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime
