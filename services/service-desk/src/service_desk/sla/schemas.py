"""Input and output of the policy and calendar endpoints."""

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from service_desk.sla.model import Level, Priority, minutes_of

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
WallClock = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
UtcMoment = Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))]
"""A moment with its offset; kept and told in UTC."""

_YEAR_MINUTES = 366 * 24 * 60


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone; write it as Asia/Shanghai") from None
    return name


class Hours(BaseModel):
    """From when to when, on the wall clock of the calendar's zone; `24:00` ends a day."""

    model_config = ConfigDict(extra="forbid")

    opens: WallClock
    closes: WallClock

    @model_validator(mode="after")
    def _opens_first(self) -> "Hours":
        if minutes_of(self.opens) >= minutes_of(self.closes):
            raise ValueError("opens must lie before closes; a night is two windows")
        return self


class WeekdayHours(Hours):
    """Hours of a day of the week, 1 Monday to 7 Sunday."""

    weekday: int = Field(ge=1, le=7)


class SpecialDay(BaseModel):
    """A day with hours of its own; none on a holiday."""

    model_config = ConfigDict(extra="forbid")

    on: date
    windows: list[Hours] = Field(max_length=12)

    @model_validator(mode="after")
    def _hours_lie_apart(self) -> "SpecialDay":
        _refuse_overlap(self.windows, f"{self.on}")
        return self


class CalendarPublish(BaseModel):
    """Hours of service."""

    model_config = ConfigDict(extra="forbid")

    name: Code
    zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Shanghai"
    windows: list[WeekdayHours] = Field(min_length=1, max_length=84)
    special_days: list[SpecialDay] = Field([], max_length=1000)

    @model_validator(mode="after")
    def _days_are_said_once(self) -> "CalendarPublish":
        for weekday in range(1, 8):
            _refuse_overlap(
                [window for window in self.windows if window.weekday == weekday],
                f"weekday {weekday}",
            )
        days = [special.on for special in self.special_days]
        if len(days) != len(set(days)):
            raise ValueError("a special day is named once")
        return self


def _refuse_overlap(windows: list[Hours] | list[WeekdayHours], where: str) -> None:
    ordered = sorted(windows, key=lambda window: minutes_of(window.opens))
    for earlier, later in pairwise(ordered):
        if minutes_of(later.opens) < minutes_of(earlier.closes):
            raise ValueError(f"hours of {where} overlap")


class CalendarRead(BaseModel):
    """A version of the hours of service."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    revision: int
    zone: str
    windows: list[WeekdayHours]
    special_days: list[SpecialDay]
    published_at: datetime
    published_by: str


class PriorityTarget(BaseModel):
    """Minutes to the first response and to the solution.

    They count within the hours of the policy's calendar unless `around_the_clock`.
    """

    model_config = ConfigDict(extra="forbid")

    response_minutes: int = Field(ge=1, le=_YEAR_MINUTES)
    solution_minutes: int = Field(ge=1, le=_YEAR_MINUTES)
    around_the_clock: bool = False

    @model_validator(mode="after")
    def _response_comes_first(self) -> "PriorityTarget":
        if self.response_minutes > self.solution_minutes:
            raise ValueError("the response is due before the solution")
        return self


class PolicyPublish(BaseModel):
    """What is promised for tickets opened from `effective_at` (now, when absent) on."""

    model_config = ConfigDict(extra="forbid")

    effective_at: UtcMoment | None = None
    calendar_id: UUID
    priorities: dict[Level, dict[Level, Priority]]
    targets: dict[Priority, PriorityTarget]
    reason: Line

    @model_validator(mode="after")
    def _nothing_is_left_open(self) -> "PolicyPublish":
        if set(self.priorities) != set(Level) or any(
            set(row) != set(Level) for row in self.priorities.values()
        ):
            raise ValueError("priorities names every impact, and in it every urgency")
        if set(self.targets) != set(Priority):
            raise ValueError(f"targets names every priority: {', '.join(Priority)}")
        return self


class PolicyRead(BaseModel):
    """A version of the promise; `priorities` is by impact, then urgency."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    revision: int
    effective_at: datetime
    calendar_id: UUID
    priorities: dict[str, dict[str, str]]
    targets: dict[str, PriorityTarget]
    reason: str
    published_at: datetime
    published_by: str
