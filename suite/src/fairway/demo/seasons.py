"""When an industrial firm in China closes its deals: quarter ends are busy, New Year is not.

Plain functions of their arguments.
"""

import calendar
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

CHINESE_NEW_YEAR = {
    2023: date(2023, 1, 22),
    2024: date(2024, 2, 10),
    2025: date(2025, 1, 29),
    2026: date(2026, 2, 17),
    2027: date(2027, 2, 6),
    2028: date(2028, 1, 26),
    2029: date(2029, 2, 13),
    2030: date(2030, 2, 3),
    2031: date(2031, 1, 23),
    2032: date(2032, 2, 11),
    2033: date(2033, 1, 31),
    2034: date(2034, 2, 19),
    2035: date(2035, 2, 8),
}
_HOLIDAY_BEFORE, _HOLIDAY_AFTER = timedelta(days=7), timedelta(days=9)
_QUARTER_END_MONTHS = (3, 6, 9, 12)


def is_new_year(day: date) -> bool:
    """Whether the day lies in the weeks around Chinese New Year, in which nobody signs."""
    # Years the table does not have get the middle of what the feast can be.
    feast = CHINESE_NEW_YEAR.get(day.year, date(day.year, 2, 5))
    return feast - _HOLIDAY_BEFORE <= day <= feast + _HOLIDAY_AFTER


def weight_of(day: date) -> float:
    """How much of the business falls on this day; 1 is an ordinary working day."""
    if day.isoweekday() > 5:
        return 0.0
    if is_new_year(day):
        return 0.05
    if day.month == 10 and day.day <= 7:
        return 0.05
    last = calendar.monthrange(day.year, day.month)[1]
    weight = 1.0
    if day.month in _QUARTER_END_MONTHS:
        weight = 2.6 if day.day > last - 10 else 1.1
    if day.month == 12 and day.day > last - 10:
        weight += 0.8
    return weight


def days_between(first: date, last: date) -> list[date]:
    """All days, both ends included."""
    return [first + timedelta(days=place) for place in range((last - first).days + 1)]


def share_out(total: int, weights: Sequence[float]) -> list[int]:
    """Whole parts in proportion to the weights that add up to `total`; largest remainders first."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts


def closing_days(random: Random, total: int, first: date, last: date) -> list[date]:
    """So many days between the two, as the season has it, in order.

    Months get their share exactly; within a month the days are drawn.
    """
    months: dict[tuple[int, int], list[date]] = {}
    for day in days_between(first, last):
        months.setdefault((day.year, day.month), []).append(day)
    weights = [sum(map(weight_of, days)) for days in months.values()]
    drawn: list[date] = []
    for count, days in zip(share_out(total, weights), months.values(), strict=True):
        # A month that has only just begun may have no working day yet.
        if count:
            drawn += random.choices(days, [weight_of(day) for day in days], k=count)
    return sorted(drawn)


def months_between(first: date, last: date) -> list[tuple[date, date]]:
    """The full months between the two days: first and last day of each."""
    found: list[tuple[date, date]] = []
    begin = first.replace(day=1)
    while True:
        end = begin.replace(day=calendar.monthrange(begin.year, begin.month)[1])
        if end > last:
            return found
        if begin >= first:
            found.append((begin, end))
        begin = end + timedelta(days=1)


def months_before(day: date, count: int) -> date:
    """The first day of the month that lies so many months before the day's."""
    place = day.year * 12 + day.month - 1 - count
    return date(place // 12, place % 12 + 1, 1)
