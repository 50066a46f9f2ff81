"""Input and output of the lead routing policy endpoints."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.patches import MergePatch
from sales.lead_scoring_policies.schemas import PolicyActivate
from sales.leads.deficits import RoutingRule
from sales.products.schemas import Short

__all__ = [
    "LeadRoutingPolicyDraft",
    "LeadRoutingPolicyRead",
    "LeadRoutingPolicyUpdate",
    "PolicyActivate",
]


class LeadRoutingPolicyDraft(BaseModel):
    """A version of the rules to begin, in the order in which they are looked at."""

    model_config = ConfigDict(extra="forbid")

    name: Short
    rules: list[RoutingRule] = Field(min_length=1, max_length=100)


class LeadRoutingPolicyUpdate(MergePatch):
    """A merge patch of a draft: absent fields stay; `rules` are replaced as a whole."""

    stays = frozenset({"name", "rules"})

    name: Short | None = None
    rules: list[RoutingRule] | None = Field(None, min_length=1, max_length=100)

    def stored(self) -> dict[str, object]:
        """The fields that were sent, as they are kept."""
        changes = self.changes()
        if self.rules is not None:
            changes["rules"] = [rule.model_dump(mode="json") for rule in self.rules]
        return changes


class LeadRoutingPolicyRead(BaseModel):
    """A version of the rules by which leads go to teams."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    policy_version: int
    name: str
    state: str
    effective_on: date | None
    decided_by: str | None
    rules: list[RoutingRule]
    version: int
    created_at: datetime
    updated_at: datetime
