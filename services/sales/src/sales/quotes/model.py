"""A quote and its rules."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.custom_fields.columns import Extensible
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.money import EXACTLY, rounded
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.exchange_rates.model import InBase, RateUsed
from sales.opportunities.model import Opportunity
from sales.products.model import EXACT
from sales.quotes.totals import (
    PLACES,
    LineValues,
    discount_of,
    settled,
    total_of,
    unsettled,
)

NO_LIMIT = Decimal(100)
"""Of discounts, in percent."""
_SETTLING = {"discount_percent", "discount_amount", "prices_include_tax"}
"""What the figures of the lines depend on, besides the lines."""


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


class DiscountNeedsApproval(Conflict):
    """The quote is further below the price lists than you may go; ask for it to be approved.

    `limit` is what you may give, `discount` what is given, in percent; null where a product has no
    price in the quote's currency, so that nobody can tell.
    """

    code = "discount_needs_approval"


class Quote(Aggregate, Scoped, Extensible, InBase, Base):
    """What we offer a customer. Versions share a number; `places` are kept for ever.

    `discount_amount` is the discount on the whole, by `discount_percent` where that is said; it is
    split over the lines. Prices contain the lines' taxes, or these come on top.
    """

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
    prices_include_tax: Mapped[bool]
    discount_percent: Mapped[Decimal | None] = mapped_column(EXACT)
    discount_amount: Mapped[Decimal] = mapped_column(EXACT)
    tax_total: Mapped[Decimal] = mapped_column(EXACT)
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
        """A new quote, or with a `number` that exists another version of it.

        The lines are as `line_amount` leaves them, here and in `redraft`.
        """
        facts.setdefault("opportunity_id", None)
        facts.setdefault("prices_include_tax", True)
        facts.setdefault("discount_percent", None)
        facts.setdefault("discount_amount", Decimal(0))
        quote = cls(
            number=number if isinstance(number, str) else f"Q{now:%Y}-{number:06d}",
            quote_version=quote_version,
            state=QuoteState.DRAFT,
            places=places,
            tax_total=Decimal(0),
            total=Decimal(0),
            lines=[],
            **facts,
        )
        quote._put_lines(lines)
        return quote, quote._drafted()

    @property
    def base_total(self) -> Decimal | None:
        """The total in the base currency, by the rate that the quote keeps."""
        return self.in_base(self.total, self.places)

    @property
    def unsettled_lines(self) -> list[LineValues]:
        """The lines without the document's discount and taxes, for another version."""
        return [
            unsettled(line.values, prices_include_tax=self.prices_include_tax)
            for line in self.lines
        ]

    @property
    def largest_discount(self) -> Decimal | None:
        """How far below the price lists the quote goes, at the line where it is furthest.

        In percent, with both discounts and whatever price was set by hand; 0 where no line is
        below. None where the lists have no price for a line.
        """
        with localcontext(EXACTLY):
            most = Decimal(0)
            for line in self.lines:
                if line.list_unit_price is None:
                    return None
                listed = line.list_unit_price * line.quantity
                if listed:
                    most = max(most, 100 - 100 * self._price_of(line) / listed)
            return rounded(most, 2)

    def exceeds(self, limit: Decimal) -> bool:
        """Whether a line is further below the price lists than `limit` percent.

        Two units of the last place are left to rounding: of the line, and of its part of the
        discount on the whole. What has no list price exceeds every limit.
        """
        if limit >= NO_LIMIT:
            return False
        of_rounding = Decimal(2).scaleb(-self.places)
        with localcontext(EXACTLY):
            return any(
                line.list_unit_price is None
                or self._price_of(line) + of_rounding
                <= line.list_unit_price * line.quantity * (100 - limit) / 100
                for line in self.lines
            )

    @property
    def fingerprint(self) -> str:
        """The same for the same figures, until when, and for no others."""
        figures = [
            [str(self.id), self.currency, self.places, self.prices_include_tax],
            [str(self.valid_until), _plain(self.discount_amount), _plain(self.total)],
            *(line.figures for line in self.lines),
        ]
        return sha256(json.dumps(figures).encode()).hexdigest()

    def redraft(
        self, changes: dict[str, Any], lines: Sequence[LineValues] | None
    ) -> events.QuoteDrafted | None:
        """Change the draft; None when nothing differs."""
        if self.state != QuoteState.DRAFT:
            raise QuoteIsFrozen(f"the quote is {self.state}: revise it to make a new version")
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing and lines is None:
            return None
        before = self.unsettled_lines
        for name, value in differing.items():
            setattr(self, name, value)
        if lines is not None:
            self._put_lines(lines)
        elif _SETTLING & differing.keys():
            self._put_lines(before)
        return self._drafted()

    def send(
        self,
        *,
        now: datetime,
        today: date,
        limit: Decimal = NO_LIMIT,
        approved: Iterable[str] = (),
    ) -> events.QuoteSent:
        """Give the quote to the customer.

        `limit` is the discount that the sender may give, in percent; `approved` are the
        fingerprints of what was approved.
        """
        self._check_move(QuoteState.SENT)
        if self.valid_until < today:
            raise ValidityInThePast(
                f"the quote is valid until {self.valid_until}", pointer="/valid_until"
            )
        if self.exceeds(limit) and self.fingerprint not in approved:
            discount = self.largest_discount
            raise DiscountNeedsApproval(
                f"you may give {limit}% of discount; ask for this to be approved",
                limit=str(limit),
                discount=None if discount is None else str(discount),
            )
        self.state, self.sent_at = QuoteState.SENT, now
        return events.QuoteSent(
            **self._facts(), quote_version=self.quote_version, valid_until=self.valid_until
        )

    def accept(
        self, *, now: datetime, today: date, rate: RateUsed | None = None
    ) -> events.QuoteAccepted:
        """The customer takes the quote, while it is valid; it keeps the `rate` of that day."""
        self._check_open()
        if today > self.valid_until:
            raise QuoteNoLongerValid(f"the quote was valid until {self.valid_until}")
        self.state, self.accepted_at = QuoteState.ACCEPTED, now
        if rate is not None:
            self.keep_rate(rate)
        return events.QuoteAccepted(
            **self._facts(),
            quote_version=self.quote_version,
            accepted_at=now,
            discount_amount=self.discount_amount,
            tax_total=self.tax_total,
            base_currency=self.base_currency,
            exchange_rate=self.exchange_rate,
            exchange_rate_on=self.exchange_rate_on,
            base_total=self.base_total,
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
                    document_discount=line.document_discount,
                    tax_percent=line.tax_percent,
                    tax_amount=line.tax_amount,
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
        if self.discount_percent is None:
            discount = self.discount_amount
        else:
            discount = discount_of(self.discount_percent, lines, self.places)
        priced = settled(
            lines,
            discount=discount,
            prices_include_tax=self.prices_include_tax,
            places=self.places,
        )
        self.lines = [QuoteLine.of(line_no, line) for line_no, line in enumerate(priced, start=1)]
        self.discount_amount = rounded(discount, self.places)
        self.tax_total = total_of((line.tax_amount for line in priced), self.places)
        self.total = total_of((line.amount for line in priced), self.places)

    def _price_of(self, line: "QuoteLine") -> Decimal:
        """What the goods of a line cost after its discounts, to be compared with the price lists."""
        return line.amount if self.prices_include_tax else line.amount - line.tax_amount

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
            **self._facts(),
            quote_version=self.quote_version,
            valid_until=self.valid_until,
            custom=self.said_values,
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
    """A product of a quote, with the values of `LineValues`.

    `price_reason` is why this unit price, where the price lists gave it; `price_basis` which of them
    were considered, and what became of each.
    """

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
    document_discount: Mapped[Decimal] = mapped_column(EXACT)
    tax_percent: Mapped[Decimal] = mapped_column(EXACT)
    tax_amount: Mapped[Decimal] = mapped_column(EXACT)
    list_unit_price: Mapped[Decimal | None] = mapped_column(EXACT)
    price_basis: Mapped[Mapping[str, Any] | None] = mapped_column(JSONB)

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
            document_discount=values.document_discount,
            tax_percent=values.tax_percent,
            tax_amount=values.tax_amount,
            list_unit_price=values.list_unit_price,
            price_basis=values.price_basis,
        )

    @property
    def net_amount(self) -> Decimal:
        """The amount without its tax."""
        return self.amount - self.tax_amount

    @property
    def figures(self) -> list[str | int | None]:
        """What of the line is approved."""
        numbers = (
            self.quantity,
            self.unit_price,
            self.discount_percent,
            self.document_discount,
            self.tax_percent,
            self.amount,
            self.list_unit_price,
        )
        return [self.line_no, str(self.product_id), *map(_plain, numbers)]

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
            document_discount=self.document_discount,
            tax_percent=self.tax_percent,
            tax_amount=self.tax_amount,
            list_unit_price=self.list_unit_price,
            price_basis=self.price_basis,
        )


def _plain(number: Decimal | None) -> str | None:
    """A number in one way of writing it, however many zeros it came with."""
    return None if number is None else f"{number.normalize(context=EXACTLY):f}"
