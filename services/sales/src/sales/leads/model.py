"""A lead and its rules."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.leads.scoring import LeadFacts, Score, rating_of, score
from sales.products.model import EXACT


class LeadState(StrEnum):
    """How far a lead is; more may follow."""

    NEW = "new"
    ASSIGNED = "assigned"
    CONVERTED = "converted"
    LOST = "lost"


class LeadKind(StrEnum):
    """What a lead is; more may follow."""

    COMPANY = "company"
    PERSON = "person"


class Priority(StrEnum):
    """What is worked on first."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


OPEN_STATES = frozenset({LeadState.NEW, LeadState.ASSIGNED})
PRIORITY_OF_RATING = {"hot": Priority.HIGH, "warm": Priority.NORMAL, "cold": Priority.LOW}
"""Where nobody says otherwise."""
_PLACE = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}


class LeadNotFound(NotFound):
    """There is no such lead."""

    code = "lead_not_found"


class LeadClosed(Conflict):
    """The lead is converted or lost already."""

    code = "lead_closed"


class LeadAlreadyThere(Conflict):
    """An open lead has the same e-mail address or phone number: `existing_id`."""

    code = "lead_already_there"


class LeadNeedsCustomer(Invalid):
    """A lead becomes the opportunity of a customer: create the customer first and name it."""

    code = "lead_needs_customer"


class Lead(Aggregate, Scoped, Base):
    """Somebody who may want to buy. Its owner is whom it is assigned to."""

    __tablename__ = "leads"
    __table_args__ = (
        Index(
            "uq_leads_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_leads_rank_id", "rank", "id"),
        Index("ix_leads_created_at_id", "created_at", "id"),
        Index("ix_leads_updated_at_id", "updated_at", "id"),
        Index("ix_leads_email", "email"),
        Index("ix_leads_phone_digits", "phone_digits"),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    company: Mapped[str | None] = mapped_column(String(200))
    contact_name: Mapped[str | None] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(40))
    phone_digits: Mapped[str | None] = mapped_column(String(40))
    city: Mapped[str | None] = mapped_column(String(80))
    industry: Mapped[str | None] = mapped_column(String(60))
    employee_count: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(40), index=True)
    campaign: Mapped[str | None] = mapped_column(String(80))
    need: Mapped[str | None] = mapped_column(Text)
    budget: Mapped[Decimal | None] = mapped_column(EXACT)
    currency: Mapped[str] = mapped_column(String(3))
    product_id: Mapped[UUID | None] = mapped_column(ForeignKey("products.id"))
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(String(20))
    score: Mapped[int]
    score_rules_version: Mapped[int]
    score_contributions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    rating: Mapped[str] = mapped_column(String(20))
    priority: Mapped[str] = mapped_column(String(20))
    priority_is_set: Mapped[bool]
    rank: Mapped[int]
    assigned_at: Mapped[datetime | None]
    assign_reason: Mapped[str | None] = mapped_column(String(300))
    converted_at: Mapped[datetime | None]
    opportunity_id: Mapped[UUID | None]
    contact_id: Mapped[UUID | None]
    lost_reason: Mapped[str | None] = mapped_column(String(300))
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))

    @classmethod
    def capture(
        cls, *, number: int, now: datetime, priority: str | None = None, **facts: Any
    ) -> tuple["Lead", events.LeadCaptured]:
        """A new lead, scored; without a priority it has that of its rating."""
        lead = cls(
            number=f"L{now:%Y}-{number:06d}",
            state=LeadState.NEW,
            priority=priority,
            priority_is_set=priority is not None,
            phone_digits=digits_of(facts.get("phone")),
            **facts,
        )
        lead._take_score()
        return lead, events.LeadCaptured(
            **lead._facts(),
            customer_id=lead.customer_id,
            product_id=lead.product_id,
            campaign=lead.campaign,
        )

    @property
    def is_open(self) -> bool:
        """Whether it can still become a deal."""
        return self.state in OPEN_STATES

    @property
    def is_converted(self) -> bool:
        """Whether it became a deal."""
        return self.state == LeadState.CONVERTED

    def update(self, changes: dict[str, Any]) -> events.LeadUpdated | None:
        """Change what is known and score anew; None when every value is the same already."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return None
        self._check_open()
        if "priority" in differing:
            self.priority_is_set = differing["priority"] is not None
        for name, value in differing.items():
            setattr(self, name, value)
        self.phone_digits = digits_of(self.phone)
        self._take_score()
        return events.LeadUpdated(**self._facts())

    def assign(
        self, *, assignee_id: UUID, department_id: UUID | None, reason: str, now: datetime
    ) -> events.LeadAssigned:
        """Give the lead to somebody, for a reason that is kept."""
        self._check_open()
        self.owner_id, self.state = assignee_id, LeadState.ASSIGNED
        self.department_id = department_id or self.department_id
        self.assigned_at, self.assign_reason = now, reason
        return events.LeadAssigned(
            lead_id=self.id, assignee_id=assignee_id, reason=reason, **self.scope
        )

    def convert(
        self,
        *,
        customer_id: UUID,
        opportunity_id: UUID,
        contact_id: UUID | None,
        now: datetime,
    ) -> events.LeadConverted:
        """Become the opportunity of a customer."""
        self._check_open()
        self.state, self.converted_at = LeadState.CONVERTED, now
        self.customer_id = customer_id
        self.opportunity_id, self.contact_id = opportunity_id, contact_id
        return events.LeadConverted(
            lead_id=self.id,
            customer_id=customer_id,
            opportunity_id=opportunity_id,
            contact_id=contact_id,
            **self.scope,
        )

    def lose(self, *, reason: str) -> events.LeadLost:
        """Give the lead up, for a reason."""
        self._check_open()
        self.state, self.lost_reason = LeadState.LOST, reason
        return events.LeadLost(lead_id=self.id, reason=reason, **self.scope)

    def _take_score(self) -> None:
        scored: Score = score(
            LeadFacts(
                source=self.source,
                has_email=self.email is not None,
                has_phone=self.phone is not None,
                has_company=self.kind == LeadKind.COMPANY,
                has_need=bool(self.need),
                has_product=self.product_id is not None,
                is_customer=self.customer_id is not None,
                budget=self.budget,
                employee_count=self.employee_count,
            )
        )
        self.score, self.score_rules_version = scored.points, scored.rules_version
        self.score_contributions = [asdict(part) for part in scored.contributions]
        self.rating = rating_of(scored.points)
        if not self.priority_is_set:
            self.priority = PRIORITY_OF_RATING[self.rating]
        # One number to sort by: the priority first, then the better score.
        self.rank = _PLACE[Priority(self.priority)] * 1000 + 100 - self.score

    def _check_open(self) -> None:
        if not self.is_open:
            raise LeadClosed(f"the lead is {self.state}")

    def _facts(self) -> dict[str, Any]:
        return {
            "lead_id": self.id,
            "number": self.number,
            "name": self.name,
            "source": self.source,
            "score": self.score,
            "rating": self.rating,
            **self.scope,
        }


def digits_of(phone: str | None) -> str | None:
    """The last eleven digits of a phone number, which are the same with and without +86."""
    if phone is None:
        return None
    return "".join(sign for sign in phone if sign.isdigit())[-11:] or None
