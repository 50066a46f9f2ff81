"""A follow-up and its rules."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.scope import Scoped
from customer import events
from customer.contacts.model import Contact
from customer.db import Base


class FollowUpState(StrEnum):
    """How far it is; more may follow."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class Cause(StrEnum):
    """Why it is there: somebody planned it, or a reminder rule; more may follow."""

    PLANNED = "planned"
    NO_CONTACT = "no_contact"
    PROMISED_DATE = "promised_date"
    BIRTHDAY = "birthday"


class FollowUpNotFound(NotFound):
    """There is no such follow-up."""

    code = "follow_up_not_found"


class FollowUpClosed(Conflict):
    """It was done or cancelled; plan another one."""

    code = "follow_up_closed"


class FollowUpDueInPast(Invalid):
    """What is planned lies ahead; what has happened is an interaction."""

    code = "follow_up_due_in_past"


class NothingToPass(Conflict):
    """The follow-up belongs to this owner already."""

    code = "follow_up_has_this_owner"


class FollowUp(Aggregate, Scoped, Base):
    """What is to be done with a customer until `due_at`, and by whom: the owner.

    `remind_at` is when the owner is reminded: at `due_at`, or the first moment after it at which the
    contact likes to be asked. `previous_id` is the one whose closing made it.
    """

    __tablename__ = "follow_ups"
    __table_args__ = (
        Index("ix_follow_ups_customer_id", "customer_id", "due_at", "id"),
        Index("ix_follow_ups_due_at_id", "due_at", "id"),
        Index("ix_follow_ups_created_at_id", "created_at", "id"),
        Index(
            "ix_follow_ups_open",
            "owner_id",
            "due_at",
            "id",
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_follow_ups_to_remind",
            "remind_at",
            "id",
            postgresql_where=text("state = 'open' AND reminded_at IS NULL"),
        ),
        Index(
            "uq_follow_ups_cause_key",
            "cause_key",
            unique=True,
            postgresql_where=text("cause_key IS NOT NULL"),
        ),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    previous_id: Mapped[UUID | None] = mapped_column(ForeignKey("follow_ups.id"))
    interaction_id: Mapped[UUID | None] = mapped_column(ForeignKey("interactions.id"))
    subject: Mapped[str] = mapped_column(String(200))
    notes: Mapped[str | None] = mapped_column(Text)
    channel: Mapped[str | None] = mapped_column(String(20))
    due_at: Mapped[datetime]
    remind_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(20))
    cause: Mapped[str] = mapped_column(String(20))
    cause_key: Mapped[str | None] = mapped_column(String(200))
    planned_by: Mapped[str] = mapped_column(String(80))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(80))
    outcome: Mapped[str | None] = mapped_column(Text)

    @classmethod
    def plan(
        cls,
        *,
        by: str,
        now: datetime,
        contact: Contact | None = None,
        cause: Cause = Cause.PLANNED,
        **what: Any,
    ) -> tuple["FollowUp", events.FollowUpPlanned]:
        """Plan what is to be done; a contact is asked in the way and at the hours it prefers."""
        if what["due_at"] < now:
            raise FollowUpDueInPast("a follow-up is due later than now", pointer="/due_at")
        if contact is not None:
            what["contact_id"] = contact.id
            what["channel"] = what.get("channel") or contact.preferred_channel
        follow_up = cls(
            state=FollowUpState.OPEN,
            cause=cause,
            planned_by=by,
            remind_at=_good_moment(contact, what["due_at"]),
            **what,
        )
        return follow_up, events.FollowUpPlanned(
            **follow_up._facts(), cause=cause, previous_id=follow_up.previous_id
        )

    def is_overdue(self, now: datetime) -> bool:
        """Whether it should have been done."""
        return self.state == FollowUpState.OPEN and self.due_at < now

    def change(
        self, changes: dict[str, Any], *, contact: Contact | None, now: datetime
    ) -> events.FollowUpChanged | None:
        """Plan it otherwise; None when every value is the same already. `contact` is the one that it
        has afterwards. Another time reminds again."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return None
        self._check_open()
        if differing.get("due_at", now) < now:
            raise FollowUpDueInPast("a follow-up is due later than now", pointer="/due_at")
        for name, value in differing.items():
            setattr(self, name, value)
        if "due_at" in differing or "contact_id" in differing:
            self.remind_at = _good_moment(contact, self.due_at)
        if "due_at" in differing:
            self.reminded_at = None
        return events.FollowUpChanged(**self._facts())

    def remind(self, *, now: datetime) -> events.FollowUpDue:
        """Tell the owner that it is time; once for each time it is due."""
        self._check_open()
        self.reminded_at = now
        return events.FollowUpDue(**self._facts(), cause=self.cause)

    def postpone_reminder(self, remind_at: datetime) -> events.FollowUpChanged:
        """Wait until the contact likes to be asked; it stays due when it is due."""
        self.remind_at = remind_at
        return events.FollowUpChanged(**self._facts())

    def complete(self, *, outcome: str | None, by: str, now: datetime) -> events.FollowUpCompleted:
        """Say that it is done."""
        self._close(FollowUpState.DONE, outcome, by, now)
        return events.FollowUpCompleted(
            follow_up_id=self.id,
            customer_id=self.customer_id,
            due_at=self.due_at,
            closed_at=now,
            **self.scope,
        )

    def cancel(self, *, reason: str, by: str, now: datetime) -> events.FollowUpCancelled:
        """Give it up."""
        self._close(FollowUpState.CANCELLED, reason, by, now)
        return events.FollowUpCancelled(
            follow_up_id=self.id, customer_id=self.customer_id, reason=reason, **self.scope
        )

    def pass_on(
        self, *, owner_id: UUID | None, department_id: UUID | None, reason: str
    ) -> events.FollowUpPassedOn:
        """Give it to somebody else; to nobody, where the customer lies in the pool."""
        self._check_open()
        if self.owner_id == owner_id:
            raise NothingToPass("the follow-up belongs to this owner already")
        before, self.owner_id = self.owner_id, owner_id
        self.department_id = department_id or self.department_id
        return events.FollowUpPassedOn(
            follow_up_id=self.id,
            customer_id=self.customer_id,
            from_owner_id=before,
            reason=reason,
            **self.scope,
        )

    def _close(self, state: FollowUpState, outcome: str | None, by: str, now: datetime) -> None:
        self._check_open()
        self.state, self.outcome, self.closed_by, self.closed_at = state, outcome, by, now

    def _check_open(self) -> None:
        if self.state != FollowUpState.OPEN:
            raise FollowUpClosed(f"the follow-up is {self.state}")

    def _facts(self) -> dict[str, Any]:
        return {
            "follow_up_id": self.id,
            "customer_id": self.customer_id,
            "contact_id": self.contact_id,
            "channel": self.channel,
            "due_at": self.due_at,
            **self.scope,
        }


def _good_moment(contact: Contact | None, due_at: datetime) -> datetime:
    return due_at if contact is None else contact.good_moment(due_at)
