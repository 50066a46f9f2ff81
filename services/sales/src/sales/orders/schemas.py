"""Input and output of the order endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.custom_fields.columns import CustomValues
from common.money import Currency
from common.patches import MergePatch
from sales.products.schemas import Line, Note, Quantity
from sales.quotes.schemas import LineIn, Lines
from sales.quotes.totals import ROUNDING


class OrderCreate(BaseModel):
    """What was bought: an accepted quote, a signed contract, a won opportunity, or lines.

    A quote or contract brings its customer, currency and lines. An opportunity without lines must
    be won and brings those it was won with. Lines stand for themselves, with a customer or with the
    opportunity they belong to.
    """

    model_config = ConfigDict(extra="forbid")

    quote_id: UUID | None = None
    contract_id: UUID | None = None
    opportunity_id: UUID | None = None
    customer_id: UUID | None = None
    currency: Currency | None = Field(None, description="Absent: the opportunity's, else CNY")
    lines: Lines | None = None
    prices_include_tax: bool = Field(
        True, description="Of lines that stand for themselves; a quote brings its own"
    )
    ordered_on: date | None = Field(None, description="Absent: today")
    notes: Note | None = None
    custom: CustomValues = {}

    @model_validator(mode="after")
    def _one_origin(self) -> "OrderCreate":
        documents = [self.quote_id, self.contract_id]
        if sum(document is not None for document in documents) > 1:
            raise ValueError("an order is from a quote or from a contract")
        if any(documents) and (self.lines or self.opportunity_id or self.customer_id):
            raise ValueError("a quote or contract brings its own lines, opportunity and customer")
        if not any(documents) and not self.lines and not self.opportunity_id:
            raise ValueError("name a quote, a contract, a won opportunity, or lines")
        return self


class OrderLineIn(LineIn):
    """A line as it is to be; with the number of a line that is there, it takes its place."""

    line_no: Annotated[int, Field(ge=1)] | None = None


class OrderUpdate(MergePatch):
    """A merge patch over an order; `lines` replaces all lines, and keeps those it numbers."""

    stays = frozenset({"lines"})

    lines: Annotated[list[OrderLineIn], Field(min_length=1, max_length=200)] | None = None
    notes: Note | None = None
    custom: CustomValues = {}


class ShipLine(BaseModel):
    """How much of a line goes out."""

    model_config = ConfigDict(extra="forbid")

    line_no: Annotated[int, Field(ge=1)]
    quantity: Quantity


class OrderShip(BaseModel):
    """A delivery."""

    model_config = ConfigDict(extra="forbid")

    lines: list[ShipLine] | None = Field(
        None, min_length=1, max_length=200, description="Absent: everything that is left"
    )
    note: Line | None = None

    @model_validator(mode="after")
    def _each_line_once(self) -> "OrderShip":
        numbers = [line.line_no for line in self.lines or ()]
        if len(numbers) != len(set(numbers)):
            raise ValueError("a line is named once in a delivery")
        return self


class OrderCancel(BaseModel):
    """Why an order is off."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class OrderLineRead(BaseModel):
    """A line of an order; `amount` is after the discounts, and with `tax_amount`.

    `cancelled_quantity` is what was called off after the rest was delivered.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    line_no: int
    product_id: UUID
    product_name: str
    quantity: Decimal
    unit_price: Decimal
    discount_percent: Decimal
    amount: Decimal
    is_shipped: bool
    shipped_quantity: Decimal
    cancelled_quantity: Decimal
    cancelled_amount: Decimal
    delivery_on: date | None
    document_discount: Decimal
    tax_percent: Decimal
    tax_amount: Decimal


class OrderSummary(BaseModel):
    """An order in a list.

    `total` is what was ordered, `due_amount` that without what was called off, `open_amount` what
    of it is still to be paid. Base currency, rate and what follows from them are those of the day it
    was confirmed.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    quote_id: UUID | None
    contract_id: UUID | None
    opportunity_id: UUID | None
    customer_id: UUID
    state: str
    currency: str
    prices_include_tax: bool
    discount_amount: Decimal
    tax_total: Decimal
    base_currency: str | None
    exchange_rate: Decimal | None
    exchange_rate_on: date | None
    exchange_rate_basis: str | None
    base_total: Decimal | None
    total: Decimal
    cancelled_amount: Decimal
    delivered_amount: Decimal
    due_amount: Decimal
    paid_amount: Decimal
    open_amount: Decimal
    ordered_on: date
    confirmed_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    notes: str | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    custom: CustomValues
    version: int
    created_at: datetime
    updated_at: datetime


class OrderRead(OrderSummary):
    """An order with its lines, their decimal places and how they were rounded."""

    places: int
    rounding: str = ROUNDING
    lines: list[OrderLineRead]


class DeliveredLine(BaseModel):
    """How much of a line went out."""

    line_no: int
    product_id: UUID
    quantity: Decimal


class DeliveryRead(BaseModel):
    """What went out at one time."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    shipped_at: datetime
    note: str | None
    lines: list[DeliveredLine]
