from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from customer.assessment_policies.rules import (
    NEXT,
    GradeFrom,
    GradingRules,
    Indicator,
    LifecycleRules,
    Stage,
    course,
    grade_by,
    grade_for,
    steps_after,
)

TODAY = date(2026, 3, 2)
SCORES = st.decimals(0, 100, places=2)


def grading(hysteresis="5", **values):
    return GradingRules(
        indicators=[
            {
                "name": "bought",
                "measure": "ordered_amount",
                "weight": "3",
                "bands": [{"at_least": 0, "points": 20}, {"at_least": 1000, "points": 100}],
            },
            {
                "name": "punctual",
                "measure": "on_time_percent",
                "weight": "1",
                "bands": [{"at_least": 90, "points": 60}],
                "unknown_points": 40,
            },
        ],
        grades=[
            {"grade": "A", "from_score": 80},
            {"grade": "B", "from_score": 50},
            {"grade": "C", "from_score": 0},
        ],
        hysteresis=hysteresis,
        **values,
    )


@pytest.mark.capability("CUS-31")
def test_the_score_is_the_weighted_mean_and_its_breakdown_says_how():
    graded = grade_by(grading(), {"bought": Decimal(1000), "punctual": None}, present=None)

    assert (graded.score, graded.grade) == (Decimal("85.00"), "A")
    assert [
        (row["indicator"], row["value"], row["points"], row["weight"]) for row in graded.breakdown
    ] == [
        ("bought", "1000", "100", "3"),
        ("punctual", None, "40", "1"),
    ]


@pytest.mark.capability("CUS-31")
@pytest.mark.parametrize(
    ("score", "present", "grade"),
    [
        ("80", None, "A"),
        ("84.99", "B", "B"),
        ("85", "B", "A"),
        ("75", "A", "A"),
        ("74.99", "A", "B"),
        ("46", "A", "B"),
        ("44.99", "A", "C"),
        ("84", "C", "B"),
        ("85", "X", "A"),
    ],
)
def test_a_grade_is_left_only_beyond_the_margin(score, present, grade):
    assert grade_for(grading(), Decimal(score), present=present) == grade


@pytest.mark.capability("CUS-31")
@given(first=SCORES, wobble=st.lists(st.decimals("-2.49", "2.49", places=2), max_size=8))
def test_a_score_that_wobbles_within_the_margin_changes_the_grade_once_at_most(first, wobble):
    rules = grading(hysteresis="5")
    grade = grade_for(rules, first, present=None)
    seen = [grade]
    for by in wobble:
        score = min(max(first + by, Decimal(0)), Decimal(100))
        grade = grade_for(rules, score, present=grade)
        seen.append(grade)

    changes = sum(one != other for one, other in pairwise(seen))
    assert changes == 0 or first in (Decimal(0), Decimal(100))


@pytest.mark.capability("CUS-31")
@pytest.mark.parametrize(
    "values",
    [
        {"grades": [{"grade": "A", "from_score": 50}, {"grade": "B", "from_score": 80}]},
        {"grades": [{"grade": "A", "from_score": 80}, {"grade": "B", "from_score": 10}]},
        {"grades": [{"grade": "A", "from_score": 80}, {"grade": "A", "from_score": 0}]},
    ],
)
def test_grades_that_leave_a_score_without_one_are_no_policy(values):
    with pytest.raises(ValidationError):
        GradingRules(indicators=grading().indicators, **values)


def days(*ago):
    return [TODAY - timedelta(days=each) for each in ago]


@pytest.mark.capability("CUS-33")
@pytest.mark.parametrize(
    ("ordered", "stage", "since"),
    [
        ([], Stage.POTENTIAL, None),
        (days(365), Stage.FIRST_PURCHASE, 365),
        (days(366), Stage.LOST, 0),
        (days(40, 10), Stage.REPEAT, 10),
        (days(50, 40, 30, 20, 10), Stage.LOYAL, 10),
        (days(380, 40, 30, 20, 10), Stage.REPEAT, 40),
        (days(500, 10), Stage.RETURNING, 10),
        (days(500, 10, 5), Stage.REPEAT, 5),
        (days(364, 40, 30, 20, 10), Stage.LOYAL, 10),
        (days(365, 40, 30, 20, 10), Stage.REPEAT, 0),
    ],
)
def test_the_stage_follows_from_the_days_of_orders(ordered, stage, since):
    last = course(LifecycleRules(), ordered, TODAY)[-1]

    assert last.stage == stage
    assert last.since_on == (None if since is None else TODAY - timedelta(days=since))


RULES = st.builds(
    LifecycleRules,
    repeat_from=st.integers(2, 4),
    loyal_from=st.integers(5, 7),
    loyal_within_days=st.integers(60, 120),
    lost_after_days=st.integers(1, 60),
)


@pytest.mark.capability("CUS-33")
@given(rules=RULES, ago=st.lists(st.integers(0, 400), max_size=25), later=st.integers(0, 200))
def test_every_course_is_legal_and_what_was_walked_stays_walked(rules, ago, later):
    ordered = days(*ago)
    steps = course(rules, ordered, TODAY)

    assert all(after.stage in NEXT[before.stage] for before, after in pairwise(steps))
    dates = [step.since_on for step in steps[1:]]
    assert dates == sorted(dates)
    further = course(rules, ordered, TODAY + timedelta(days=later))
    assert further[: len(steps)] == steps
    assert (steps_after(steps[-1].stage, further) is not None) or not steps


@pytest.mark.capability("CUS-33")
def test_a_stage_that_is_not_on_the_course_is_no_step_of_it():
    assert steps_after(Stage.LOYAL, course(LifecycleRules(), days(10), TODAY)) is None


def test_a_policy_names_what_it_measures():
    with pytest.raises(ValidationError):
        Indicator(name="x", measure="shoe_size", weight=1, bands=[{"at_least": 0, "points": 1}])
    assert GradeFrom(grade="A", from_score=1).grade == "A"
