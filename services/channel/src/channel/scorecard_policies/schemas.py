"""Input and output of the scorecard policy endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from channel.scorecard_policies.model import Indicator
from common.money import Currency

Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]


class ScorecardPolicyAdopt(BaseModel):
    """A new version of the rule: weights in percent that make 100.

    It counts for periods that end on `valid_from` or later, which is today when not given. Without
    a currency, amounts are in the one currency of the period's deals.
    """

    model_config = ConfigDict(extra="forbid")

    weights: dict[Indicator, Percent]
    valid_from: date | None = None
    currency: Currency | None = None


class ScorecardPolicyRead(BaseModel):
    """A version of the rule by which partners are scored."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    policy_version: int
    valid_from: date
    currency: str | None
    weights: dict[str, Decimal]
    adopted_by: str
    version: int
    created_at: datetime
