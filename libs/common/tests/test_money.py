from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.money import allocate, rounded

places = st.integers(0, 6)
amounts = st.decimals(-(10**14), 10**14 - 1, places=6, allow_nan=False)
weights = st.decimals(0, 10**14 - 1, places=6, allow_nan=False)


@given(total=amounts, weights=st.lists(weights, min_size=1, max_size=12), places=places)
def test_the_parts_add_up_to_the_total_and_lie_within_a_unit_of_their_share(total, weights, places):
    total = rounded(total, places)
    if not any(weights):
        weights = [*weights, Decimal(1)]

    parts = allocate(total, weights, places)

    assert sum(parts) == total
    assert len(parts) == len(weights)
    assert all(rounded(part, places) == part for part in parts)
    unit = Decimal(1).scaleb(-places)
    whole = sum(map(int, (weight * 10**6 for weight in weights)))
    for part, weight in zip(parts, weights, strict=True):
        numerator = int(total.scaleb(places)) * int(weight * 10**6)
        assert abs(int(part.scaleb(places)) * whole - numerator) < whole, (part, unit)
        if not weight:
            assert part == 0


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        ("100", [1, 1, 1], ["33.34", "33.33", "33.33"]),
        ("-100", [1, 1, 1], ["-33.34", "-33.33", "-33.33"]),
        ("0.05", [3, 7], ["0.02", "0.03"]),
        ("0.01", [1, 1], ["0.01", "0"]),
        ("0", [1, 2], ["0", "0"]),
        ("10", [0, 5, 0], ["0", "10", "0"]),
        ("99999999999999.99", ["0.000001", "99999999999999.999999"], ["0", "99999999999999.99"]),
    ],
)
def test_the_units_left_over_go_to_the_largest_remainders_the_earlier_first(total, weights, parts):
    assert allocate(Decimal(total), list(map(Decimal, weights))) == list(map(Decimal, parts))


@pytest.mark.parametrize("weights", [[], ["0"], ["0", "0"], ["1", "-1"], ["-1"]])
def test_weights_that_divide_nothing_are_refused(weights):
    with pytest.raises(ValueError):
        allocate(Decimal(1), list(map(Decimal, weights)))


def test_a_total_finer_than_its_parts_is_refused():
    with pytest.raises(ValueError):
        allocate(Decimal("0.005"), [Decimal(1)])


@pytest.mark.parametrize(
    ("amount", "places", "expected"),
    [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("0.0049999", 2, "0.00"),
        ("1.5", 0, "2"),
        ("2.5", 0, "3"),
        ("1", 2, "1.00"),
        ("99999999999999.999999", 2, "100000000000000.00"),
    ],
)
def test_halves_are_rounded_away_from_zero(amount, places, expected):
    assert str(rounded(Decimal(amount), places)) == expected
