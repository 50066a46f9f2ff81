"""Letting a quote go out with a larger discount than its seller may give.

What is approved are figures, not a quote: an approval holds the fingerprint of the quote as it was
asked for, and lets exactly that go out. A draft that is changed afterwards has to be asked for anew.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import Conflict, Forbidden
from common.ids import new_id
from sales import events
from sales.db import Base
from sales.products.model import EXACT
from sales.quotes.model import Quote, QuoteIsFrozen, QuoteState


class ApprovalState(StrEnum):
    """How far the asking for a discount is; more may follow."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    LAPSED = "lapsed"


class DiscountNotExceeded(Conflict):
    """The discount is one that you may give: the quote can be sent."""

    code = "discount_not_exceeded"


class DiscountPending(Conflict):
    """Somebody has asked for this discount already."""

    code = "discount_pending"


class NoDiscountToDecide(Conflict):
    """Nobody asks for the discount of this quote."""

    code = "no_discount_to_decide"


class QuoteChangedSince(Conflict):
    """The quote is not the one that was asked for."""

    code = "quote_changed_since"


class ApproverIsRequester(Forbidden):
    """Whoever asks does not decide: that takes a second person."""

    code = "approver_is_requester"


class QuoteApproval(Base):
    """Somebody asked to give a quote's discount, and somebody else decided."""

    __tablename__ = "quote_approvals"
    __seen_with__ = ("quote_id", "Quote")
    __table_args__ = (
        Index(
            "uq_quote_approvals_pending",
            "quote_id",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_quote_approvals_quote_id", "quote_id"),
        Index("ix_quote_approvals_requested_at_id", "requested_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    quote_id: Mapped[UUID] = mapped_column(ForeignKey("quotes.id", ondelete="CASCADE"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    discount_percent: Mapped[Decimal | None] = mapped_column(EXACT)
    total: Mapped[Decimal] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(20))
    requested_by: Mapped[str] = mapped_column(String(80))
    requested_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(80))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None] = mapped_column(String(300))

    @classmethod
    def request(
        cls, quote: Quote, *, limit: Decimal, reason: str, by: str, now: datetime
    ) -> tuple["QuoteApproval", events.QuoteDiscountRequested]:
        """Ask to send the quote as it stands, though it is below `limit` percent of discount."""
        if quote.state != QuoteState.DRAFT:
            raise QuoteIsFrozen(f"the quote is {quote.state}")
        if not quote.exceeds(limit):
            raise DiscountNotExceeded(f"you may give {limit}% of discount: send the quote")
        approval = cls(
            id=new_id(),
            quote_id=quote.id,
            fingerprint=quote.fingerprint,
            discount_percent=quote.largest_discount,
            total=quote.total,
            currency=quote.currency,
            reason=reason,
            state=ApprovalState.PENDING,
            requested_by=by,
            requested_at=now,
        )
        return approval, events.QuoteDiscountRequested(
            quote_id=quote.id,
            number=quote.number,
            quote_version=quote.quote_version,
            customer_id=quote.customer_id,
            approval_id=approval.id,
            discount_percent=approval.discount_percent,
            total=quote.total,
            currency=quote.currency,
            reason=reason,
            **quote.scope,
        )

    def decide(
        self, quote: Quote, *, is_approved: bool, reason: str, by: str, now: datetime
    ) -> events.QuoteDiscountDecided:
        """Let the quote go out as it was asked for, or not; never by who asked."""
        if by == self.requested_by:
            raise ApproverIsRequester("somebody else decides on what you asked for")
        if quote.fingerprint != self.fingerprint:
            raise QuoteChangedSince("the quote is not the one that was asked for")
        self.state = ApprovalState.APPROVED if is_approved else ApprovalState.REJECTED
        self.decided_by, self.decided_at, self.decision_reason = by, now, reason
        return events.QuoteDiscountDecided(
            quote_id=quote.id,
            number=quote.number,
            quote_version=quote.quote_version,
            customer_id=quote.customer_id,
            approval_id=self.id,
            is_approved=is_approved,
            total=quote.total,
            currency=quote.currency,
            reason=reason,
            **quote.scope,
        )
