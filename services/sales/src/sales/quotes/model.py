"""A quote and its rules."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.opportunities.model import Opportunity
from sales.products.model import EXACT
from sales.quotes.totals import PLACES, LineValues, total_of


class QuoteState(StrEnum):
    """How far a quote is; more may follow."""

    DRAFT = "draft"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REPLACED = "replaced"


ALLOWED: dict[str, frozenset[QuoteState]] = {
    QuoteState.DRAFT: frozenset({QuoteState.SENT}),
    QuoteState.SENT: frozenset(
        {QuoteState.ACCEPTED, QuoteState.REJECTED, QuoteState.EXPIRED, QuoteState.REPLACED}
    ),
    QuoteState.REJECTED: frozenset({QuoteState.REPLACED}),
    QuoteState.EXPIRED: frozenset({QuoteState.REPLACED}),
    QuoteState.ACCEPTED: frozenset(),
    QuoteState.REPLACED: frozenset(),
}


class QuoteNotFound(NotFound):
    """There is no such quote."""

    code = "quote_not_found"


class QuoteNotKnown(Invalid):
    """The request names a quote that is not there."""

    code = "quote_not_known"


class QuoteMoveNotAllowed(Conflict):
    """The quote's state does not allow this; `allowed` lists the states it can go to."""

    code = "quote_move_not_allowed"


class QuoteNotOpen(Conflict):
    """Only a quote that was sent, and not yet answered, can be answered."""

    code = "quote_not_open"


class QuoteNoLongerValid(Conflict):
    """The quote was valid until a day that is over."""

    code = "quote_no_longer_valid"


class QuoteIsFrozen(Conflict):
    """What left the house stays as it is; a change is a new version."""

    code = "quote_is_frozen"


class QuoteIsEmpty(Invalid):
    """A quote has lines."""

    code = "quote_is_empty"


class QuoteCustomerNeeded(Invalid):
    """A quote is for a customer: its own or that of its opportunity."""

    code = "quote_customer_needed"


class ValidityInThePast(Invalid):
    """A quote is valid today at least."""

    code = "validity_in_the_past"


class Quote(Aggregate, Scoped, Base):
    """What we offer a customer. Versions share a number; `places` are kept for ever."""

    __tablename__ = "quotes"
    __table_args__ = (
        UniqueConstraint("number", "quote_version", name="uq_quotes_number_quote_version"),
        Index("ix_quotes_created_at_id", "created_at", "id"),
        Index("ix_quotes_updated_at_id", "updated_at", "id"),
        Index("ix_quotes_valid_until_id", "valid_until", "id"),
        Index("ix_quotes_due", "valid_until", postgresql_where=text("state = 'sent'")),
    )

    number: Mapped[str] = mapped_column(String(20))
    quote_version: Mapped[int]
    opportunity_id: Mapped[UUID | None] = mapped_column(ForeignKey(Opportunity.id), index=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(String(20))
    currency: Mapped[str] = mapped_column(String(3))
    places: Mapped[int]
    total: Mapped[Decimal] = mapped_column(EXACT)
    valid_until: Mapped[date]
    sent_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    reject_reason: Mapped[str | None] = mapped_column(String(300))
    notes: Mapped[str | None] = mapped_column(Text)

    lines: Mapped[list["QuoteLine"]] = relationship(
        lazy="raise", order_by="QuoteLine.line_no", cascade="all, delete-orphan"
    )

    @classmethod
    def draft(
        cls,
        *,
        number: int | str,
        lines: Sequence[LineValues],
        now: datetime,
        quote_version: int = 1,
        places: int = PLACES["quote"],
        **facts: Any,
    ) -> tuple["Quote", events.QuoteDrafted]:
        """A new quote, or with a `number` that exists another version of it."""
        facts.setdefault("opportunity_id", None)
        quote = cls(
            number=number if isinstance(number, str) else f"Q{now:%Y}-{number:06d}",
            quote_version=quote_version,
            state=QuoteState.DRAFT,
            places=places,
            total=Decimal(0),
            lines=[],
            **facts,
        )
        quote._put_lines(lines)
        return quote, quote._drafted()

    def redraft(
        self, changes: dict[str, Any], lines: Sequence[LineValues] | None
    ) -> events.QuoteDrafted | None:
        """Change the draft; None when nothing differs."""
        if self.state != QuoteState.DRAFT:
            raise QuoteIsFrozen(f"the quote is {self.state}: revise it to make a new version")
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing and lines is None:
            return None
        for name, value in differing.items():
            setattr(self, name, value)
        if lines is not None:
            self._put_lines(lines)
        return self._drafted()

    def send(self, *, now: datetime, today: date) -> events.QuoteSent:
        """Give the quote to the customer."""
        self._check_move(QuoteState.SENT)
        if self.valid_until < today:
            raise ValidityInThePast(
                f"the quote is valid until {self.valid_until}", pointer="/valid_until"
            )
        self.state, self.sent_at = QuoteState.SENT, now
        return events.QuoteSent(
            **self._facts(), quote_version=self.quote_version, valid_until=self.valid_until
        )

    def accept(self, *, now: datetime, today: date) -> events.QuoteAccepted:
        """The customer takes the quote, while it is valid."""
        self._check_open()
        if today > self.valid_until:
            raise QuoteNoLongerValid(f"the quote was valid until {self.valid_until}")
        self.state, self.accepted_at = QuoteState.ACCEPTED, now
        return events.QuoteAccepted(
            **self._facts(),
            quote_version=self.quote_version,
            accepted_at=now,
            lines=[
                events.QuoteLine(
                    line_no=line.line_no,
                    product_id=line.product_id,
                    product_name=line.product_name,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    discount_percent=line.discount_percent,
                    amount=line.amount,
                    delivery_on=line.delivery_on,
                )
                for line in self.lines
            ],
        )

    def reject(self, *, reason: str, now: datetime) -> events.QuoteRejected:
        """The customer does not want the quote."""
        self._check_open()
        self.state, self.closed_at, self.reject_reason = QuoteState.REJECTED, now, reason
        return events.QuoteRejected(**self._facts(), reason=reason)

    def expire(self, *, now: datetime, today: date) -> events.QuoteExpired | None:
        """Close the quote when nobody answered it in time; None when it is not due."""
        if self.state != QuoteState.SENT or today <= self.valid_until:
            return None
        self.state, self.closed_at = QuoteState.EXPIRED, now
        return events.QuoteExpired(**self._facts(), valid_until=self.valid_until)

    def replace(self, replaced_by: UUID, *, now: datetime) -> events.QuoteReplaced:
        """Give way to a new version."""
        self._check_move(QuoteState.REPLACED)
        self.state, self.closed_at = QuoteState.REPLACED, now
        return events.QuoteReplaced(
            quote_id=self.id,
            number=self.number,
            quote_version=self.quote_version,
            replaced_by=replaced_by,
            customer_id=self.customer_id,
            **self.scope,
        )

    def _put_lines(self, lines: Sequence[LineValues]) -> None:
        if not lines:
            raise QuoteIsEmpty("a quote has at least one line", pointer="/lines")
        self.lines = [QuoteLine.of(line_no, line) for line_no, line in enumerate(lines, start=1)]
        self.total = total_of((line.amount for line in lines), self.places)

    def _check_open(self) -> None:
        if self.state != QuoteState.SENT:
            raise QuoteNotOpen(f"the quote is {self.state}")

    def _check_move(self, to: QuoteState) -> None:
        if to not in ALLOWED[self.state]:
            raise QuoteMoveNotAllowed(
                f"a quote that is {self.state} does not become {to}",
                allowed=sorted(ALLOWED[self.state]),
            )

    def _drafted(self) -> events.QuoteDrafted:
        return events.QuoteDrafted(
            **self._facts(), quote_version=self.quote_version, valid_until=self.valid_until
        )

    def _facts(self) -> dict[str, Any]:
        return {
            "quote_id": self.id,
            "number": self.number,
            "opportunity_id": self.opportunity_id,
            "customer_id": self.customer_id,
            "total": self.total,
            "currency": self.currency,
            **self.scope,
        }


class QuoteLine(Base):
    """A product of a quote; `amount` is after the discount, `price_reason` why this unit price."""

    __tablename__ = "quote_lines"
    __seen_with__ = ("quote_id", "Quote")
    # Not unique: a draft's new lines are written before its old ones are taken away.
    __table_args__ = (Index("ix_quote_lines_quote_id_line_no", "quote_id", "line_no"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    quote_id: Mapped[UUID] = mapped_column(ForeignKey("quotes.id", ondelete="CASCADE"))
    line_no: Mapped[int]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"), index=True)
    product_name: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[Decimal] = mapped_column(EXACT)
    unit_price: Mapped[Decimal] = mapped_column(EXACT)
    discount_percent: Mapped[Decimal] = mapped_column(EXACT)
    amount: Mapped[Decimal] = mapped_column(EXACT)
    is_shipped: Mapped[bool]
    delivery_on: Mapped[date | None]
    price_reason: Mapped[str | None] = mapped_column(String(300))

    @classmethod
    def of(cls, line_no: int, values: LineValues) -> "QuoteLine":
        """The line with these values."""
        return cls(
            id=new_id(),
            line_no=line_no,
            product_id=values.product_id,
            product_name=values.product_name,
            quantity=values.quantity,
            unit_price=values.unit_price,
            discount_percent=values.discount_percent,
            amount=values.amount,
            is_shipped=values.is_shipped,
            delivery_on=values.delivery_on,
            price_reason=values.price_reason,
        )

    @property
    def values(self) -> LineValues:
        """The same, for an order or another version."""
        return LineValues(
            product_id=self.product_id,
            product_name=self.product_name,
            quantity=self.quantity,
            unit_price=self.unit_price,
            discount_percent=self.discount_percent,
            amount=self.amount,
            is_shipped=self.is_shipped,
            delivery_on=self.delivery_on,
            price_reason=self.price_reason,
        )
