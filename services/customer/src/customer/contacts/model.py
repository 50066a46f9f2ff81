"""A contact and its rules."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.audit.trail import DERIVED
from common.custom_fields.columns import Extensible
from common.days import ZONE
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.pinyin import search_tokens
from common.scope import Scoped
from customer import events
from customer.db import Base


class ContactNotFound(NotFound):
    """There is no such contact, or it was removed."""

    code = "contact_not_found"


class SupervisorElsewhere(Invalid):
    """A supervisor works at the same customer and is not the contact itself."""

    code = "supervisor_elsewhere"


class PreferredHoursOpen(Invalid):
    """Preferred hours have a beginning and an end, which comes later on the same day."""

    code = "preferred_hours_open"


class SupervisorCircle(Invalid):
    """The supervisor would be supervised by the contact, directly or through others."""

    code = "supervisor_circle"


class AlreadyThere(Conflict):
    """The contact works at this customer already."""

    code = "contact_already_there"


class Contact(Aggregate, Scoped, Extensible, Base):
    """A person at a customer. Age is not stored: it follows from the birthday."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index(
            "uq_contacts_primary",
            "customer_id",
            unique=True,
            postgresql_where=text("is_primary AND deleted_at IS NULL"),
        ),
        Index("ix_contacts_name_id", "name", "id"),
        Index("ix_contacts_created_at_id", "created_at", "id"),
        Index(
            "ix_contacts_search_tokens",
            "search_tokens",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
        Index(
            "ix_contacts_without_tokens",
            "id",
            postgresql_where=text("search_tokens IS NULL"),
        ),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    # Read by the database only.
    search_tokens: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), deferred=True, info=DERIVED
    )
    sex: Mapped[str | None] = mapped_column(String(20))
    birthday: Mapped[date | None]
    department: Mapped[str | None] = mapped_column(String(120))
    position: Mapped[str | None] = mapped_column(String(120))
    supervisor_id: Mapped[UUID | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    # Who of our own people that is, or who knows the person best.
    employee_id: Mapped[UUID | None] = mapped_column(index=True)
    office_phone: Mapped[str | None] = mapped_column(String(40))
    mobile_phone: Mapped[str | None] = mapped_column(String(40))
    home_phone: Mapped[str | None] = mapped_column(String(40))
    fax: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(200))
    hobby: Mapped[str | None] = mapped_column(String(300))
    notes: Mapped[str | None] = mapped_column(Text)
    is_primary: Mapped[bool] = mapped_column(default=False)
    preferred_channel: Mapped[str | None] = mapped_column(String(20))
    preferred_from: Mapped[time | None]
    preferred_until: Mapped[time | None]
    is_opted_out: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    deleted_at: Mapped[datetime | None]

    @classmethod
    def add(cls, **profile: Any) -> tuple["Contact", events.ContactAdded]:
        """A new contact."""
        profile.setdefault("is_primary", False)
        contact = cls(search_tokens=search_tokens(profile["name"]), **profile)
        contact._check_hours()
        return contact, events.ContactAdded(**contact._facts())

    def age_on(self, today: date) -> int | None:
        """Full years since birth; a birthday on 29 February counts from 1 March in other years."""
        if self.birthday is None:
            return None
        had_birthday = (today.month, today.day) >= (self.birthday.month, self.birthday.day)
        return today.year - self.birthday.year - (not had_birthday)

    def update(self, changes: dict[str, Any]) -> events.ContactUpdated | None:
        """Change what is known; None when every value is the same already."""
        changed = False
        for name, value in changes.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                changed = True
        if changed and "name" in changes:
            self.search_tokens = search_tokens(self.name)
        self._check_hours()
        return events.ContactUpdated(**self._facts()) if changed else None

    def good_moment(self, now: datetime) -> datetime:
        """The first moment from now on in the hours that the contact prefers, of the organisation's
        zone; now, where it prefers none."""
        if self.preferred_from is None or self.preferred_until is None:
            return now
        local = now.astimezone(ZONE)
        begins = local.replace(
            hour=self.preferred_from.hour,
            minute=self.preferred_from.minute,
            second=0,
            microsecond=0,
        )
        if local < begins:
            return begins.astimezone(UTC)
        if local.time() < self.preferred_until:
            return now
        return (begins + timedelta(days=1)).astimezone(UTC)

    def check_supervisor(self, supervisor: "Contact | None", above: Iterable[UUID] = ()) -> None:
        """Refuse a supervisor from elsewhere, oneself, and one whose supervisors include oneself.

        `above` are the supervisor and everybody above. Raises SupervisorElsewhere, SupervisorCircle.
        """
        if (
            supervisor is None
            or supervisor.deleted_at is not None
            or supervisor.customer_id != self.customer_id
            or supervisor.id == self.id
        ):
            raise SupervisorElsewhere(
                "a supervisor is another contact of the same customer", pointer="/supervisor_id"
            )
        if self.id in set(above):
            raise SupervisorCircle(
                "the supervisor is supervised by this contact", pointer="/supervisor_id"
            )

    def move(
        self, *, customer_id: UUID, scope: dict[str, Any], reason: str, by: str, now: datetime
    ) -> tuple["ContactMove", events.ContactMoved]:
        """Work for another customer from now on; supervisor and being primary stay behind."""
        if customer_id == self.customer_id:
            raise AlreadyThere("the contact works there already", pointer="/customer_id")
        move = ContactMove(
            contact_id=self.id,
            from_customer_id=self.customer_id,
            to_customer_id=customer_id,
            reason=reason,
            moved_by=by,
            moved_at=now,
        )
        self.customer_id, self.supervisor_id, self.is_primary = customer_id, None, False
        for name, value in scope.items():
            setattr(self, name, value)
        return move, events.ContactMoved(
            **self._facts(), from_customer_id=move.from_customer_id, reason=reason
        )

    def remove(self, now: datetime) -> events.ContactRemoved | None:
        """Take the contact out of use; None when that was done already."""
        if self.deleted_at is not None:
            return None
        self.deleted_at = now
        return events.ContactRemoved(contact_id=self.id, customer_id=self.customer_id)

    def _check_hours(self) -> None:
        begins, ends = self.preferred_from, self.preferred_until
        if (begins is None) != (ends is None) or (begins and ends and begins >= ends):
            raise PreferredHoursOpen(
                "preferred hours need a beginning and a later end", pointer="/preferred_until"
            )

    def _facts(self) -> dict[str, Any]:
        return {
            "contact_id": self.id,
            "customer_id": self.customer_id,
            "position": self.position,
            "is_primary": self.is_primary,
            **self.scope,
        }


class ContactMove(Base):
    """That a contact went from one customer to another, and when."""

    __tablename__ = "contact_moves"
    __seen_with__ = ("contact_id", "Contact")
    __table_args__ = (Index("ix_contact_moves_contact", "contact_id", "moved_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("contacts.id"))
    from_customer_id: Mapped[UUID]
    to_customer_id: Mapped[UUID]
    reason: Mapped[str] = mapped_column(String(300))
    moved_by: Mapped[str] = mapped_column(String(80))
    moved_at: Mapped[datetime]
