"""Output of the commission endpoints."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class CommissionRead(BaseModel):
    """A line of the ledger, with all that it comes from."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    period_id: UUID
    payee_kind: str
    payee_id: UUID
    rule_id: UUID
    rule_code: str
    rule_version: int
    source_kind: str
    source_amount: Decimal
    order_id: UUID
    order_number: str
    order_line_id: UUID
    line_no: int
    product_id: UUID
    receipt_id: UUID | None
    line_amount: Decimal
    base_amount: Decimal
    rate: Decimal
    cap: Decimal | None
    share_no: int
    share_percent: Decimal
    amount: Decimal
    rounding: Decimal
    currency: str
    occurrence: int
    earned_on: date
    booked_on: date
    reverses_id: UUID | None
    version: int
    created_at: datetime


class CommissionPeriodRead(BaseModel):
    """A month of the ledger."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    starts_on: date
    ends_on: date
    state: str
    settled_at: datetime | None
    settled_by: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class CommissionTotalRead(BaseModel):
    """The exact sum of a statement's lines in one currency."""

    currency: str
    amount: Decimal


class CommissionStatementRead(BaseModel):
    """What a payee is paid for a period; `lines_hash` is made over all of its lines."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    period_id: UUID
    starts_on: date
    ends_on: date
    payee_kind: str
    payee_id: UUID
    totals: list[CommissionTotalRead]
    line_count: int
    lines_hash: str
    settled_at: datetime
    settled_by: str
    version: int
    created_at: datetime


class StatementProof(BaseModel):
    """Whether the lines of the ledger still give the hash and the sums of a statement."""

    lines_hash: str
    is_proven: bool
