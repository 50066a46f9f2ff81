"""A lead and its rules."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text, and_, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.audit.trail import ONLY_THAT_IT_CHANGED
from common.custom_fields.columns import Extensible
from common.errors import Conflict, Forbidden, NotFound
from common.match_keys import email_key, name_key, phone_key
from common.scope import Scoped
from sales import events
from sales.db import Base
from sales.leads.conditions import THERE, LeadField
from sales.leads.scoring import BUILT_IN, Scoring
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


class DuplicatePolicy(StrEnum):
    """What is done about a new lead that is one we have already."""

    BLOCK = "block"
    WARN = "warn"
    LINK = "link"


class HowMoved(StrEnum):
    """How a lead came to somebody or went from them; more may follow."""

    MANUAL = "manual"
    ROUTED = "routed"
    CLAIMED = "claimed"
    HANDED_OVER = "handed_over"
    RELEASED = "released"
    IDLE = "idle"
    UNROUTED = "unrouted"


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


class ClientKeyUsed(Conflict):
    """Another lead was captured under this client key: `existing_id`, where you may see it."""

    code = "client_key_used"


class LeadHasOwner(Conflict):
    """The lead is somebody's; it is taken from the pool, not from them."""

    code = "lead_has_owner"


class LeadHasNoOwner(Conflict):
    """The lead lies in the pool already."""

    code = "lead_has_no_owner"


class LeadNotYours(Forbidden):
    """Whoever does not assign leads gives back his own ones only."""

    code = "lead_not_yours"


class LeadNotLost(Conflict):
    """Only a lost lead is reopened."""

    code = "lead_not_lost"


class ContactNeedsName(Conflict):
    """The lead names nobody, so there is no person to take on as contact."""

    code = "contact_needs_name"


@dataclass(frozen=True, slots=True)
class Suspected:
    """Who may be the same as a new lead, and the keys that say so: email, phone or name."""

    kind: str
    id: UUID
    number: str | None
    reasons: tuple[str, ...]

    @property
    def is_certain(self) -> bool:
        """Whether it is the same person: people of one company share its name."""
        return not {"email", "phone"}.isdisjoint(self.reasons)


class Lead(Aggregate, Scoped, Extensible, Base):
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
        Index("ix_leads_email_key", "email_key"),
        Index("ix_leads_phone_key", "phone_key"),
        Index("ix_leads_name_key", "name_key"),
        Index(
            "uq_leads_client_key",
            "source",
            "client_key",
            unique=True,
            postgresql_where=text("client_key IS NOT NULL"),
        ),
        Index("ix_leads_awaits_routing", "rank", "id", postgresql_where=text("awaits_routing")),
        Index(
            "ix_leads_idle",
            "touched_at",
            "id",
            postgresql_where=text("state = 'assigned' AND owner_id IS NOT NULL"),
        ),
        Index(
            "ix_leads_pool",
            "department_id",
            "region_id",
            postgresql_where=text("state = 'new' AND owner_id IS NULL"),
        ),
        Index(
            "ix_leads_scored_by",
            "score_rules_version",
            "id",
            postgresql_where=text("state IN ('new', 'assigned')"),
        ),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    company: Mapped[str | None] = mapped_column(String(200))
    contact_name: Mapped[str | None] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(40))
    city: Mapped[str | None] = mapped_column(String(80))
    industry: Mapped[str | None] = mapped_column(String(60))
    employee_count: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(40), index=True)
    campaign: Mapped[str | None] = mapped_column(String(80))
    lead_class: Mapped[str | None] = mapped_column(String(40), index=True)
    consent_at: Mapped[datetime | None]
    client_key: Mapped[str | None] = mapped_column(String(120))
    client_key_digest: Mapped[str | None] = mapped_column(String(64))
    name_key: Mapped[str | None] = mapped_column(String(200))
    email_key: Mapped[str | None] = mapped_column(String(200), info=ONLY_THAT_IT_CHANGED)
    phone_key: Mapped[str | None] = mapped_column(String(40), info=ONLY_THAT_IT_CHANGED)
    duplicate_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("leads.id"), index=True)
    suspected_duplicates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
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
    assigned_how: Mapped[str | None] = mapped_column(String(20))
    awaits_routing: Mapped[bool] = mapped_column(default=False)
    touched_at: Mapped[datetime]
    contacted_at: Mapped[datetime | None]
    converted_at: Mapped[datetime | None]
    opportunity_id: Mapped[UUID | None]
    contact_id: Mapped[UUID | None]
    made_customer: Mapped[bool] = mapped_column(default=False)
    made_contact: Mapped[bool] = mapped_column(default=False)
    lost_reason: Mapped[str | None] = mapped_column(String(300))
    lost_reason_code: Mapped[str | None] = mapped_column(String(40))
    is_disqualified: Mapped[bool] = mapped_column(default=False)
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))

    @classmethod
    def capture(
        cls,
        *,
        number: int,
        now: datetime,
        priority: str | None = None,
        scoring: Scoring = BUILT_IN,
        suspected: Sequence[Suspected] = (),
        on_duplicate: DuplicatePolicy = DuplicatePolicy.BLOCK,
        **facts: Any,
    ) -> tuple["Lead", events.LeadCaptured]:
        """A new lead, scored; without a priority it has that of its rating.

        Raises LeadAlreadyThere where a `suspected` lead is surely the same and `on_duplicate` does
        not say otherwise. Who has no owner yet waits to be routed.
        """
        same = next(
            (other for other in suspected if other.kind == "lead" and other.is_certain), None
        )
        if same is not None and on_duplicate == DuplicatePolicy.BLOCK:
            raise LeadAlreadyThere(
                f"lead {same.number} has the same e-mail address or phone number",
                existing_id=str(same.id),
            )
        lead = cls(
            number=f"L{now:%Y}-{number:06d}",
            state=LeadState.NEW,
            priority=priority,
            priority_is_set=priority is not None,
            touched_at=now,
            made_customer=False,
            made_contact=False,
            is_disqualified=False,
            suspected_duplicates=[
                {**asdict(other), "id": str(other.id), "reasons": list(other.reasons)}
                for other in suspected
            ],
            **facts,
        )
        if same is not None and on_duplicate == DuplicatePolicy.LINK:
            lead.duplicate_of_id = same.id
        lead.awaits_routing = lead.owner_id is None
        lead._take_keys()
        lead._take_score(scoring)
        return lead, events.LeadCaptured(
            **lead._facts(),
            custom=lead.said_values,
            customer_id=lead.customer_id,
            product_id=lead.product_id,
            campaign=lead.campaign,
            lead_class=lead.lead_class,
            duplicate_of_id=lead.duplicate_of_id,
        )

    @property
    def is_open(self) -> bool:
        """Whether it can still become a deal."""
        return self.state in OPEN_STATES

    @property
    def is_converted(self) -> bool:
        """Whether it became a deal."""
        return self.state == LeadState.CONVERTED

    @property
    def facts(self) -> dict[str, str | None]:
        """What conditions may ask; of personal data only that it is there."""
        flags = {
            LeadField.REACHABLE: self.email or self.phone,
            LeadField.EMAIL: self.email,
            LeadField.PHONE: self.phone,
            LeadField.COMPANY: self.company,
            LeadField.NEED: self.need,
            LeadField.CONSENT: self.consent_at,
        }
        found: dict[str, str | None] = {}
        for asked in LeadField:
            if asked in flags:
                found[asked] = THERE if flags[asked] else None
            else:
                value = getattr(self, asked)
                found[asked] = None if value is None else str(value)
        return found

    def update(
        self, changes: dict[str, Any], *, now: datetime, scoring: Scoring = BUILT_IN
    ) -> events.LeadUpdated | None:
        """Change what is known and score anew; None when every value is the same already."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return None
        self._check_open()
        if "priority" in differing:
            self.priority_is_set = differing["priority"] is not None
        for name, value in differing.items():
            setattr(self, name, value)
        self.touched_at = now
        self._take_keys()
        self._take_score(scoring)
        return events.LeadUpdated(**self._facts(), custom=self.said_values)

    def rescore(self, scoring: Scoring) -> events.LeadScored:
        """Score an open lead by another version of the rules."""
        self._check_open()
        from_version, from_score = self.score_rules_version, self.score
        self._take_score(scoring)
        return events.LeadScored(
            lead_id=self.id,
            policy_version=self.score_rules_version,
            from_policy_version=from_version,
            score=self.score,
            from_score=from_score,
            rating=self.rating,
            **self.scope,
        )

    def assign(
        self,
        *,
        assignee_id: UUID,
        department_id: UUID | None,
        reason: str,
        now: datetime,
        how: HowMoved = HowMoved.MANUAL,
    ) -> events.LeadAssigned:
        """Give the lead to somebody, for a reason that is kept."""
        self._check_open()
        before = self.owner_id
        self.owner_id, self.state = assignee_id, LeadState.ASSIGNED
        self.department_id = department_id or self.department_id
        self.assigned_at, self.assign_reason, self.assigned_how = now, reason, how
        self.touched_at, self.awaits_routing = now, False
        return events.LeadAssigned(
            lead_id=self.id,
            assignee_id=assignee_id,
            reason=reason,
            how=how,
            from_owner_id=before,
            **self.scope,
        )

    def check_in_pool(self) -> None:
        """Refuse a lead that is closed, or somebody's."""
        self._check_open()
        if self.owner_id is not None:
            raise LeadHasOwner("the lead belongs to somebody")

    def release(self, *, how: HowMoved, reason: str, now: datetime) -> events.LeadReleased:
        """Put the lead back into the pool of its department and region; its owner loses it."""
        self._check_open()
        if self.owner_id is None:
            raise LeadHasNoOwner("the lead lies in the pool already")
        before, self.owner_id = self.owner_id, None
        self.state, self.touched_at = LeadState.NEW, now
        self.assigned_at = self.assign_reason = self.assigned_how = None
        return events.LeadReleased(
            lead_id=self.id, from_owner_id=before, cause=how, reason=reason, **self.scope
        )

    def leave_unrouted(self, *, policy_version: int, reason: str) -> events.LeadLeftUnrouted:
        """Let it lie in the pool: the rules found nobody, and do not look again."""
        self.check_in_pool()
        self.awaits_routing = False
        return events.LeadLeftUnrouted(
            lead_id=self.id, policy_version=policy_version, reason=reason, **self.scope
        )

    def note_contact(self, *, now: datetime) -> events.LeadContacted:
        """Write down that its owner spoke with it: it is not idle."""
        self._check_open()
        if self.owner_id is None:
            raise LeadHasNoOwner("take the lead from the pool first")
        self.contacted_at = self.touched_at = now
        return events.LeadContacted(lead_id=self.id, contacted_at=now, **self.scope)

    def convert(
        self,
        *,
        customer_id: UUID,
        opportunity_id: UUID,
        contact_id: UUID | None,
        now: datetime,
        make_customer: bool = False,
        make_contact: bool = False,
    ) -> events.LeadConverted:
        """Become the opportunity of a customer; what it makes exists from now on under these ids.

        Raises ContactNeedsName when a contact is to be made of nobody.
        """
        self._check_open()
        if make_contact and self.person is None:
            raise ContactNeedsName("say who the person is: contact_name")
        self.state, self.converted_at = LeadState.CONVERTED, now
        self.customer_id, self.awaits_routing = customer_id, False
        self.opportunity_id, self.contact_id = opportunity_id, contact_id
        self.made_customer, self.made_contact = make_customer, make_contact
        return events.LeadConverted(
            lead_id=self.id,
            customer_id=customer_id,
            opportunity_id=opportunity_id,
            contact_id=contact_id,
            source=self.source,
            converted_at=now,
            new_customer=self._new_customer(with_person=not make_contact)
            if make_customer
            else None,
            new_contact=self._new_contact() if make_contact else None,
            **self.scope,
        )

    @property
    def person(self) -> str | None:
        """Who to speak with: the person named, or the lead where it is a person itself."""
        if self.contact_name is None and self.kind == LeadKind.PERSON:
            return self.name
        return self.contact_name

    @property
    def party(self) -> str:
        """Who would be the customer: the company, or the person where it is none."""
        if self.kind == LeadKind.PERSON:
            return self.company or self.contact_name or self.name
        return self.company or self.name

    def lose(
        self, *, reason: str, reason_code: str | None = None, disqualified: bool = False
    ) -> events.LeadLost:
        """Give the lead up, for a reason; `disqualified`: there never was anything to it."""
        self._check_open()
        self.state, self.awaits_routing = LeadState.LOST, False
        self.lost_reason, self.lost_reason_code = reason, reason_code
        self.is_disqualified = disqualified
        return events.LeadLost(
            lead_id=self.id,
            reason=reason,
            reason_code=reason_code,
            disqualified=disqualified,
            **self.scope,
        )

    def reopen(self, *, reason: str, now: datetime, scoring: Scoring) -> events.LeadReopened:
        """Follow a lost lead up again: with its owner, or from the pool where it has none."""
        if self.state != LeadState.LOST:
            raise LeadNotLost(f"the lead is {self.state}")
        self.state = LeadState.NEW if self.owner_id is None else LeadState.ASSIGNED
        self.lost_reason = self.lost_reason_code = None
        self.is_disqualified, self.touched_at = False, now
        self._take_score(scoring)
        return events.LeadReopened(lead_id=self.id, reason=reason, **self.scope)

    def _new_customer(self, *, with_person: bool) -> events.NewCustomer:
        # How to reach the person goes with the contact, where there is one.
        return events.NewCustomer(
            name=self.party,
            kind=LeadKind.COMPANY if self.company else self.kind,
            industry=self.industry,
            city=self.city,
            employee_count=self.employee_count,
            email=self.email if with_person else None,
            phone=self.phone if with_person else None,
        )

    def _new_contact(self) -> events.NewContact:
        assert self.person is not None
        return events.NewContact(name=self.person, email=self.email, phone=self.phone)

    def _take_keys(self) -> None:
        self.name_key = name_key(self.party)
        self.email_key, self.phone_key = email_key(self.email), phone_key(self.phone)

    def _take_score(self, scoring: Scoring) -> None:
        scored = scoring.score(self.facts)
        self.score, self.score_rules_version = scored.points, scored.rules_version
        self.score_contributions = [asdict(part) for part in scored.contributions]
        self.rating = scored.rating
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


def in_pool() -> ColumnElement[bool]:
    """The condition that a lead lies in the pool, for queries: open, and nobody's."""
    return and_(Lead.state == LeadState.NEW, Lead.owner_id.is_(None))
