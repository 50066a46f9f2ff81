"""Output of the forecast endpoints."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class ForecastRow(BaseModel):
    """What the open deals of a group that close in a period will bring, and what was won in it.

    `weighted_amount` is the sum of amounts times probabilities, without the omitted deals;
    `committed_amount` that of the deals that are committed; `won_amount` what was won by now of all
    deals that closed in the period, also of those nobody had forecast.
    """

    period_starts_on: date
    group_id: UUID | None
    currency: str
    deal_count: int
    open_amount: Decimal
    weighted_amount: Decimal
    committed_amount: Decimal
    best_case_amount: Decimal
    won_amount: Decimal
    won_count: int


class ForecastDeal(BaseModel):
    """A deal behind the figures of a forecast."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    opportunity_id: UUID
    stage: str
    probability: Decimal
    expected_amount: Decimal
    weighted_amount: Decimal
    currency: str
    expected_close_on: date
    forecast_category: str
    product_id: UUID | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None


class ForecastSnapshotRead(BaseModel):
    """A day whose forecast was kept."""

    model_config = ConfigDict(from_attributes=True)

    taken_on: date
    taken_at: datetime
