"""Input and output of the credit endpoints."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sales.credit.model import CreditReservation, Standing, Verdict
from sales.products.schemas import Line

Needed = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=6, examples=["1250.00"])]


class CreditAsked(BaseModel):
    """Why an order is to exceed its customer's credit, and up to what it may come."""

    model_config = ConfigDict(extra="forbid")

    reason: Line
    amount: Needed | None = Field(None, description="Absent: what the order still owes")


class CreditDecision(BaseModel):
    """Why it may, or may not."""

    model_config = ConfigDict(extra="forbid")

    reason: Line


class CreditApprovalRead(BaseModel):
    """What was asked for an order, by whom, and who decided."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    order_id: UUID
    amount: Decimal
    currency: str
    verdict: str
    reason: str
    state: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None


class CreditDocument(BaseModel):
    """What one order takes of the credit: what is not delivered, and what is and not paid."""

    order_id: UUID
    order_number: str
    state: str
    ordered_on: date
    currency: str
    open_amount: Decimal
    receivable_amount: Decimal
    amount: Decimal
    reserved_at: datetime

    @classmethod
    def of(cls, reservation: CreditReservation) -> "CreditDocument":
        """The document behind a reservation."""
        order = reservation.order
        return cls(
            order_id=order.id,
            order_number=order.number,
            state=order.state,
            ordered_on=order.ordered_on,
            currency=reservation.currency,
            open_amount=reservation.open_amount,
            receivable_amount=reservation.receivable_amount,
            amount=reservation.amount,
            reserved_at=reservation.reserved_at,
        )


class Exposure(BaseModel):
    """What a customer owes in one currency; `unseen_amount` is by documents you may not see."""

    currency: str
    amount: Decimal
    unseen_amount: Decimal


class CreditRate(BaseModel):
    """By which rate what is owed in another currency counts, of which day, stated by whom."""

    model_config = ConfigDict(from_attributes=True)

    from_currency: str
    to_currency: str
    rate: Decimal
    rate_on: date
    basis: str


class CreditLimitRead(BaseModel):
    """How much a customer may owe, from and until when."""

    model_config = ConfigDict(from_attributes=True)

    amount: Decimal
    currency: str
    valid_from: date
    valid_until: date | None


class CreditRead(BaseModel):
    """The credit of a customer today, and the documents that take of it, each once.

    `available` is null without a limit, and where something is owed in another currency than the
    limit's and there is no rate between them; `rates` are those that were used. Below zero, more is
    owed than may be. `verdict` is what the next order would meet.
    """

    customer_id: UUID
    on: date
    verdict: str
    limit: CreditLimitRead | None
    available: Decimal | None
    exposure: list[Exposure]
    rates: list[CreditRate]
    documents: list[CreditDocument]

    @classmethod
    def of(
        cls,
        customer_id: UUID,
        standing: Standing,
        available: Decimal | None,
        documents: Sequence[CreditDocument],
    ) -> "CreditRead":
        """The explanation of a standing by the documents that the caller may see."""
        verdict = Verdict.WITHIN
        if standing.is_held:
            verdict = Verdict.HELD
        elif standing.limit is None:
            verdict = Verdict.NO_LIMIT
        elif standing.has_ended:
            verdict = Verdict.ENDED
        elif available is not None and available <= 0:
            verdict = Verdict.EXCEEDED
        return cls(
            customer_id=customer_id,
            on=standing.on,
            verdict=verdict,
            limit=CreditLimitRead.model_validate(standing.limit) if standing.limit else None,
            available=available,
            exposure=[
                Exposure(
                    currency=currency,
                    amount=amount,
                    unseen_amount=amount
                    - sum((d.amount for d in documents if d.currency == currency), Decimal(0)),
                )
                for currency, amount in sorted(standing.exposure.items())
            ],
            rates=[CreditRate.model_validate(used) for used in standing.rates_used],
            documents=list(documents),
        )
