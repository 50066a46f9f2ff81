"""Input and output of the receipt endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.money import Currency
from sales.products.schemas import Code, External, Line, Name

Received = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=6, examples=["1250.00"])]


class AllocationIn(BaseModel):
    """How much of a receipt an order takes."""

    model_config = ConfigDict(extra="forbid")

    order_id: UUID
    instalment_no: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Absent: what of the order is due first"
    )
    amount: Received


Allocations = Annotated[list[AllocationIn], Field(min_length=1, max_length=100)]


class ReceiptCreate(External):
    """Money that came in, for an order, for several, or (then unallocated) from a customer."""

    order_id: UUID | None = None
    customer_id: UUID | None = Field(None, description="Where no order is named")
    amount: Received
    currency: Currency | None = Field(None, description="Absent: the order's, else CNY")
    received_on: date | None = Field(None, description="Absent: today")
    method: Code = "bank_transfer"
    reference: Name | None = None
    unallocated: bool = Field(
        False, description="Keep what exceeds the order's open amount, instead of refusing"
    )
    instalment_no: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Of the order; absent: what is due first"
    )
    allocations: Allocations | None = Field(None, description="Several orders, instead of one")
    oldest_first: bool = Field(
        False, description="Let the customer's orders take it, what is due first before the rest"
    )

    @model_validator(mode="after")
    def _one_way_of_allocating(self) -> "ReceiptCreate":
        ways = [self.order_id is not None, self.allocations is not None, self.oldest_first]
        if sum(ways) > 1:
            raise ValueError("name an order, or allocations, or let the oldest be paid first")
        if self.instalment_no is not None and self.order_id is None:
            raise ValueError("an instalment is one of an order")
        return self


class ReceiptAllocate(BaseModel):
    """Which orders take what is unallocated."""

    model_config = ConfigDict(extra="forbid")

    allocations: Allocations | None = Field(
        None, description="Absent: the customer's orders, what is due first before the rest"
    )


class ReceiptRelease(BaseModel):
    """Which order gives back what it took."""

    model_config = ConfigDict(extra="forbid")

    order_id: UUID


class ReceiptRefund(BaseModel):
    """What goes back to the payer, and why."""

    model_config = ConfigDict(extra="forbid")

    amount: Received
    reason: Line
    refunded_on: date | None = Field(None, description="Absent: today")


class ReceiptReverse(BaseModel):
    """Why the money did not stay."""

    model_config = ConfigDict(extra="forbid")

    reason: Line
    reversed_on: date | None = Field(None, description="Absent: today")


class ReceiptRead(BaseModel):
    """Money that came in; `allocated_amount` is what orders took.

    Base currency, rate and what follows from them are those of the day it was received.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    order_id: UUID | None
    opportunity_id: UUID | None
    contract_id: UUID | None
    customer_id: UUID | None
    amount: Decimal
    allocated_amount: Decimal
    unallocated_amount: Decimal
    refunded_amount: Decimal
    currency: str
    base_currency: str | None
    exchange_rate: Decimal | None
    exchange_rate_on: date | None
    exchange_rate_basis: str | None
    base_amount: Decimal | None
    received_on: date
    method: str
    reference: str | None
    state: str
    reversed_on: date | None
    reverse_reason: str | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    external_source: str | None
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class AllocationRead(BaseModel):
    """How much of a receipt an instalment of an order took."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    order_id: UUID
    instalment_id: UUID
    instalment_no: int
    due_on: date
    amount: Decimal
    counted_on: date
