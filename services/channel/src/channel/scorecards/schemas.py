"""Input and output of the scorecard endpoints."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.money import Currency


@dataclass(frozen=True, slots=True)
class HeardInput:
    """A fact that was heard and counts for a partner."""

    partner_id: UUID
    kind: str
    source_id: UUID
    occurred_on: date
    amount: Decimal | None = None
    currency: str | None = None
    answer: int | None = None


class ScorecardsPublish(BaseModel):
    """The period to publish, both days included; the currency is the policy's when not given."""

    model_config = ConfigDict(extra="forbid")

    period_start: date
    period_end: date
    currency: Currency | None = None


class _Figures(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    revision: int
    policy_version: int
    currency: str
    won_amount: Decimal
    won_deals: int
    lost_deals: int
    surveys: int
    win_rate: Decimal | None = Field(description="Won of the decided deals, 0 to 1")
    satisfaction: Decimal | None = Field(description="Mean of the survey answers, 1 to 5")
    score: Decimal | None = Field(description="0 to 100 points")
    published_at: datetime
    published_by: str


class ScorecardRead(_Figures):
    """A partner's figures for a period, as they were published last."""

    id: UUID
    partner_id: UUID
    period_start: date
    period_end: date
    owner_id: UUID | None
    department_id: UUID | None
    region_id: UUID | None
    version: int


class ScorecardRevisionRead(_Figures):
    """What was published at one time; revisions are never changed."""


class PublishedScorecards(BaseModel):
    """What publishing a period came to.

    `unchanged` cards had the same figures before and got no new revision; `unknown_partner_ids`
    are named by inputs of the period and are no partners here, so nothing was published for them.
    """

    period_start: date
    period_end: date
    policy_version: int
    currency: str
    published: list[ScorecardRead]
    unchanged: int
    unknown_partner_ids: list[UUID]


class ScorePartRead(BaseModel):
    """What one indicator contributed; `points` null says that its data is missing."""

    indicator: str
    value: Decimal | None
    points: Decimal | None = Field(description="0 to 100")
    weight: Decimal = Field(description="Percent, as the policy has it")
    effective_weight: Decimal = Field(
        description="Percent, after the weights of missing indicators went to the others"
    )
    contribution: Decimal = Field(
        description="Points times effective weight; they add up to the score"
    )


class ScorecardInputRead(BaseModel):
    """One input. `source_id` is the id of the deal or survey at the service that owns it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    source_id: UUID
    occurred_on: date
    amount: Decimal | None
    currency: str | None
    answer: int | None
    received_at: datetime


class ScorecardExplanation(_Figures):
    """How a revision came to its score: the parts, and every input.

    The won amount scores as a share of `best_amount`, the highest of any partner in the period; the
    win rate as it is; a satisfaction of 1 as 0 points and of 5 as 100. A deal won in another
    currency counts in the deals, not in the amount. The weight of an indicator without data goes
    to the others in proportion.
    """

    scorecard_id: UUID
    partner_id: UUID
    period_start: date
    period_end: date
    best_amount: Decimal
    parts: list[ScorePartRead]
    inputs: list[ScorecardInputRead]
