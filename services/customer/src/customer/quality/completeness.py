"""How complete a record is: the share of what counts, by weight, that is filled in.

    completeness = 100 * (sum of the weights of filled fields) / (sum of all weights), rounded down

so that 100 is said only where nothing is missing. A company is asked for other fields than a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COMPANY = {
    "phone": 3,
    "email": 2,
    "industry": 2,
    "tax_number": 2,
    "address": 2,
    "city": 1,
    "employee_count": 1,
    "homepage": 1,
    "primary_contact": 3,
}
PERSON = {"phone": 3, "email": 2, "city": 1, "address": 1}
CONTACT = {
    "mobile_phone": 3,
    "email": 2,
    "position": 2,
    "department": 1,
    "birthday": 1,
    "preferred_channel": 1,
}
NEEDED = frozenset({"phone", "industry", "city", "mobile_phone"})
"""What is missing of these is an issue, and not only a lower figure."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """The figure in percent, and the fields that are missing, those that count most first."""

    percent: int
    missing: tuple[str, ...]

    @property
    def needed(self) -> tuple[str, ...]:
        """The missing fields that are an issue."""
        return tuple(field for field in self.missing if field in NEEDED)


def completeness_of(values: Mapping[str, Any], weights: Mapping[str, int]) -> Completeness:
    """The completeness of a record with these values; no value and an empty one are missing."""
    missing = [field for field in weights if _is_missing(values.get(field))]
    missing.sort(key=lambda field: -weights[field])
    lost = sum(weights[field] for field in missing)
    whole = sum(weights.values())
    return Completeness(100 * (whole - lost) // whole, tuple(missing))


def _is_missing(value: Any) -> bool:
    # No employees is an answer.
    return value is None or value is False or value == ""
