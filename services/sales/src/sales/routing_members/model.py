"""A routing member and its rules."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, String, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from sales import events
from sales.db import Base


class MemberState(StrEnum):
    """Whether routed leads go to the member; more may follow."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class RoutingMemberNotFound(NotFound):
    """There is no such member."""

    code = "routing_member_not_found"


class AlreadyRoutingMember(Conflict):
    """The employee takes routed leads already: `existing_id`."""

    code = "already_routing_member"


class AbsenceEndsBeforeStart(Invalid):
    """An absence has a last day that is not before its first."""

    code = "absence_ends_before_start"


class RoutingMember(Aggregate, Base):
    """An employee who takes routed leads.

    `quota` is the share against the others of a team: with 2, twice as many as with 1. `capacity` is
    how many open leads the employee can look after, whoever gave them; None is any number. Absences
    are days, the first and the last among them.
    """

    __tablename__ = "routing_members"
    __table_args__ = (
        Index("ix_routing_members_team_ids", "team_ids", postgresql_using="gin"),
        Index("ix_routing_members_created_at_id", "created_at", "id"),
    )

    employee_id: Mapped[UUID] = mapped_column(unique=True)
    team_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    quota: Mapped[Decimal] = mapped_column(Numeric(8, 2))
    capacity: Mapped[int | None]
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text))
    territory_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    absences: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(20))

    @classmethod
    def enrol(cls, **values: Any) -> tuple["RoutingMember", events.RoutingMemberChanged]:
        """Somebody new who takes routed leads."""
        member = cls(state=MemberState.ACTIVE, **values)
        member._check()
        return member, member._told()

    @property
    def is_active(self) -> bool:
        """Whether routed leads go to the member."""
        return self.state == MemberState.ACTIVE

    def is_absent_on(self, day: date) -> bool:
        """Whether the member is not there that day."""
        return any(first <= day <= last for first, last in self._periods())

    def update(self, changes: dict[str, Any]) -> events.RoutingMemberChanged | None:
        """Change what the member takes and when; None when every value is the same already."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        for name, value in changes.items():
            setattr(self, name, value)
        self._check()
        return self._told()

    def _periods(self) -> Sequence[tuple[date, date]]:
        return [
            (date.fromisoformat(each["from_on"]), date.fromisoformat(each["to_on"]))
            for each in self.absences
        ]

    def _check(self) -> None:
        for place, (first, last) in enumerate(self._periods()):
            if last < first:
                raise AbsenceEndsBeforeStart(
                    f"an absence from {first} cannot end on {last}",
                    pointer=f"/absences/{place}/to_on",
                )

    def _told(self) -> events.RoutingMemberChanged:
        return events.RoutingMemberChanged(
            member_id=self.id,
            employee_id=self.employee_id,
            team_ids=self.team_ids,
            quota=self.quota,
            capacity=self.capacity,
            state=self.state,
        )


class RoutingBalance(Base):
    """What a member was entitled to and got in a team so far, in leads; it goes on with each lead."""

    __tablename__ = "routing_balances"

    team_id: Mapped[UUID] = mapped_column(ForeignKey("routing_teams.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("routing_members.id"), primary_key=True)
    entitled: Mapped[Decimal] = mapped_column(Numeric(24, 12))
    assigned: Mapped[int]
    last_assigned_at: Mapped[datetime | None]
