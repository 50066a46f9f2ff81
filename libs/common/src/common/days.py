"""Civil days of the organisation, for dates that are told apart from moments."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
"""The organisation's zone; it decides on which day something happened."""


def day_of(moment: datetime) -> date:
    """The day on which an aware moment falls for the organisation."""
    return moment.astimezone(ZONE).date()
