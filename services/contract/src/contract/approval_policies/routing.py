"""Which steps a contract goes through: the bands of a policy, and the policy of a new firm."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

Band = dict[str, Any]
"""`{"below": "100000", "steps": ["manager"]}`; `below` is null in the last band."""

BUILT_IN_VERSION = 0
"""The number of the policy that is in force until one is published."""
BUILT_IN_BANDS: Sequence[Band] = (
    {"below": "100000", "steps": ["manager"]},
    {"below": None, "steps": ["manager", "finance"]},
)


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one contract: who agrees, one after the other, and by which policy."""

    policy_version: int
    steps: Sequence[str]
    checklist: Sequence[str] = ()
    """What the submitter must confirm to have checked."""


def steps_for(total: Decimal, bands: Sequence[Band]) -> Sequence[str]:
    """The steps of the first band that `total` lies below."""
    for band in bands:
        if band["below"] is None or total < Decimal(band["below"]):
            steps: Sequence[str] = band["steps"]
            return steps
    raise ValueError("the last band of a policy has no upper bound")


def flaw_of(bands: Sequence[Band]) -> str | None:
    """What is wrong with the bands, in words; None when they are whole."""
    if not bands or bands[-1]["below"] is not None:
        return "the last band has no upper bound, so that every amount has its steps"
    bounds = [band["below"] for band in bands[:-1]]
    if any(bound is None for bound in bounds):
        return "only the last band is without an upper bound"
    amounts = [Decimal(bound) for bound in bounds]
    if any(later <= earlier for earlier, later in pairwise(amounts)):
        return "each band reaches further than the one before"
    for band in bands:
        if not band["steps"]:
            return "every band has a step: nothing is approved by nobody"
        if len(set(band["steps"])) != len(band["steps"]):
            return "a step stands in a band once"
    return None
