"""Months of civil days, as the reports are asked and answered by."""

from datetime import date, timedelta


def begins_month(day: date) -> bool:
    """Whether a month begins on this day."""
    return day.day == 1


def ends_month(day: date) -> bool:
    """Whether a month ends with this day."""
    return (day + timedelta(days=1)).day == 1


def months_between(first: str, last: str) -> list[str]:
    """Every month from `first` to `last`, as YYYY-MM."""
    (year, month), end = map(int, first.split("-")), tuple(map(int, last.split("-")))
    months = []
    while (year, month) <= end:
        months.append(f"{year:04d}-{month:02d}")
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return months
