"""A partner and its rules."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from channel import events
from channel.db import Base
from common.aggregate import Aggregate
from common.custom_fields.columns import Extensible
from common.errors import Conflict, NotFound
from common.ids import new_id
from common.scope import Scoped


class PartnerKind(StrEnum):
    """How a partner sells: a dealer for itself, an agent for us; more may follow."""

    DEALER = "dealer"
    AGENT = "agent"


class PartnerTier(StrEnum):
    """The partner's standing with us, from the lowest; more may follow."""

    REGISTERED = "registered"
    SILVER = "silver"
    GOLD = "gold"
    PLATINUM = "platinum"


class PartnerState(StrEnum):
    """Whether we sell through the partner."""

    PROSPECT = "prospect"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


ALLOWED: Mapping[str, frozenset[str]] = {
    PartnerState.PROSPECT: frozenset({PartnerState.ACTIVE, PartnerState.ENDED}),
    PartnerState.ACTIVE: frozenset({PartnerState.SUSPENDED, PartnerState.ENDED}),
    PartnerState.SUSPENDED: frozenset({PartnerState.ACTIVE, PartnerState.ENDED}),
    PartnerState.ENDED: frozenset(),
}
"""The moves of a partner's state; the end is final."""


class PartnerNotFound(NotFound):
    """There is no such partner."""

    code = "partner_not_found"


class PartnerExternalIdTaken(Conflict):
    """Another partner carries this id of the other system."""

    code = "external_id_taken"


class PartnerMoveNotAllowed(Conflict):
    """The partner's state does not allow this."""

    code = "partner_move_not_allowed"


class PartnerNotReady(Conflict):
    """Something that we need of a partner before we sell through it is missing."""

    code = "partner_not_ready"


class TierUnchanged(Conflict):
    """The partner has this tier already."""

    code = "tier_unchanged"


class PartnerChange(Base):
    """One change of a partner's tier or state, with its reason; never changed afterwards."""

    __tablename__ = "partner_changes"
    __seen_with__ = ("partner_id", "Partner")
    __table_args__ = (Index("ix_partner_changes_partner", "partner_id", "changed_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    what: Mapped[str] = mapped_column(String(20))
    before: Mapped[str | None] = mapped_column(String(20))
    after: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(300))
    changed_on: Mapped[date]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(80))
    partner: Mapped["Partner"] = relationship(lazy="raise")


class Partner(Aggregate, Scoped, Extensible, Base):
    """A firm through which we sell. Its own rows are scoped to it: `partner_id` is its id."""

    __tablename__ = "partners"
    __table_args__ = (
        Index(
            "uq_partners_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_partners_name_id", "name", "id"),
        Index("ix_partners_created_at_id", "created_at", "id"),
        Index("ix_partners_updated_at_id", "updated_at", "id"),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    tier: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    contact_name: Mapped[str | None] = mapped_column(String(120))
    phone: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(200))
    homepage: Mapped[str | None] = mapped_column(String(300))
    country: Mapped[str | None] = mapped_column(String(80))
    city: Mapped[str | None] = mapped_column(String(80))
    address: Mapped[str | None] = mapped_column(String(300))
    postcode: Mapped[str | None] = mapped_column(String(20))
    tax_id: Mapped[str | None] = mapped_column(String(40))
    notes: Mapped[str | None] = mapped_column(Text)
    onboarded_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))

    @classmethod
    def register(
        cls, *, number: int, now: datetime, **profile: Any
    ) -> tuple["Partner", events.PartnerRegistered]:
        """A new prospective partner; the number stays for ever."""
        profile.setdefault("tier", PartnerTier.REGISTERED)
        partner_id = new_id()
        partner = cls(
            id=partner_id,
            partner_id=partner_id,
            number=f"P{now:%Y}-{number:06d}",
            state=PartnerState.PROSPECT,
            **profile,
        )
        return partner, events.PartnerRegistered(**partner._facts(), custom=partner.said_values)

    def update(self, changes: dict[str, Any]) -> events.PartnerUpdated | None:
        """Change the profile; None when every value is the same already."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        for name, value in changes.items():
            setattr(self, name, value)
        return events.PartnerUpdated(**self._facts(), custom=self.said_values)

    def onboard(
        self, *, tier: str | None, on: date, by: str, now: datetime
    ) -> tuple[PartnerChange, events.PartnerOnboarded]:
        """Take the partner on, with a territory and a way to reach it; `tier` None keeps the tier.

        An employee who looks after the partner is a way as good as a phone or an e-mail address.
        """
        if self.state != PartnerState.PROSPECT:
            raise PartnerMoveNotAllowed(
                f"only a prospect is taken on; {self.number} is {self.state}", state=self.state
            )
        missing = [
            name
            for name, is_there in (
                ("region_id", self.region_id),
                ("phone, email or owner_id", self.phone or self.email or self.owner_id),
            )
            if not is_there
        ]
        if missing:
            raise PartnerNotReady(
                f"before {self.number} is taken on it needs: {', '.join(missing)}", missing=missing
            )
        self.tier = tier or self.tier
        self.onboarded_on = on
        change = self._go_to(PartnerState.ACTIVE, reason=None, on=on, by=by, now=now)
        return change, events.PartnerOnboarded(onboarded_on=on, **self._facts())

    def change_tier(
        self, tier: str, *, reason: str, on: date, by: str, now: datetime
    ) -> tuple[PartnerChange, events.PartnerTierChanged]:
        """Move a partner that was taken on to another tier, and write down why."""
        if self.state not in (PartnerState.ACTIVE, PartnerState.SUSPENDED):
            raise PartnerMoveNotAllowed(
                f"the tier of {self.number} does not change: it is {self.state}", state=self.state
            )
        if tier == self.tier:
            raise TierUnchanged(f"{self.number} is {tier} already")
        before, self.tier = self.tier, tier
        change = self._written_down("tier", before, tier, reason=reason, on=on, by=by, now=now)
        return change, events.PartnerTierChanged(
            from_tier=before, tier=tier, reason=reason, changed_on=on, **self.scope
        )

    def suspend(
        self, *, reason: str, on: date, by: str, now: datetime
    ) -> tuple[PartnerChange, events.PartnerSuspended]:
        """Put business with the partner on hold."""
        change = self._go_to(PartnerState.SUSPENDED, reason=reason, on=on, by=by, now=now)
        return change, events.PartnerSuspended(reason=reason, **self.scope)

    def reactivate(
        self, *, reason: str, on: date, by: str, now: datetime
    ) -> tuple[PartnerChange, events.PartnerReactivated]:
        """Go on with a suspended partner."""
        if self.state != PartnerState.SUSPENDED:
            raise PartnerMoveNotAllowed(
                f"only a suspended partner is reactivated; {self.number} is {self.state}",
                state=self.state,
            )
        change = self._go_to(PartnerState.ACTIVE, reason=reason, on=on, by=by, now=now)
        return change, events.PartnerReactivated(reason=reason, **self.scope)

    def end(
        self, *, reason: str, on: date, by: str, now: datetime
    ) -> tuple[PartnerChange, events.PartnerEnded, events.PartnerUpdated]:
        """Part for good.

        Told twice: what happened, and the record after it, which is all that keepers of a copy
        need to hear.
        """
        change = self._go_to(PartnerState.ENDED, reason=reason, on=on, by=by, now=now)
        self.ended_on = on
        return (
            change,
            events.PartnerEnded(reason=reason, ended_on=on, **self.scope),
            events.PartnerUpdated(**self._facts(), custom=self.said_values),
        )

    def _go_to(
        self, state: PartnerState, *, reason: str | None, on: date, by: str, now: datetime
    ) -> PartnerChange:
        if state not in ALLOWED[self.state]:
            raise PartnerMoveNotAllowed(
                f"{self.number} is {self.state} and cannot become {state}", state=self.state
            )
        before, self.state = self.state, state
        return self._written_down("state", before, state, reason=reason, on=on, by=by, now=now)

    def _written_down(
        self,
        what: str,
        before: str,
        after: str,
        *,
        reason: str | None,
        on: date,
        by: str,
        now: datetime,
    ) -> PartnerChange:
        return PartnerChange(
            partner_id=self.id,
            what=what,
            before=before,
            after=after,
            reason=reason,
            changed_on=on,
            changed_at=now,
            changed_by=by,
        )

    def _facts(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "name": self.name,
            "kind": self.kind,
            "tier": self.tier,
            "state": self.state,
            "external_source": self.external_source,
            "external_id": self.external_id,
            **self.scope,
        }
