"""Output of the transaction endpoints."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class FeedState(StrEnum):
    """How good a copy is; more may follow."""

    CURRENT = "current"
    BEHIND = "behind"
    NEVER_HEARD = "never_heard"


class Freshness(BaseModel):
    """How good a copy of another service's records is.

    `as_of` is when the newest event of these records happened that was applied here, whosever it was.
    `behind`: `parked_events` could not be applied (yet), or nothing applies events since `applied_at`.
    `never_heard`: no such event ever came.
    """

    state: FeedState
    as_of: datetime | None
    parked_events: int
    applied_at: datetime | None


class TransactionLine(BaseModel):
    """What was bought with an order."""

    model_config = ConfigDict(from_attributes=True)

    line_no: int
    product_id: UUID
    product_name: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


class TransactionRead(BaseModel):
    """An order of a customer; `told_at` is when the last event of it happened."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    number: str
    state: str
    total: Decimal
    currency: str
    ordered_on: date | None
    contract_id: UUID | None
    opportunity_id: UUID | None
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    told_at: datetime
    lines: list[TransactionLine]


class BoughtProduct(BaseModel):
    """How much of a product a customer bought, in one currency; what was taken back is not in it."""

    product_id: UUID
    product_name: str
    currency: str
    orders: int
    quantity: Decimal
    amount: Decimal
    last_ordered_on: date


class BoughtTotal(BaseModel):
    """What a customer bought, in one currency."""

    currency: str
    orders: int
    amount: Decimal
    first_ordered_on: date
    last_ordered_on: date


class TransactionSummary(BaseModel):
    """What a customer bought, from orders that bind, and how good that copy is."""

    customer_id: UUID
    freshness: Freshness
    totals: list[BoughtTotal]
    products: list[BoughtProduct]


class PaymentLine(BaseModel):
    """What a receipt paid of an instalment, and how many days after it was due; 0 is on time."""

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


class PaymentTotal(BaseModel):
    """How punctually a customer paid, in one currency.

    `due_amount` is what was due by today, `overdue_amount` what of it is not paid. `on_time_rate` is the
    share, from 0 to 1, of the paid money that came by its day; null where nothing was paid.
    `average_days_late` weighs each payment by its amount.
    """

    currency: str
    due_amount: Decimal
    overdue_amount: Decimal
    payments: int
    paid_amount: Decimal
    on_time_payments: int
    on_time_amount: Decimal
    on_time_rate: Decimal | None
    average_days_late: Decimal | None
    most_days_late: int


class PaymentHistory(BaseModel):
    """How a customer paid so far, and how good the copies are that it follows from."""

    customer_id: UUID
    orders: Freshness
    receipts: Freshness
    totals: list[PaymentTotal]
