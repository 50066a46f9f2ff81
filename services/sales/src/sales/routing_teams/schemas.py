"""Input and output of the routing team endpoints."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.patches import MergePatch
from sales.products.schemas import Short
from sales.routing_teams.model import TeamState


class RoutingTeamForm(BaseModel):
    """A team to form."""

    model_config = ConfigDict(extra="forbid")

    name: Short


class RoutingTeamUpdate(MergePatch):
    """A merge patch: absent fields stay."""

    stays = frozenset({"name", "state"})

    name: Short | None = None
    state: TeamState | None = None


class RoutingTeamRead(BaseModel):
    """A team that leads are routed to."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    state: str
    version: int
    created_at: datetime
    updated_at: datetime


class MemberShare(BaseModel):
    """What one member got of a team's leads, and was entitled to by quota while available."""

    employee_id: UUID
    assigned: int
    entitled: Decimal
    deficit: Decimal = Field(description="`entitled` less `assigned`; below 0 is more than fair")


class FairnessRead(BaseModel):
    """How fairly a team's leads were shared in a period."""

    team_id: UUID
    from_on: date
    to_on: date
    leads: int
    fairness: Decimal | None = Field(
        description="The part of the leads that went where the quotas wanted them, 1 is all of them"
    )
    largest_deviation: Decimal | None = Field(
        description="The largest distance of a member from the fair share, in leads"
    )
    members: list[MemberShare]
