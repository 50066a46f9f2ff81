"""An interaction and its rules."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Invalid, NotFound
from common.scope import Scoped
from customer import events
from customer.db import Base


class Channel(StrEnum):
    """How something was said; more may follow."""

    PHONE = "phone"
    EMAIL = "email"
    VISIT = "visit"
    SOCIAL = "social"
    CHAT = "chat"
    MEETING = "meeting"


class Direction(StrEnum):
    """Who began."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class InteractionNotFound(NotFound):
    """There is no such interaction."""

    code = "interaction_not_found"


class InteractionInTheFuture(Invalid):
    """What is logged has happened; what is planned is a follow-up."""

    code = "interaction_in_the_future"


class NextStep(StrEnum):
    """What an interaction becomes in one step; more may follow."""

    OPPORTUNITY = "opportunity"
    TICKET = "ticket"


LONGEST_NEED = 4000
TICKET_CHANNELS = {"email": "email", "visit": "visit", "chat": "chat"}
"""The channels that the service desk knows by the same name; the others were spoken, or written elsewhere."""


class Interaction(Aggregate, Scoped, Base):
    """What was said with a customer; a correction keeps the old text."""

    __tablename__ = "interactions"
    __table_args__ = (
        Index("ix_interactions_customer", "customer_id", "occurred_at", "id"),
        Index("ix_interactions_occurred_at_id", "occurred_at", "id"),
        Index("ix_interactions_needs", "needs", postgresql_using="gin"),
        Index("ix_interactions_problems", "problems", postgresql_using="gin"),
        Index(
            "ix_interactions_promised_on",
            "promised_on",
            postgresql_where=text("promised_on IS NOT NULL"),
        ),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    also_contact_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    employee_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    opportunity_id: Mapped[UUID | None] = mapped_column(index=True)
    contract_id: Mapped[UUID | None] = mapped_column(index=True)
    ticket_id: Mapped[UUID | None] = mapped_column(index=True)
    with_partner_id: Mapped[UUID | None] = mapped_column(index=True)
    promised_on: Mapped[date | None]
    needs: Mapped[list[str]] = mapped_column(ARRAY(String(60)), default=list)
    problems: Mapped[list[str]] = mapped_column(ARRAY(String(60)), default=list)
    channel: Mapped[str] = mapped_column(String(20))
    direction: Mapped[str] = mapped_column(String(20))
    occurred_at: Mapped[datetime]
    subject: Mapped[str] = mapped_column(String(200))
    content: Mapped[str | None] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)
    logged_by: Mapped[str] = mapped_column(String(80))
    earlier_texts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)

    @classmethod
    def log(
        cls, *, by: str, now: datetime, **what: Any
    ) -> tuple["Interaction", events.InteractionLogged]:
        """Write down what was said."""
        if what["occurred_at"] > now + timedelta(minutes=5):
            raise InteractionInTheFuture("an interaction lies in the past", pointer="/occurred_at")
        for kind in ("needs", "problems"):
            what[kind] = _tidied(what.get(kind) or [])
        for people in ("also_contact_ids", "employee_ids"):
            what[people] = list(dict.fromkeys(what.get(people) or []))
        interaction = cls(logged_by=by, earlier_texts=[], **what)
        return interaction, events.InteractionLogged(
            contact_id=interaction.contact_id, **interaction._links(), **interaction._facts()
        )

    def correct(
        self, changes: dict[str, Any], *, by: str, now: datetime
    ) -> events.InteractionCorrected | None:
        """Correct the record; the replaced texts are kept. None when nothing differs."""
        replaced = {
            name: getattr(self, name)
            for name, value in changes.items()
            if getattr(self, name) != value
        }
        if not replaced:
            return None
        self.earlier_texts = [
            *self.earlier_texts,
            {"replaced_at": now.isoformat(), "replaced_by": by, "texts": replaced},
        ]
        for name in replaced:
            setattr(self, name, changes[name])
        return events.InteractionCorrected(**self._facts())

    def tag(
        self, *, needs: Sequence[str], problems: Sequence[str]
    ) -> events.InteractionTagged | None:
        """Say which needs and problems came up, instead of what was said before; None when nothing
        differs."""
        wanted = _tidied(needs), _tidied(problems)
        if wanted == (self.needs, self.problems):
            return None
        self.needs, self.problems = wanted
        return events.InteractionTagged(
            interaction_id=self.id,
            customer_id=self.customer_id,
            needs=self.needs,
            problems=self.problems,
            **self.scope,
        )

    def link(self, links: dict[str, UUID | None]) -> events.InteractionLinked | None:
        """Say to what the interaction belongs; None when it is so already."""
        differing = {name: value for name, value in links.items() if getattr(self, name) != value}
        if not differing:
            return None
        for name, value in differing.items():
            setattr(self, name, value)
        return events.InteractionLinked(
            interaction_id=self.id, customer_id=self.customer_id, **self._links(), **self.scope
        )

    def command_for(self, step: NextStep) -> dict[str, Any]:
        """The body of the command that opens an opportunity or a ticket from this interaction.

        It carries the interaction's id as that of the record's origin, so that whoever sends it twice
        opens one.
        """
        said = "\n".join(part for part in (self.content, self.result) if part) or None
        owner = {"owner_id": str(self.owner_id)} if self.owner_id else {}
        origin = {"external_source": "interaction", "external_id": str(self.id)}
        if step == NextStep.OPPORTUNITY:
            need = "; ".join(self.needs) or said
            return {
                "name": self.subject,
                "customer_id": str(self.customer_id),
                "need": need[:LONGEST_NEED] if need else None,
                **owner,
                **origin,
            }
        return {
            "subject": self.subject,
            "description": said,
            "category": "complaint" if self.problems else "enquiry",
            "channel": TICKET_CHANNELS.get(self.channel, "phone"),
            "channel_message_id": f"interaction:{self.id}",
            "customer_id": str(self.customer_id),
            "contact_id": str(self.contact_id) if self.contact_id else None,
            **origin,
        }

    def _links(self) -> dict[str, Any]:
        return {
            name: getattr(self, name)
            for name in ("opportunity_id", "contract_id", "ticket_id", "with_partner_id")
        }

    def _facts(self) -> dict[str, Any]:
        return {
            "interaction_id": self.id,
            "customer_id": self.customer_id,
            "channel": self.channel,
            "direction": self.direction,
            "occurred_at": self.occurred_at,
            **self.scope,
        }


def _tidied(tags: Sequence[str]) -> list[str]:
    """The tags as they are counted: lower case, single spaces, each once, in order of the alphabet."""
    return sorted({" ".join(tag.casefold().split()) for tag in tags})
