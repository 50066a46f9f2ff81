"""Input and output of the receipt endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.money import Currency
from sales.products.schemas import Code, External, Line, Name

Received = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=2, examples=["1250.00"])]


class ReceiptCreate(External):
    """Money that came in, for an order or (then unallocated) from a customer."""

    order_id: UUID | None = None
    customer_id: UUID | None = Field(None, description="Where no order is named")
    amount: Received
    currency: Currency | None = Field(None, description="Absent: the order's, else CNY")
    received_on: date | None = Field(None, description="Absent: today, Asia/Shanghai")
    method: Code = "bank_transfer"
    reference: Name | None = None
    unallocated: bool = Field(
        False, description="Keep what exceeds the order's open amount, instead of refusing"
    )


class ReceiptReverse(BaseModel):
    """Why the money did not stay."""

    model_config = ConfigDict(extra="forbid")

    reason: Line
    reversed_on: date | None = Field(None, description="Absent: today, Asia/Shanghai")


class ReceiptRead(BaseModel):
    """Money that came in; `allocated_amount` is what its order took."""

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
    currency: str
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
