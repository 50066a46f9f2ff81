"""Policies and calendars: immutable versions; a ticket keeps the one it began with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.errors import Invalid, NotFound
from service_desk import events
from service_desk.db import Base
from service_desk.sla import sla_clock
from service_desk.sla.sla_clock import Window, WorkingCalendar


class Level(StrEnum):
    """How many are hit (impact), or how soon it hurts (urgency)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Priority(StrEnum):
    """In which order tickets are worked on; more may follow."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class CalendarNotFound(NotFound):
    """There is no such calendar version."""

    code = "calendar_not_found"


class CalendarNotKnown(Invalid):
    """The policy names a calendar version that does not exist."""

    code = "calendar_not_known"


class PolicyNotFound(NotFound):
    """There is no such policy version."""

    code = "policy_not_found"


class PolicyFromThePast(Invalid):
    """A policy counts from now or later: what was opened before was promised something else."""

    code = "policy_from_the_past"


class NoPolicyInForce(Invalid):
    """No policy was in force when the ticket was opened."""

    code = "no_policy_in_force"


class SlaCalendar(Aggregate, Base):
    """A version of the hours of service."""

    __tablename__ = "sla_calendars"
    __table_args__ = (UniqueConstraint("name", "revision"),)

    name: Mapped[str] = mapped_column(String(60))
    revision: Mapped[int]
    zone: Mapped[str] = mapped_column(String(60))
    windows: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    special_days: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    published_at: Mapped[datetime]
    published_by: Mapped[str] = mapped_column(String(80))

    @classmethod
    def publish(
        cls, *, by: str, now: datetime, **hours: Any
    ) -> tuple["SlaCalendar", events.CalendarPublished]:
        """A new version; it counts where a policy names it."""
        calendar = cls(published_at=now, published_by=by, **hours)
        return calendar, events.CalendarPublished(
            calendar_id=calendar.id, name=calendar.name, revision=calendar.revision
        )

    @cached_property
    def working_calendar(self) -> WorkingCalendar:
        """The hours as the clock reads them."""
        week: dict[int, tuple[Window, ...]] = {}
        for row in self.windows:
            week[row["weekday"]] = (*week.get(row["weekday"], ()), _window(row))
        return WorkingCalendar(
            ZoneInfo(self.zone),
            {weekday: tuple(sorted(day, key=_opening)) for weekday, day in week.items()},
            {
                date.fromisoformat(row["on"]): tuple(
                    sorted((_window(window) for window in row["windows"]), key=_opening)
                )
                for row in self.special_days
            },
        )


def _window(row: dict[str, Any]) -> Window:
    return Window(minutes_of(row["opens"]), minutes_of(row["closes"]))


def _opening(window: Window) -> int:
    return window.opens


def minutes_of(wall_clock: str) -> int:
    """Minutes after midnight of `HH:MM`; `24:00` ends a day."""
    hours, minutes = wall_clock.split(":")
    return int(hours) * 60 + int(minutes)


@dataclass(frozen=True, slots=True)
class Target:
    """What a policy promises for one priority."""

    response_minutes: int
    solution_minutes: int
    around_the_clock: bool

    @property
    def response(self) -> timedelta:
        """The time to the first response."""
        return timedelta(minutes=self.response_minutes)

    @property
    def solution(self) -> timedelta:
        """The time to the solution."""
        return timedelta(minutes=self.solution_minutes)


class SlaPolicy(Aggregate, Base):
    """A version of the promise: priority by impact and urgency, minutes by priority."""

    __tablename__ = "sla_policies"
    __table_args__ = (Index("ix_sla_policies_effective_at", "effective_at", "revision"),)

    revision: Mapped[int] = mapped_column(unique=True)
    effective_at: Mapped[datetime]
    calendar_id: Mapped[UUID] = mapped_column(ForeignKey("sla_calendars.id"))
    priorities: Mapped[dict[str, dict[str, str]]] = mapped_column(JSONB)
    targets: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(String(300))
    published_at: Mapped[datetime]
    published_by: Mapped[str] = mapped_column(String(80))

    calendar: Mapped[SlaCalendar] = relationship(lazy="raise", innerjoin=True)

    @classmethod
    def publish(
        cls, *, by: str, now: datetime, effective_at: datetime, **promise: Any
    ) -> tuple["SlaPolicy", events.PolicyPublished]:
        """A new version, for tickets opened from `effective_at` on."""
        if effective_at < now:
            raise PolicyFromThePast(
                "a policy counts from now or from a later moment", pointer="/effective_at"
            )
        policy = cls(published_at=now, published_by=by, effective_at=effective_at, **promise)
        return policy, events.PolicyPublished(
            policy_id=policy.id,
            revision=policy.revision,
            effective_at=effective_at,
            calendar_id=policy.calendar_id,
        )

    def priority_for(self, impact: Level, urgency: Level) -> Priority:
        """The priority that this impact and urgency give."""
        return Priority(self.priorities[impact][urgency])

    def target(self, priority: str) -> Target:
        """What is promised for this priority."""
        return Target(**self.targets[priority])

    def due_at(self, priority: str, start: datetime, allowed: timedelta) -> datetime:
        """When `allowed` has passed since `start`, as this priority counts."""
        return sla_clock.due_at(start, allowed, self._calendar_for(priority))

    def counted(self, priority: str, start: datetime, end: datetime) -> timedelta:
        """The time between the two moments, as this priority counts."""
        return sla_clock.counted(start, end, self._calendar_for(priority))

    def _calendar_for(self, priority: str) -> WorkingCalendar | None:
        return None if self.target(priority).around_the_clock else self.calendar.working_calendar


def in_force(policies: Sequence[SlaPolicy], at: datetime) -> SlaPolicy:
    """The policy that counts for a ticket opened at this moment.

    Of two from the same moment the later version counts. Raises NoPolicyInForce.
    """
    begun = [policy for policy in policies if policy.effective_at <= at]
    if not begun:
        raise NoPolicyInForce(f"no policy was in force at {at.isoformat()}", pointer="/opened_at")
    return max(begun, key=lambda policy: (policy.effective_at, policy.revision))
