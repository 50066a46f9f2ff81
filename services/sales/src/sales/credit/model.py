"""How much a customer may owe, what it owes, and who let an order exceed that.

The exposure of a customer is the sum of its reservations: one for each order that binds, with what
the order still owes. An order is an open order until it is delivered and a receivable afterwards,
and counted once in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.errors import Conflict, NotFound
from common.ids import new_id
from sales import events
from sales.db import Base
from sales.exchange_rates.model import ExchangeRateNeeded, Rates, RateUsed
from sales.orders.model import Order
from sales.products.model import EXACT
from sales.quotes.approvals import ApproverIsRequester

_PLACES = 2
"""Decimal places of what is owed, in the currency of the limit."""


class Verdict(StrEnum):
    """What a customer's credit says to an exposure."""

    WITHIN = "within"
    NO_LIMIT = "no_limit"
    EXCEEDED = "exceeded"
    ENDED = "ended"
    HELD = "held"


class Policy(StrEnum):
    """What becomes of an order that its customer's credit does not cover."""

    REFUSE = "refuse"
    APPROVAL = "approval"
    ALLOW = "allow"


class ApprovalState(StrEnum):
    """How far the asking for more credit is; more may follow."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    LAPSED = "lapsed"


class CustomerNotFound(NotFound):
    """There is no such customer."""

    code = "customer_not_found"


class CreditOnHold(Conflict):
    """The customer gets nothing on credit until the hold is released; nobody approves over it."""

    code = "credit_on_hold"


class CreditLimitExceeded(Conflict):
    """The customer would owe more than its credit limit; `may_be_approved` says what to do."""

    code = "credit_limit_exceeded"


class CreditLimitEnded(Conflict):
    """The customer's credit limit is no longer valid, or not yet renewed."""

    code = "credit_limit_ended"


class CreditLimitNotStated(Conflict):
    """Nobody has stated a credit limit for the customer, and without one nothing is sold."""

    code = "credit_limit_not_stated"


class ApprovalNotNeeded(Conflict):
    """The credit of the customer covers the order."""

    code = "approval_not_needed"


class ApprovalPending(Conflict):
    """Somebody has asked for this order already."""

    code = "approval_pending"


class NothingToApprove(Conflict):
    """Nobody has asked to let this order exceed its customer's credit."""

    code = "nothing_to_approve"


class CreditAccount(Base):
    """The row of a customer that whoever reserves credit locks; and whether credit is on hold."""

    __tablename__ = "credit_accounts"
    __seen_with__ = ("customer_id", "KnownCustomer")

    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_held: Mapped[bool] = mapped_column(server_default=text("false"))


class KnownCreditLimit(Base):
    """A credit limit as the customer service tells of it; of two from one day the later counts."""

    __tablename__ = "known_credit_limits"
    __seen_with__ = ("customer_id", "KnownCustomer")

    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_until: Mapped[date | None]
    amount: Mapped[Decimal] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))


class CreditReservation(Base):
    """What an order takes of its customer's credit: the ledger has one row for each that binds.

    `open_amount` is what is not delivered, `receivable_amount` what is, both without what is paid.
    Whose credit it is says the order: when customers are merged or parted, the ledger follows.
    """

    __tablename__ = "credit_reservations"
    __seen_with__ = ("order_id", "Order")

    order_id: Mapped[UUID] = mapped_column(
        ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True
    )
    currency: Mapped[str] = mapped_column(String(3))
    open_amount: Mapped[Decimal] = mapped_column(EXACT)
    receivable_amount: Mapped[Decimal] = mapped_column(EXACT)
    reserved_at: Mapped[datetime]

    order: Mapped[Order] = relationship(lazy="raise", viewonly=True)

    @property
    def amount(self) -> Decimal:
        """What the order takes."""
        return self.open_amount + self.receivable_amount


class CreditApproval(Base):
    """Somebody asked to let an order exceed its customer's credit, and somebody else decided.

    An approved one covers this order, and no other, up to `amount`, until the order is off.
    """

    __tablename__ = "credit_approvals"
    __seen_with__ = ("order_id", "Order")
    __table_args__ = (
        Index(
            "uq_credit_approvals_pending",
            "order_id",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_credit_approvals_order_id", "order_id"),
        Index("ix_credit_approvals_requested_at_id", "requested_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    amount: Mapped[Decimal] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))
    verdict: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(20))
    requested_by: Mapped[str] = mapped_column(String(80))
    requested_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(80))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None] = mapped_column(String(300))

    order: Mapped[Order] = relationship(lazy="raise", viewonly=True)

    @classmethod
    def request(
        cls, order: Order, *, amount: Decimal, verdict: Verdict, reason: str, by: str, now: datetime
    ) -> tuple["CreditApproval", events.OrderCreditRequested]:
        """Ask to let the order take `amount`, though credit does not cover it."""
        approval = cls(
            id=new_id(),
            order_id=order.id,
            amount=amount,
            currency=order.currency,
            verdict=verdict,
            reason=reason,
            state=ApprovalState.PENDING,
            requested_by=by,
            requested_at=now,
        )
        return approval, events.OrderCreditRequested(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            approval_id=approval.id,
            amount=amount,
            currency=order.currency,
            reason=reason,
            **order.scope,
        )

    def decide(
        self, order: Order, *, is_approved: bool, reason: str, by: str, now: datetime
    ) -> events.OrderCreditDecided:
        """Let the order exceed the credit, or not; never by who asked."""
        if by == self.requested_by:
            raise ApproverIsRequester("somebody else decides on what you asked for")
        self.state = ApprovalState.APPROVED if is_approved else ApprovalState.REJECTED
        self.decided_by, self.decided_at, self.decision_reason = by, now, reason
        return events.OrderCreditDecided(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            approval_id=self.id,
            is_approved=is_approved,
            amount=self.amount,
            currency=self.currency,
            reason=reason,
            **order.scope,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer's credit on a day: the limit that counts, the hold, and what is owed by currency.

    `limit` is the one that began last, also when its validity is over: nothing older counts again.
    What is owed in another currency counts by the rate of that day: a limit is a question of today.
    """

    on: date
    is_held: bool = False
    limit: KnownCreditLimit | None = None
    exposure: Mapping[str, Decimal] = field(default_factory=dict)
    rates: Rates | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the validity of the limit is over."""
        until = self.limit.valid_until if self.limit else None
        return until is not None and until < self.on

    @property
    def exposure_in_limit(self) -> Decimal:
        """What is owed in all, in the limit's currency; raises ExchangeRateNeeded."""
        return sum(
            (self._in_limit(amount, currency) for currency, amount in self.exposure.items()),
            Decimal(0),
        )

    @property
    def available(self) -> Decimal | None:
        """What may still be reserved, below zero where more is owed; None is without limit.

        Raises ExchangeRateNeeded.
        """
        if self.limit is None:
            return None
        granted = Decimal(0) if self.has_ended else self.limit.amount
        return granted - self.exposure_in_limit

    @property
    def rates_used(self) -> list[RateUsed]:
        """By which rates other currencies count; none where one is missing, or without limit."""
        if self.limit is None:
            return []
        others = sorted(self.exposure.keys() - {self.limit.currency})
        try:
            return [self._rate(currency, self.limit.currency) for currency in others]
        except ExchangeRateNeeded:
            return []

    def judge(self, more: Decimal, currency: str) -> Verdict:
        """Whether so much more may be owed; raises ExchangeRateNeeded."""
        if self.is_held:
            return Verdict.HELD
        if self.limit is None:
            return Verdict.NO_LIMIT
        if self.has_ended:
            return Verdict.ENDED
        owed = self.exposure_in_limit + self._in_limit(more, currency)
        return Verdict.EXCEEDED if owed > self.limit.amount else Verdict.WITHIN

    def _in_limit(self, amount: Decimal, currency: str) -> Decimal:
        """The one place where currencies meet: an amount becomes one in the limit's currency."""
        assert self.limit is not None
        if not amount or currency == self.limit.currency:
            return amount
        return self._rate(currency, self.limit.currency).apply(amount, _PLACES)

    def _rate(self, from_currency: str, to_currency: str) -> RateUsed:
        rates = self.rates or Rates(self.on, to_currency)
        return rates.between(from_currency, to_currency)


REFUSALS: Mapping[Verdict, tuple[type[Conflict], str]] = {
    Verdict.HELD: (CreditOnHold, "the credit of this customer is on hold"),
    Verdict.EXCEEDED: (CreditLimitExceeded, "the customer would owe more than its credit limit"),
    Verdict.ENDED: (CreditLimitEnded, "the validity of the customer's credit limit is over"),
    Verdict.NO_LIMIT: (CreditLimitNotStated, "no credit limit is stated for this customer"),
}


def refusal(verdict: Verdict, policy: Policy, **figures: Any) -> Conflict:
    """Why an order is not let through; `figures` where the caller may know them."""
    named, why = REFUSALS[verdict]
    may_be_approved = policy == Policy.APPROVAL and verdict != Verdict.HELD
    return named(why, may_be_approved=may_be_approved, **figures)
