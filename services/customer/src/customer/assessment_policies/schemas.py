"""Input and output of the assessment policy endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.patches import MergePatch
from customer.assessment_policies.rules import Rules

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class AssessmentPolicyDraft(BaseModel):
    """A version of the rules to begin."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    rules: Rules


class AssessmentPolicyUpdate(MergePatch):
    """A merge patch of a draft: absent fields stay; `rules` are replaced as a whole."""

    stays = frozenset({"name", "rules"})

    name: Name | None = None
    rules: Rules | None = None


class AssessmentPolicyActivate(BaseModel):
    """From which day on a version counts."""

    model_config = ConfigDict(extra="forbid")

    effective_on: date | None = Field(None, description="Absent: today")


class AssessmentPolicyRead(BaseModel):
    """A version of the rules by which customers are assessed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    policy_version: int
    name: str
    state: str
    effective_on: date | None
    decided_by: str | None
    rules: Rules
    version: int
    created_at: datetime
    updated_at: datetime
