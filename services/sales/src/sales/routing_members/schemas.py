"""Input and output of the routing member endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.patches import MergePatch
from sales.leads.deficits import Skill
from sales.routing_members.model import MemberState

Quota = Annotated[Decimal, Field(gt=0, max_digits=8, decimal_places=2, examples=["1"])]
Capacity = Annotated[int, Field(ge=0, le=100_000)]
Teams = Annotated[list[UUID], Field(max_length=50)]
Skills = Annotated[list[Skill], Field(max_length=50)]
Territories = Annotated[list[UUID], Field(max_length=500)]


class Absence(BaseModel):
    """Days on which nobody is there, the first and the last among them."""

    model_config = ConfigDict(extra="forbid")

    from_on: date
    to_on: date


Absences = Annotated[list[Absence], Field(max_length=200)]


class RoutingMemberEnrol(BaseModel):
    """Who takes routed leads, how many against the others, of which kind, and when not."""

    model_config = ConfigDict(extra="forbid")

    employee_id: UUID
    team_ids: Teams
    quota: Quota = Decimal(1)
    capacity: Capacity | None = Field(None, description="Open leads at once; absent: any number")
    skills: Skills = []
    territory_ids: Territories = []
    absences: Absences = []


class RoutingMemberUpdate(MergePatch):
    """A merge patch: absent fields stay, lists are replaced as a whole, `capacity: null` is any."""

    stays = frozenset({"team_ids", "quota", "skills", "territory_ids", "absences", "state"})

    team_ids: Teams | None = None
    quota: Quota | None = None
    capacity: Capacity | None = None
    skills: Skills | None = None
    territory_ids: Territories | None = None
    absences: Absences | None = None
    state: MemberState | None = None

    def stored(self) -> dict[str, Any]:
        """The fields that were sent, as they are kept."""
        changes = self.changes()
        if self.absences is not None:
            changes["absences"] = [each.model_dump(mode="json") for each in self.absences]
        return changes


class RoutingMemberRead(BaseModel):
    """An employee who takes routed leads."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    employee_id: UUID
    team_ids: list[UUID]
    quota: Decimal
    capacity: int | None
    skills: list[str]
    territory_ids: list[UUID]
    absences: list[Absence]
    state: str
    version: int
    created_at: datetime
    updated_at: datetime
