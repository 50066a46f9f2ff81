"""Civil days of the organisation, for dates that are told apart from moments.

The zone is chosen when an installation is made, and is the same in every process of it: it is no
parameter that changes in operation, because days that were written down would then be days of another
zone than those beside them, and nobody could tell which (ADR 19).
"""

import os
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DEFAULT_ZONE = "Asia/Shanghai"


def zone_of(name: str) -> ZoneInfo:
    """The zone of this name; raises ValueError, so that a process with a wrong one does not start."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"FAIRWAY_ZONE is {name!r}, not the name of a time zone") from None


ZONE = zone_of(os.environ.get("FAIRWAY_ZONE") or DEFAULT_ZONE)
"""The organisation's zone; it decides on which day something happened."""


def day_of(moment: datetime) -> date:
    """The day on which an aware moment falls for the organisation."""
    return moment.astimezone(ZONE).date()
