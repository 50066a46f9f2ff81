"""Numbers by pattern: never two alike, whatever the patterns are or were."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.numbers import DatePart, Pattern

pytestmark = pytest.mark.capability("CUS-03")

PATTERNS = st.builds(
    Pattern,
    prefix=st.from_regex(r"[A-Z0-9]{0,8}", fullmatch=True),
    date_part=st.sampled_from(DatePart),
    width=st.integers(1, 12),
)
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))
NUMBERS = st.integers(1, 10**15)


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        (Pattern("C", DatePart.YEAR, 6), "C2026-000042"),
        (Pattern("KH", DatePart.DAY, 4), "KH20260302-0042"),
        (Pattern("", DatePart.MONTH, 1), "202603-42"),
        (Pattern("K", DatePart.NONE, 3), "K-042"),
    ],
)
def test_a_number_is_written_by_its_pattern(pattern, written):
    assert pattern.write(42, date(2026, 3, 2)) == written


@given(one=PATTERNS, other=PATTERNS, today=DAYS, later=DAYS, first=NUMBERS, second=NUMBERS)
def test_two_numbers_are_never_written_alike(one, other, today, later, first, second):
    if first != second:
        assert one.write(first, today) != other.write(second, later)
    assert len(one.write(first, today)) <= 40
