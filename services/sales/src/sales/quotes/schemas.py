"""Input and output of the quote endpoints; its lines serve orders as well."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.custom_fields.columns import CustomValues
from common.money import Currency
from common.patches import MergePatch
from sales.prices.schemas import OfferRead
from sales.products.schemas import Line, Note, Percent, Quantity, UnitPrice
from sales.quotes.totals import ROUNDING

Discount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6, examples=["50.00"])]


class LineIn(BaseModel):
    """A product to sell. Without a unit price it is that of the price lists.

    The tax of the line is contained in its price or comes on top, as the document says.
    """

    model_config = ConfigDict(extra="forbid")

    product_id: UUID
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice | None = Field(None, description="Absent: that of the price lists")
    discount_percent: Percent = Decimal(0)
    tax_percent: Percent = Decimal(0)
    delivery_on: date | None = None


Lines = Annotated[list[LineIn], Field(min_length=1, max_length=200)]


class _Discounted(BaseModel):
    @model_validator(mode="after")
    def _one_discount(self) -> Self:
        if getattr(self, "discount_percent", None) and getattr(self, "discount_amount", None):
            raise ValueError("a discount on the whole is a percentage or an amount")
        return self


class QuoteCreate(_Discounted):
    """What to offer. Customer and scope come from the opportunity where it is named.

    `discount_percent` or `discount_amount` is a discount on the whole, split over the lines.
    """

    model_config = ConfigDict(extra="forbid")

    opportunity_id: UUID | None = None
    customer_id: UUID | None = None
    currency: Currency | None = Field(None, description="Absent: the opportunity's, else CNY")
    valid_until: date
    prices_include_tax: bool = True
    discount_percent: Percent | None = None
    discount_amount: Discount | None = None
    lines: Lines
    notes: Note | None = None
    custom: CustomValues = {}


class QuoteUpdate(MergePatch, _Discounted):
    """A merge patch over a draft; `lines` replaces all lines.

    One discount on the whole takes the place of the other.
    """

    stays = frozenset({"valid_until", "lines", "prices_include_tax"})

    valid_until: date | None = None
    prices_include_tax: bool | None = None
    discount_percent: Percent | None = None
    discount_amount: Discount | None = None
    lines: Lines | None = None
    notes: Note | None = None
    custom: CustomValues = {}


class QuoteReject(BaseModel):
    """Why a customer does not want a quote."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class QuoteRevise(BaseModel):
    """Until when the new version is valid."""

    model_config = ConfigDict(extra="forbid")

    valid_until: date


class DiscountAsked(BaseModel):
    """Why the quote should go out with this discount."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class DiscountDecision(BaseModel):
    """Why it may, or may not."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class QuoteApprovalRead(BaseModel):
    """What was asked for a quote, by whom, and who decided.

    It lets out the quote with this `fingerprint`, and no other figures.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    quote_id: UUID
    fingerprint: str
    discount_percent: Decimal | None
    total: Decimal
    currency: str
    reason: str
    state: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None


class PriceBasis(BaseModel):
    """Which price the price lists gave on a day, why, and which of them were considered."""

    on: date
    unit_price: Decimal
    currency: str
    price_list_id: UUID | None
    why: str
    considered: list[OfferRead]


class QuoteLineRead(BaseModel):
    """A line of a quote; `amount` is after the discounts, and with `tax_amount`.

    `document_discount` is its part of the discount on the whole. `price_basis` is there also where
    the unit price was set by hand.
    """

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
    document_discount: Decimal
    tax_percent: Decimal
    tax_amount: Decimal
    net_amount: Decimal
    list_unit_price: Decimal | None
    price_basis: PriceBasis | None


class QuoteSummary(BaseModel):
    """A quote in a list.

    Base currency, rate and what follows from them are those of the day it was accepted.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    quote_version: int
    opportunity_id: UUID | None
    customer_id: UUID
    state: str
    currency: str
    prices_include_tax: bool
    discount_percent: Decimal | None
    discount_amount: Decimal
    tax_total: Decimal
    total: Decimal
    base_currency: str | None
    exchange_rate: Decimal | None
    exchange_rate_on: date | None
    exchange_rate_basis: str | None
    base_total: Decimal | None
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
    custom: CustomValues
    version: int
    created_at: datetime
    updated_at: datetime


class QuoteRead(QuoteSummary):
    """A quote with its lines, their decimal places and how they were rounded.

    `largest_discount` is how far below the price lists it goes, in percent, at the line where it is
    furthest; null where the lists have no price for a line. `fingerprint` is that of its figures.
    """

    places: int
    largest_discount: Decimal | None
    fingerprint: str
    rounding: str = ROUNDING
    lines: list[QuoteLineRead]
