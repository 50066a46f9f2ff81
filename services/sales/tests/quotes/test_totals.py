from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.quotes.model import Quote
from sales.quotes.totals import line_amount, total_of

from ..builders import NOW, SOMEBODY, TODAY, a_line


@pytest.mark.capability("SAL-23")
@pytest.mark.parametrize(
    ("quantity", "unit_price", "discount", "amount"),
    [
        ("3", "0.335", "0", "1.01"),
        ("1", "0.005", "0", "0.01"),
        ("1", "0.004999", "0", "0.00"),
        ("7", "104.1667", "12.5", "638.02"),
        ("1", "99.99", "100", "0.00"),
    ],
)
def test_a_line_is_rounded_once_half_away_from_zero(quantity, unit_price, discount, amount):
    worked_out = line_amount(Decimal(quantity), Decimal(unit_price), Decimal(discount), 2)

    assert str(worked_out) == amount


@pytest.mark.capability("SAL-15", "SAL-23")
@given(
    st.lists(
        st.tuples(
            st.decimals("0.000001", 10**6, places=6),
            st.decimals(0, 10**6, places=6),
            st.decimals(0, 100, places=4),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_the_printed_lines_add_up_to_the_printed_total(lines):
    amounts = [line_amount(*line, 2) for line in lines]

    quote, drafted = Quote.draft(
        number=1,
        lines=[a_line(amount=amount) for amount in amounts],
        now=NOW,
        customer_id=SOMEBODY,
        currency="CNY",
        valid_until=TODAY,
    )

    assert quote.total == drafted.total == total_of(amounts, 2) == sum(amounts)
    assert quote.total.as_tuple().exponent == -2
    assert all(
        abs(amount - quantity * price * (100 - discount) / 100) <= Decimal("0.005")
        for amount, (quantity, price, discount) in zip(amounts, lines, strict=True)
    )
