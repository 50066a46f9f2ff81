"""A contact and its rules."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Invalid, NotFound
from common.scope import Scoped
from customer import events
from customer.db import Base


class ContactNotFound(NotFound):
    """There is no such contact, or it was removed."""

    code = "contact_not_found"


class SupervisorElsewhere(Invalid):
    """A supervisor works at the same customer and is not the contact itself."""

    code = "supervisor_elsewhere"


class Contact(Aggregate, Scoped, Base):
    """A person at a customer. Age is not stored: it follows from the birthday."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index(
            "uq_contacts_primary",
            "customer_id",
            unique=True,
            postgresql_where=text("is_primary AND deleted_at IS NULL"),
        ),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    sex: Mapped[str | None] = mapped_column(String(20))
    birthday: Mapped[date | None]
    department: Mapped[str | None] = mapped_column(String(120))
    position: Mapped[str | None] = mapped_column(String(120))
    supervisor_id: Mapped[UUID | None] = mapped_column(ForeignKey("contacts.id"))
    office_phone: Mapped[str | None] = mapped_column(String(40))
    mobile_phone: Mapped[str | None] = mapped_column(String(40))
    home_phone: Mapped[str | None] = mapped_column(String(40))
    fax: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(200))
    hobby: Mapped[str | None] = mapped_column(String(300))
    notes: Mapped[str | None] = mapped_column(Text)
    is_primary: Mapped[bool] = mapped_column(default=False)
    deleted_at: Mapped[datetime | None]

    @classmethod
    def add(cls, **profile: Any) -> tuple["Contact", events.ContactAdded]:
        """A new contact."""
        profile.setdefault("is_primary", False)
        contact = cls(**profile)
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
        return events.ContactUpdated(**self._facts()) if changed else None

    def check_supervisor(self, supervisor: "Contact | None") -> None:
        """Refuse a supervisor from elsewhere, and oneself."""
        if (
            supervisor is None
            or supervisor.customer_id != self.customer_id
            or supervisor.id == self.id
        ):
            raise SupervisorElsewhere(
                "a supervisor is another contact of the same customer", pointer="/supervisor_id"
            )

    def remove(self, now: datetime) -> events.ContactRemoved | None:
        """Take the contact out of use; None when that was done already."""
        if self.deleted_at is not None:
            return None
        self.deleted_at = now
        return events.ContactRemoved(contact_id=self.id, customer_id=self.customer_id)

    def _facts(self) -> dict[str, Any]:
        return {
            "contact_id": self.id,
            "customer_id": self.customer_id,
            "position": self.position,
            "is_primary": self.is_primary,
            **self.scope,
        }
