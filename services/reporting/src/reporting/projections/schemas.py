"""Output of the projection endpoint."""

from pydantic import BaseModel


class ProjectionsRebuilt(BaseModel):
    """The figures are made anew, from so many events."""

    events: int
