"""A move of a lead, with everything that a routed one was decided by."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import Conflict, NotFound
from common.ids import new_id
from sales.db import Base
from sales.leads.deficits import Asked, Decision, decide


class LeadAssignmentNotFound(NotFound):
    """The lead was not moved so."""

    code = "lead_assignment_not_found"


class NotRouted(Conflict):
    """Somebody decided this by hand; there is nothing to work out again."""

    code = "not_routed"


class LeadAssignment(Base):
    """One move of a lead: to somebody, back to the pool, or nowhere because nobody was found.

    A row is written once. `asked` and `decision` are there when the rules decided.
    """

    __tablename__ = "lead_assignments"
    __seen_with__ = ("lead_id", "Lead")
    __table_args__ = (
        Index("ix_lead_assignments_lead_id", "lead_id", "id"),
        Index(
            "ix_lead_assignments_team",
            "team_id",
            "happened_at",
            postgresql_where=text("team_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    lead_id: Mapped[UUID] = mapped_column(ForeignKey("leads.id"))
    happened_at: Mapped[datetime]
    how: Mapped[str] = mapped_column(String(20))
    from_owner_id: Mapped[UUID | None]
    to_owner_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(String(300))
    by: Mapped[str] = mapped_column(String(80))
    policy_version: Mapped[int | None]
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("routing_teams.id"))
    rule: Mapped[str | None] = mapped_column(String(40))
    decided_by: Mapped[str | None] = mapped_column(String(20))
    asked: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    decision: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    @property
    def made(self) -> Decision | None:
        """The decision, where the rules decided."""
        return None if self.decision is None else Decision.model_validate(self.decision)

    def decide_again(self) -> Decision:
        """Who gets the lead, worked out from what was kept; raises NotRouted."""
        if self.asked is None:
            raise NotRouted(f"the lead was {self.how}, not routed")
        return decide(Asked.model_validate(self.asked))
