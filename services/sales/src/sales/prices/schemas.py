"""Input and output of the price endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.money import Currency
from common.patches import MergePatch
from sales.products.schemas import Code, Name, Quantity, Short, UnitPrice


class PriceLineIn(BaseModel):
    """The price of a product from a quantity on."""

    model_config = ConfigDict(extra="forbid")

    product_id: UUID
    min_quantity: Quantity = Decimal(1)
    unit_price: UnitPrice


PriceLines = Annotated[list[PriceLineIn], Field(max_length=2000)]


class PriceListCreate(BaseModel):
    """Prices, and for whom and when they hold; without a condition they hold for everybody."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    currency: Currency = "CNY"
    valid_from: date
    valid_to: date | None = None
    customer_id: UUID | None = None
    partner_tier: Short | None = None
    region_id: UUID | None = None
    industry: Code | None = None
    lines: PriceLines = Field(default_factory=list)


class PriceListUpdate(MergePatch):
    """A merge patch over a draft; `lines` replaces all lines."""

    stays = frozenset({"name", "currency", "valid_from", "lines"})

    name: Name | None = None
    currency: Currency | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    customer_id: UUID | None = None
    partner_tier: Short | None = None
    region_id: UUID | None = None
    industry: Code | None = None
    lines: PriceLines | None = None


class PriceLineRead(BaseModel):
    """The price of a product from a quantity on."""

    model_config = ConfigDict(from_attributes=True)

    product_id: UUID
    min_quantity: Decimal
    unit_price: Decimal


class PriceListSummary(BaseModel):
    """A price list in a list."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    currency: str
    state: str
    valid_from: date
    valid_to: date | None
    customer_id: UUID | None
    partner_tier: str | None
    region_id: UUID | None
    industry: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class PriceListRead(PriceListSummary):
    """A price list with its prices."""

    lines: list[PriceLineRead]


class OfferRead(BaseModel):
    """A price that fits; `conditions` are those of its list that are met.

    `outcome` says whether it was chosen, or which rule put another before it.
    """

    price_list_id: UUID
    name: str
    currency: str
    valid_from: date
    conditions: list[str]
    min_quantity: Decimal
    unit_price: Decimal
    outcome: str


class PriceRead(BaseModel):
    """What a product costs, why, and which prices were considered."""

    product_id: UUID
    quantity: Decimal
    on: date
    unit_price: Decimal
    currency: str
    price_list_id: UUID | None
    why: str
    considered: list[OfferRead]
