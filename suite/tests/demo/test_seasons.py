from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairway.demo.seasons import (
    closing_days,
    is_new_year,
    months_before,
    months_between,
    share_out,
    weight_of,
)

SPANS = st.tuples(
    st.dates(date(2023, 1, 1), date(2040, 1, 1)), st.integers(min_value=40, max_value=500)
).map(lambda span: (span[0], date.fromordinal(span[0].toordinal() + span[1])))


@given(
    st.integers(min_value=0, max_value=5000),
    st.lists(st.floats(min_value=0.01, max_value=100), min_size=1, max_size=40),
)
def test_what_is_shared_out_adds_up_and_nobody_is_more_than_one_off(total, weights):
    parts = share_out(total, weights)

    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < 1


@given(SPANS, st.integers(min_value=0, max_value=400))
def test_so_many_deals_close_on_working_days_of_the_period(span, total):
    first, last = span

    days = closing_days(Random(1), total, first, last)

    assert len(days) == total
    assert days == sorted(days)
    assert all(first <= day <= last and day.isoweekday() <= 5 for day in days)


@pytest.mark.parametrize(
    ("busier", "quieter"),
    [
        (date(2026, 6, 29), date(2026, 6, 1)),
        (date(2026, 6, 1), date(2026, 5, 12)),
        (date(2026, 12, 30), date(2026, 9, 30)),
        (date(2026, 5, 12), date(2026, 2, 18)),
        (date(2026, 5, 12), date(2026, 10, 2)),
    ],
)
def test_some_days_are_busier_than_others(busier, quieter):
    assert weight_of(busier) > weight_of(quieter)


@pytest.mark.parametrize(
    ("day", "is_feast"),
    [
        (date(2026, 2, 9), False),
        (date(2026, 2, 10), True),
        (date(2026, 2, 26), True),
        (date(2026, 2, 27), False),
        (date(2050, 2, 5), True),
    ],
)
def test_new_year_is_the_weeks_around_the_feast(day, is_feast):
    assert is_new_year(day) == is_feast


def test_months_between_two_days_are_the_full_ones():
    assert months_between(date(2026, 1, 2), date(2026, 4, 30)) == [
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 3, 1), date(2026, 3, 31)),
        (date(2026, 4, 1), date(2026, 4, 30)),
    ]
    assert months_between(date(2026, 1, 1), date(2026, 1, 30)) == []


def test_so_many_months_before_a_day_may_lie_in_another_year():
    assert months_before(date(2026, 2, 28), 14) == date(2024, 12, 1)
    assert months_before(date(2026, 2, 28), 0) == date(2026, 2, 1)
