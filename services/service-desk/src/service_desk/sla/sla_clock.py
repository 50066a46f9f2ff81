"""The arithmetic of service time: when a clock runs out, and how much of it was used.

A clock counts around the clock (no calendar) or only within the hours of a working calendar.
Everything here is a function of its arguments. Moments are aware; answers are in UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
_LOOK_AHEAD_DAYS = 1100
"""More days than a published calendar can name as special ones, so that it always opens again."""


class NeverOpen(Exception):
    """A calendar has no hours within three years: nothing can ever become due by it."""


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of service within a day, in minutes after midnight; the end is not part of it."""

    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The hours of every day of the week (1 Monday to 7 Sunday), in one time zone.

    A special day has hours of its own: none on a holiday, some on a Saturday that is worked.
    """

    zone: ZoneInfo
    week: Mapping[int, tuple[Window, ...]]
    special_days: Mapping[date, tuple[Window, ...]]

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """The hours of this day, in order."""
        special = self.special_days.get(day)
        return self.week.get(day.isoweekday(), ()) if special is None else special

    def spans_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of service time from `start` on, in order, the first one cut to it.

        Raises NeverOpen when none comes for three years.
        """
        day = start.astimezone(self.zone).date()
        empty_days = 0
        while empty_days <= _LOOK_AHEAD_DAYS:
            empty_days += 1
            for window in self.windows_on(day):
                opens = max(self._moment(day, window.opens), start)
                closes = self._moment(day, window.closes)
                if opens < closes:
                    empty_days = 0
                    yield opens, closes
            day += timedelta(days=1)
        raise NeverOpen(f"no service hours in the three years after {start:%Y-%m-%d}")

    def _moment(self, day: date, minutes: int) -> datetime:
        if minutes == DAY_MINUTES:
            day, minutes = day + timedelta(days=1), 0
        wall_clock = time(minutes // 60, minutes % 60)
        return datetime.combine(day, wall_clock, self.zone).astimezone(UTC)


def due_at(start: datetime, allowed: timedelta, calendar: WorkingCalendar | None) -> datetime:
    """The moment at which `allowed` has passed since `start`.

    Time that ends exactly with a stretch of service is due at its end, not at the next opening;
    nothing allowed is due at once. Raises NeverOpen.
    """
    if calendar is None or allowed <= timedelta():
        return start + max(allowed, timedelta())
    left = allowed
    for opens, closes in calendar.spans_from(start):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise AssertionError("spans_from ends by raising")


def counted(start: datetime, end: datetime, calendar: WorkingCalendar | None) -> timedelta:
    """How much service time lies between the two moments; none when they are in reverse."""
    if end <= start:
        return timedelta()
    if calendar is None:
        return end - start
    total = timedelta()
    for opens, closes in calendar.spans_from(start):
        if opens >= end:
            break
        total += min(closes, end) - opens
    return total
