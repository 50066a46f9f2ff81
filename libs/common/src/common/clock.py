"""The one place that reads the wall clock; rules take the time as an argument."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


async def time_of_request() -> datetime:
    """The dependency behind `Now`."""
    # FastAPI would call a plain function in a thread, which costs more than the rest of a request.
    return utc_now()


Now = Annotated[datetime, Depends(time_of_request)]
"""The time of this request, for routes."""
