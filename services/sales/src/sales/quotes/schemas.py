"""Input and output of the quote endpoints; its lines serve orders as well."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.money import Currency
from common.patches import MergePatch
from sales.products.schemas import Line, Note, Percent, Quantity, UnitPrice
from sales.quotes.totals import ROUNDING


class LineIn(BaseModel):
    """A product to sell. Without a unit price it is that of the price lists."""

    model_config = ConfigDict(extra="forbid")

    product_id: UUID
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice | None = Field(None, description="Absent: that of the price lists")
    discount_percent: Percent = Decimal(0)
    delivery_on: date | None = None


Lines = Annotated[list[LineIn], Field(min_length=1, max_length=200)]


class QuoteCreate(BaseModel):
    """What to offer. Customer and scope come from the opportunity where it is named."""

    model_config = ConfigDict(extra="forbid")

    opportunity_id: UUID | None = None
    customer_id: UUID | None = None
    currency: Currency | None = Field(None, description="Absent: the opportunity's, else CNY")
    valid_until: date
    lines: Lines
    notes: Note | None = None


class QuoteUpdate(MergePatch):
    """A merge patch over a draft; `lines` replaces all lines."""

    stays = frozenset({"valid_until", "lines"})

    valid_until: date | None = None
    lines: Lines | None = None
    notes: Note | None = None


class QuoteReject(BaseModel):
    """Why a customer does not want a quote."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class QuoteRevise(BaseModel):
    """Until when the new version is valid."""

    model_config = ConfigDict(extra="forbid")

    valid_until: date


class QuoteLineRead(BaseModel):
    """A line of a quote; `amount` is after the discount."""

    model_config = ConfigDict(from_attributes=True)

    line_no: int
    product_id: UUID
    product_name: str
    quantity: Decimal
    unit_price: Decimal
    discount_percent: Decimal
    amount: Decimal
    delivery_on: date | None
    price_reason: str | None


class QuoteSummary(BaseModel):
    """A quote in a list."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    quote_version: int
    opportunity_id: UUID | None
    customer_id: UUID
    state: str
    currency: str
    total: Decimal
    valid_until: date
    sent_at: datetime | None
    accepted_at: datetime | None
    closed_at: datetime | None
    reject_reason: str | None
    notes: str | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class QuoteRead(QuoteSummary):
    """A quote with its lines, their decimal places and how they were rounded."""

    places: int
    rounding: str = ROUNDING
    lines: list[QuoteLineRead]
