"""The rules of grading, classification and lifecycle, as plain functions of what they are applied to.

# beside model and use cases: rules without a record of their own
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from common.money import Currency, rounded
from customer.segments.conditions import Conditions

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
GradeCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9+]{0,9}$")]
Points = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]
Days = Annotated[int, Field(ge=1, le=3650)]
MOST_POINTS = Decimal(100)


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- grading


class Measure(StrEnum):
    """What an indicator measures of a customer; more may follow."""

    ORDER_COUNT = "order_count"
    """Orders within the days of the indicator."""
    ORDERED_AMOUNT = "ordered_amount"
    """What these cost, in the policy's currency; other currencies do not count."""
    DAYS_SINCE_ORDER = "days_since_order"
    ON_TIME_PERCENT = "on_time_percent"
    """The share of the money, in the policy's currency, that came by the day it was due."""
    CONTRACT_AMOUNT = "contract_amount"
    """Signed contracts that are in force, in the policy's currency."""
    OPEN_TICKETS = "open_tickets"
    EMPLOYEE_COUNT = "employee_count"
    ANNUAL_REVENUE = "annual_revenue"


class Band(_Rule):
    """So many points from this value on."""

    at_least: Annotated[Decimal, Field(max_digits=20, decimal_places=6)]
    points: Points


class Indicator(_Rule):
    """What is measured, and the points it gives: those of the highest band that is reached.

    Below all bands there are none; `unknown_points` where nothing is known to measure.
    """

    name: Code
    measure: Measure
    weight: Annotated[Decimal, Field(gt=0, le=1000, max_digits=8, decimal_places=4)]
    within_days: Days = 365
    bands: list[Band] = Field(min_length=1, max_length=50)
    unknown_points: Points = Decimal(0)

    def points_of(self, value: Decimal | None) -> Decimal:
        """The points for a value; None is unknown."""
        if value is None:
            return self.unknown_points
        reached = [band for band in self.bands if value >= band.at_least]
        return max(reached, key=lambda band: band.at_least).points if reached else Decimal(0)


class GradeFrom(_Rule):
    """A grade, and the score from which on it is given."""

    grade: GradeCode
    from_score: Points


class GradingRules(_Rule):
    """How the grade of a customer follows from its indicators.

    The score is the weighted mean of the points, 0 to 100. `hysteresis` is how far the score must pass a
    threshold, in points, before a customer that has a grade gets another one.
    """

    kind: Literal["grading"] = "grading"
    currency: Currency = "CNY"
    indicators: list[Indicator] = Field(min_length=1, max_length=30)
    grades: list[GradeFrom] = Field(min_length=2, max_length=10)
    hysteresis: Points = Decimal(0)

    @model_validator(mode="after")
    def _in_order(self) -> "GradingRules":
        scores = [each.from_score for each in self.grades]
        if scores != sorted(set(scores), reverse=True) or scores[-1] != 0:
            raise ValueError("grades are listed from the best down, and the last is from 0")
        if len({each.grade for each in self.grades}) < len(self.grades):
            raise ValueError("a grade is listed once")
        names = [indicator.name for indicator in self.indicators]
        if len(set(names)) < len(names):
            raise ValueError("each indicator has a name of its own")
        return self


@dataclass(frozen=True, slots=True)
class Graded:
    """A score, the grade it gives, and how it came about."""

    score: Decimal
    grade: str
    breakdown: list[dict[str, Any]]


def grade_by(
    rules: GradingRules, measured: Mapping[str, Decimal | None], *, present: str | None
) -> Graded:
    """The grade for what was measured, by name of indicator; `present` is the grade so far."""
    weights = sum((each.weight for each in rules.indicators), Decimal(0))
    total, breakdown = Decimal(0), []
    for each in rules.indicators:
        value = measured[each.name]
        points = each.points_of(value)
        total += points * each.weight
        breakdown.append(
            {
                "indicator": each.name,
                "measure": each.measure.value,
                "value": None if value is None else str(value),
                "points": str(points),
                "weight": str(each.weight),
            }
        )
    score = rounded(total / weights)
    return Graded(score, grade_for(rules, score, present=present), breakdown)


def grade_for(rules: GradingRules, score: Decimal, *, present: str | None) -> str:
    """The grade for a score; one who has a grade gets another one only beyond the margin."""
    codes = [each.grade for each in rules.grades]
    if present not in codes:
        return next(each.grade for each in rules.grades if score >= each.from_score)
    place = codes.index(present)
    for better in rules.grades[:place]:
        # A margin that no score could pass would keep everybody out.
        if score >= min(better.from_score + rules.hysteresis, MOST_POINTS):
            return better.grade
    return next(
        each.grade for each in rules.grades[place:] if score >= each.from_score - rules.hysteresis
    )


# --- classification


class ClassRule(_Rule):
    """Customers for whom all conditions hold are of this class."""

    class_code: Code
    conditions: Conditions


class ClassificationRules(_Rule):
    """The first rule that holds decides; `otherwise` where none does."""

    kind: Literal["classification"] = "classification"
    rules: list[ClassRule] = Field(min_length=1, max_length=50)
    otherwise: Code | None = None


# --- lifecycle


class Stage(StrEnum):
    """Where a customer stands in its life with us; more may follow."""

    POTENTIAL = "potential"
    FIRST_PURCHASE = "first_purchase"
    REPEAT = "repeat"
    LOYAL = "loyal"
    LOST = "lost"
    RETURNING = "returning"


NEXT: Mapping[Stage, frozenset[Stage]] = {
    Stage.POTENTIAL: frozenset({Stage.FIRST_PURCHASE}),
    Stage.FIRST_PURCHASE: frozenset({Stage.REPEAT, Stage.LOST}),
    Stage.REPEAT: frozenset({Stage.LOYAL, Stage.LOST}),
    Stage.LOYAL: frozenset({Stage.REPEAT, Stage.LOST}),
    Stage.LOST: frozenset({Stage.RETURNING}),
    Stage.RETURNING: frozenset({Stage.REPEAT, Stage.LOST}),
}
"""The stages that orders and time lead to from each."""


class LifecycleRules(_Rule):
    """How the stage follows from the days on which a customer ordered.

    A customer is `repeat` from so many orders on, `loyal` with `loyal_from` orders within
    `loyal_within_days`, and lost when it has not ordered for more than `lost_after_days`. Who orders
    after that is returning, until it has ordered `repeat_from` times again.
    """

    kind: Literal["lifecycle"] = "lifecycle"
    repeat_from: Annotated[int, Field(ge=2, le=1000)] = 2
    loyal_from: Annotated[int, Field(ge=3, le=10_000)] = 5
    loyal_within_days: Days = 365
    lost_after_days: Days = 365

    @model_validator(mode="after")
    def _in_order(self) -> "LifecycleRules":
        if self.loyal_from <= self.repeat_from:
            raise ValueError("loyal_from is more than repeat_from")
        if self.lost_after_days > self.loyal_within_days:
            raise ValueError("a customer is not loyal for longer than it takes to be lost")
        return self


BUILT_IN_LIFECYCLE = LifecycleRules()
"""What counts, as version 0, until the first version of an installation does."""


@dataclass(frozen=True, slots=True)
class Step:
    """A stage, and the day from which on it holds; None is from the beginning."""

    stage: Stage
    since_on: date | None


def course(rules: LifecycleRules, ordered_on: Iterable[date], today: date) -> list[Step]:
    """The stages of a customer up to today, each with its first day; every step is one of NEXT."""
    days = sorted(day for day in ordered_on if day <= today)
    steps = [Step(Stage.POTENTIAL, None)]
    run: list[date] = []
    came_back = False

    def go(stage: Stage, on: date) -> None:
        if steps[-1].stage != stage:
            steps.append(Step(stage, on))

    for place, day in enumerate(days):
        run.append(day)
        first_day = day - timedelta(days=rules.loyal_within_days - 1)
        recent = [each for each in run if each >= first_day]
        if len(run) < rules.repeat_from:
            go(Stage.RETURNING if came_back else Stage.FIRST_PURCHASE, day)
        elif len(recent) >= rules.loyal_from:
            go(Stage.LOYAL, day)
        else:
            go(Stage.REPEAT, day)
        until = days[place + 1] if place + 1 < len(days) else today + timedelta(days=1)
        lost_on = day + timedelta(days=rules.lost_after_days + 1)
        if steps[-1].stage == Stage.LOYAL:
            oldest = recent[-rules.loyal_from]
            ends_on = oldest + timedelta(days=rules.loyal_within_days)
            if ends_on < min(until, lost_on):
                go(Stage.REPEAT, ends_on)
        if lost_on < until or (lost_on == until and place + 1 < len(days)):
            go(Stage.LOST, lost_on)
            run, came_back = [], True
    return steps


def steps_after(present: Stage, walked: Sequence[Step]) -> list[Step] | None:
    """What of a course lies after the present stage; None where that is not on it.

    It is not when orders were taken back, came late, or are counted by other rules.
    """
    places = [place for place, step in enumerate(walked) if step.stage == present]
    return list(walked[places[-1] + 1 :]) if places else None


Rules = Annotated[GradingRules | ClassificationRules | LifecycleRules, Field(discriminator="kind")]
