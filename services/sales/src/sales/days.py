"""Civil dates: the day it is where the organisation works."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


def day_of(moment: datetime) -> date:
    """The civil date of an aware moment."""
    return moment.astimezone(ZONE).date()
