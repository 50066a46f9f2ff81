"""Input and output of the payment plan and receivable endpoints."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Part = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=6, examples=["1250.00"])]


class InstalmentIn(BaseModel):
    """How much is to be paid by a day."""

    model_config = ConfigDict(extra="forbid")

    due_on: date
    amount: Part


class PaymentPlan(BaseModel):
    """When an order is paid; the instalments add up to what it costs."""

    model_config = ConfigDict(extra="forbid")

    instalments: Annotated[list[InstalmentIn], Field(min_length=1, max_length=120)]


class InstalmentRead(BaseModel):
    """A part of what an order costs, and what of it is paid."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    instalment_no: int
    due_on: date
    amount: Decimal
    paid_amount: Decimal
    open_amount: Decimal
    reminded_at: datetime | None


class PaymentPlanRead(BaseModel):
    """When an order is paid, and what of it is."""

    order_id: UUID
    currency: str
    due_amount: Decimal
    paid_amount: Decimal
    instalments: list[InstalmentRead]


class ReceivableRead(BaseModel):
    """An instalment that is not, or was not, paid in full on the day that was asked for."""

    id: UUID
    order_id: UUID
    order_number: str
    customer_id: UUID
    instalment_no: int
    due_on: date
    amount: Decimal
    open_amount: Decimal
    currency: str
    days_overdue: int
    reminded_at: datetime | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None


class AgeingBucket(BaseModel):
    """What is open and overdue for so many days; `to_days` null is without end."""

    from_days: int
    to_days: int | None
    amount: Decimal


class Ageing(BaseModel):
    """What was open at the end of a day in one currency; `total` is the sum of its parts."""

    currency: str
    as_of: date
    count: int
    total: Decimal
    not_due: Decimal
    overdue: list[AgeingBucket]


class PaymentRead(BaseModel):
    """What a receipt paid of an instalment, and how many days after it was due."""

    id: UUID
    receipt_id: UUID
    receipt_number: str
    order_id: UUID
    order_number: str
    instalment_no: int
    due_on: date
    received_on: date
    days_late: int
    amount: Decimal
    currency: str


class PaymentSummary(BaseModel):
    """How punctually a customer paid, in one currency.

    `on_time_rate` is the share, from 0 to 1, of the money that came by the day it was due;
    `average_days_late` weighs each payment by its amount, those on time count as 0 days.
    """

    currency: str
    payments: int
    paid_amount: Decimal
    on_time_amount: Decimal
    on_time_payments: int
    on_time_rate: Decimal
    average_days_late: Decimal
    most_days_late: int
