"""Input and output of the commission rule endpoints."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.patches import MergePatch
from sales.commission_rules.terms import Terms
from sales.products.schemas import Code, Short


class CommissionRuleDraft(BaseModel):
    """A version to begin; the first one of a code that is new, else the next."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    name: Short
    valid_from: date
    valid_until: date | None = None
    terms: Terms


class CommissionRuleUpdate(MergePatch):
    """A merge patch of a draft: absent fields stay; `terms` are replaced as a whole."""

    stays = frozenset({"name", "valid_from", "terms"})

    name: Short | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    terms: Terms | None = None

    def stored(self) -> dict[str, object]:
        """The fields that were sent, as they are kept."""
        changes = self.changes()
        if self.terms is not None:
            changes["terms"] = self.terms.model_dump(mode="json")
        return changes


class CommissionRuleEnd(BaseModel):
    """The last day on which a version pays."""

    model_config = ConfigDict(extra="forbid")

    valid_until: date | None = Field(None, description="Absent: today")


class CommissionRuleRead(BaseModel):
    """A version of a rule by which sales earn commission."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    rule_version: int
    name: str
    state: str
    valid_from: date
    valid_until: date | None
    terms: Terms
    decided_by: str | None
    version: int
    created_at: datetime
    updated_at: datetime
