"""Ratings, limits and holds of a customer's credit, and their rules.

Nothing of it is changed or deleted: a decision counts from a day on, and of two from one day the one
that was made later counts. So what was in force on any day can be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, String, text
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import Conflict, Invalid
from common.ids import new_id
from customer import events
from customer.customers.model import Customer
from customer.db import Base


class CreditGrade(StrEnum):
    """How far a customer is trusted, the best first; more may follow."""

    AAA = "AAA"
    AA = "AA"
    A = "A"
    B = "B"
    C = "C"
    D = "D"


@dataclass(frozen=True, slots=True)
class GradeMeaning:
    """What a grade says, for people."""

    name: str
    english_name: str


GRADES: Mapping[CreditGrade, GradeMeaning] = {
    CreditGrade.AAA: GradeMeaning("信用极好", "pays always and early"),
    CreditGrade.AA: GradeMeaning("信用优良", "pays in time"),
    CreditGrade.A: GradeMeaning("信用较好", "pays, seldom late"),
    CreditGrade.B: GradeMeaning("信用一般", "often late"),
    CreditGrade.C: GradeMeaning("信用较差", "pays after reminders"),
    CreditGrade.D: GradeMeaning("信用差", "does not pay"),
}
"""The dictionary of grades."""


class DecidedForThePast(Invalid):
    """A decision on credit counts from today at the earliest: what was in force stays readable."""

    code = "decided_for_the_past"


class EndsBeforeItBegins(Invalid):
    """The last day lies before the first."""

    code = "ends_before_it_begins"


class CreditHeldAlready(Conflict):
    """The credit of the customer is on hold."""

    code = "credit_held_already"


class CreditNotHeld(Conflict):
    """The credit of the customer is not on hold."""

    code = "credit_not_held"


class CreditRating(Base):
    """How far a customer is trusted, from a day on, and why."""

    __tablename__ = "credit_ratings"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (
        Index("ix_credit_ratings_customer_id", "customer_id", "effective_on", "id"),
        Index("ix_credit_ratings_rated_at_id", "rated_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    grade: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(300))
    effective_on: Mapped[date]
    effective_until: Mapped[date | None]
    rated_by: Mapped[str] = mapped_column(String(80))
    rated_at: Mapped[datetime]

    @classmethod
    def give(
        cls,
        customer: Customer,
        *,
        grade: CreditGrade,
        reason: str,
        effective_on: date,
        effective_until: date | None,
        is_held: bool,
        by: str,
        now: datetime,
        today: date,
    ) -> tuple["CreditRating", events.CustomerCreditChanged]:
        """Rate the customer."""
        _check_days(effective_on, effective_until, today, "effective_on", "effective_until")
        rating = cls(
            id=new_id(),
            customer_id=customer.id,
            grade=grade,
            reason=reason,
            effective_on=effective_on,
            effective_until=effective_until,
            rated_by=by,
            rated_at=now,
        )
        return rating, events.CustomerCreditChanged(
            customer_id=customer.id,
            reason=reason,
            is_held=is_held,
            rating=events.CreditRating(
                grade=grade, effective_on=effective_on, effective_until=effective_until
            ),
            **customer.scope,
        )


class CreditLimit(Base):
    """How much a customer may owe, from and until when; 0 is nothing on credit."""

    __tablename__ = "credit_limits"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (
        Index("ix_credit_limits_customer_id", "customer_id", "valid_from", "id"),
        Index("ix_credit_limits_set_at_id", "set_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    amount: Mapped[Decimal] = mapped_column(Numeric())
    currency: Mapped[str] = mapped_column(String(3))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    reason: Mapped[str] = mapped_column(String(300))
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]

    @classmethod
    def state(
        cls,
        customer: Customer,
        *,
        amount: Decimal,
        currency: str,
        valid_from: date,
        valid_until: date | None,
        reason: str,
        is_held: bool,
        by: str,
        now: datetime,
        today: date,
    ) -> tuple["CreditLimit", events.CustomerCreditChanged]:
        """State how much the customer may owe; it takes the place of every earlier limit."""
        _check_days(valid_from, valid_until, today, "valid_from", "valid_until")
        limit = cls(
            id=new_id(),
            customer_id=customer.id,
            amount=amount,
            currency=currency,
            valid_from=valid_from,
            valid_until=valid_until,
            reason=reason,
            set_by=by,
            set_at=now,
        )
        return limit, events.CustomerCreditChanged(
            customer_id=customer.id,
            reason=reason,
            is_held=is_held,
            limit=events.CreditLimit(
                amount=amount, currency=currency, valid_from=valid_from, valid_until=valid_until
            ),
            **customer.scope,
        )


class CreditHold(Base):
    """A time in which a customer gets nothing more on credit, whatever its limit."""

    __tablename__ = "credit_holds"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (
        Index("ix_credit_holds_customer_id", "customer_id", "held_at"),
        Index(
            "uq_credit_holds_customer_id",
            "customer_id",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    reason: Mapped[str] = mapped_column(String(300))
    held_by: Mapped[str] = mapped_column(String(80))
    held_at: Mapped[datetime]
    release_reason: Mapped[str | None] = mapped_column(String(300))
    released_by: Mapped[str | None] = mapped_column(String(80))
    released_at: Mapped[datetime | None]

    @classmethod
    def begin(
        cls, customer: Customer, *, reason: str, by: str, now: datetime
    ) -> tuple["CreditHold", events.CustomerCreditChanged]:
        """Give the customer nothing more on credit."""
        hold = cls(id=new_id(), customer_id=customer.id, reason=reason, held_by=by, held_at=now)
        return hold, events.CustomerCreditChanged(
            customer_id=customer.id, reason=reason, is_held=True, **customer.scope
        )

    def release(
        self, customer: Customer, *, reason: str, by: str, now: datetime
    ) -> events.CustomerCreditChanged:
        """Let the limit count again."""
        self.release_reason, self.released_by, self.released_at = reason, by, now
        return events.CustomerCreditChanged(
            customer_id=customer.id, reason=reason, is_held=False, **customer.scope
        )


def _check_days(first: date, last: date | None, today: date, name: str, last_name: str) -> None:
    if first < today:
        raise DecidedForThePast("credit is decided for today or later", pointer=f"/{name}")
    if last is not None and last < first:
        raise EndsBeforeItBegins("the last day lies before the first", pointer=f"/{last_name}")
