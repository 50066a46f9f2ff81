"""What is asked of a report, and what the facts answer: figures by the key of the grouping."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from reporting.days import begins_month, ends_month

AnySelect = Select[*tuple[Any, ...]]
Key = UUID | str | None
"""The id of a region, product, person or partner, the name of a month or stage; None for what is
not assigned, and for everything where nothing is grouped."""
Base = dict[str, Decimal | int]
"""Sums and counts by name; what is shown is computed from them, so that totals are never averages
of averages."""
Figures = dict[Key, Base]


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of one run of a report; a missing day means no limit on that side."""

    group_by: str | None
    first_day: date | None = None
    last_day: date | None = None
    currency: str | None = None
    filters: Mapping[str, UUID] = field(default_factory=dict)
    partners_only: bool = False
    """Count only what has a partner."""

    @property
    def is_by_product(self) -> bool:
        """Whether a deal counts with its lines of a product, not as a whole."""
        return self.group_by == "product" or "product" in self.filters

    @property
    def is_of_whole_months(self) -> bool:
        """Whether sums by month can answer it."""
        return (self.first_day is None or begins_month(self.first_day)) and (
            self.last_day is None or ends_month(self.last_day)
        )


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of facts: its figures, and a query for the first and last day it knows."""

    figures: Callable[[AsyncSession, Question], Awaitable[Figures]]
    days: Callable[[Question], AnySelect]


def merged(*parts: Figures) -> Figures:
    """Several figures as one; what a key lacks in one part comes from another."""
    whole: Figures = defaultdict(dict)
    for part in parts:
        for key, base in part.items():
            whole[key] = added(whole[key], base)
    return dict(whole)


def added(left: Base, right: Base) -> Base:
    """The sums of both."""
    return {
        name: left.get(name, 0) + right.get(name, 0)
        for name in (*left, *(name for name in right if name not in left))
    }
