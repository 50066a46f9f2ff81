"""A routing team and its rules."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Invalid, NotFound
from sales import events
from sales.db import Base


class TeamState(StrEnum):
    """Whether leads go to the team; more may follow."""

    ACTIVE = "active"
    CLOSED = "closed"


class RoutingTeamNotFound(NotFound):
    """There is no such team."""

    code = "routing_team_not_found"


class RoutingTeamNotKnown(Invalid):
    """The request names a team that is not there."""

    code = "routing_team_not_known"


class RoutingTeam(Aggregate, Base):
    """People who get leads together. Its row is the lock under which the team's leads are shared."""

    __tablename__ = "routing_teams"
    __table_args__ = (Index("ix_routing_teams_name_id", "name", "id"),)

    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(20))

    @classmethod
    def form(cls, *, name: str) -> tuple["RoutingTeam", events.RoutingTeamChanged]:
        """A new team, of nobody yet."""
        team = cls(name=name, state=TeamState.ACTIVE)
        return team, team._told()

    @property
    def is_active(self) -> bool:
        """Whether leads go to the team."""
        return self.state == TeamState.ACTIVE

    def update(self, changes: dict[str, Any]) -> events.RoutingTeamChanged | None:
        """Rename, close or open it again; None when every value is the same already."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        for name, value in changes.items():
            setattr(self, name, value)
        return self._told()

    def _told(self) -> events.RoutingTeamChanged:
        return events.RoutingTeamChanged(team_id=self.id, name=self.name, state=self.state)


def fairness_of(shares: list[tuple[Decimal, int]]) -> Decimal | None:
    """How fairly leads were shared: 1 is exactly by quota, 0 is all to the wrong people.

    Each pair is what somebody was entitled to and what they got, in leads. It is the part of the
    leads that went where the quota wanted them; None where there were none.
    """
    given = sum(assigned for _, assigned in shares)
    if not given:
        return None
    astray = sum((abs(entitled - assigned) for entitled, assigned in shares), Decimal(0)) / 2
    return (1 - astray / given).quantize(Decimal("0.0001"))
