"""Input and output of the lead scoring policy endpoints."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.patches import MergePatch
from sales.leads.scoring import MOST_POINTS, ScoringRule
from sales.products.schemas import Short


class LeadScoringPolicyDraft(BaseModel):
    """A version of the rules to begin; points are held between 0 and 100."""

    model_config = ConfigDict(extra="forbid")

    name: Short
    rules: list[ScoringRule] = Field(min_length=1, max_length=100)
    hot_from: int = Field(60, ge=1, le=MOST_POINTS, description="Points from which on it is hot")
    warm_from: int = Field(35, ge=1, le=MOST_POINTS, description="Points from which on it is warm")


class LeadScoringPolicyUpdate(MergePatch):
    """A merge patch of a draft: absent fields stay; `rules` are replaced as a whole."""

    stays = frozenset({"name", "rules", "hot_from", "warm_from"})

    name: Short | None = None
    rules: list[ScoringRule] | None = Field(None, min_length=1, max_length=100)
    hot_from: int | None = Field(None, ge=1, le=MOST_POINTS)
    warm_from: int | None = Field(None, ge=1, le=MOST_POINTS)

    def stored(self) -> dict[str, object]:
        """The fields that were sent, as they are kept."""
        changes = self.changes()
        if self.rules is not None:
            changes["rules"] = [rule.model_dump(mode="json") for rule in self.rules]
        return changes


class PolicyActivate(BaseModel):
    """From which day on a version counts."""

    model_config = ConfigDict(extra="forbid")

    effective_on: date | None = Field(None, description="Absent: today")


class LeadScoringPolicyRead(BaseModel):
    """A version of the rules by which leads get their points."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    policy_version: int
    name: str
    state: str
    effective_on: date | None
    decided_by: str | None
    rules: list[ScoringRule]
    hot_from: int
    warm_from: int
    version: int
    created_at: datetime
    updated_at: datetime
