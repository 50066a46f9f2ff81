"""What became of a record that another system brought in."""

from enum import StrEnum


class Outcome(StrEnum):
    """The answer of every `bring_in` use case, as imports report it."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
