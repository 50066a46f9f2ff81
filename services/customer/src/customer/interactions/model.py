"""An interaction and its rules."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.dialects.postgresql import JSONB
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


class Interaction(Aggregate, Scoped, Base):
    """What was said with a customer; a correction keeps the old text."""

    __tablename__ = "interactions"
    __table_args__ = (
        Index("ix_interactions_customer", "customer_id", "occurred_at", "id"),
        Index("ix_interactions_occurred_at_id", "occurred_at", "id"),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contacts.id"), index=True)
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
        interaction = cls(logged_by=by, earlier_texts=[], **what)
        return interaction, events.InteractionLogged(
            contact_id=interaction.contact_id, **interaction._facts()
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

    def _facts(self) -> dict[str, Any]:
        return {
            "interaction_id": self.id,
            "customer_id": self.customer_id,
            "channel": self.channel,
            "direction": self.direction,
            "occurred_at": self.occurred_at,
            **self.scope,
        }
