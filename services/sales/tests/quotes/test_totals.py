from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.orders.model import Order
from sales.quotes.model import Quote
from sales.quotes.totals import (
    LARGEST,
    AmountTooLarge,
    DiscountTooFine,
    DiscountTooLarge,
    line_amount,
    settled,
    total_of,
)

from ..builders import NOW, SOMEBODY, TODAY, a_line, a_quote


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


@st.composite
def documents(draw):
    """Decimal places, lines, what the whole is discounted by, and whether prices contain tax."""
    places = draw(st.integers(0, 6))
    lines = draw(
        st.lists(
            st.tuples(
                st.decimals("0.000001", 10**7, places=6),
                st.decimals(0, 10**7, places=6),
                st.decimals(0, 100, places=4),
                st.decimals(0, 100, places=4),
            ),
            min_size=1,
            max_size=20,
        )
    )
    return places, lines, draw(st.decimals(0, 100, places=4)), draw(st.booleans())


def the_quote(places, lines, percent, is_included):
    return Quote.draft(
        number=1,
        lines=[
            a_line(
                quantity=quantity,
                unit_price=price,
                discount_percent=discount,
                amount=line_amount(quantity, price, discount, places),
                tax_percent=tax,
                list_unit_price=price,
            )
            for quantity, price, discount, tax in lines
        ],
        places=places,
        discount_percent=percent,
        prices_include_tax=is_included,
        now=NOW,
        customer_id=SOMEBODY,
        currency="CNY",
        valid_until=TODAY,
    )[0]


@pytest.mark.capability("SAL-15", "SAL-23", "C-19")
@given(documents())
def test_whatever_the_places_discounts_and_taxes_the_lines_add_up_to_the_totals(document):
    places, _, _, is_included = document
    quote = the_quote(*document)

    assert sum(line.amount for line in quote.lines) == quote.total
    assert sum(line.tax_amount for line in quote.lines) == quote.tax_total
    assert sum(line.document_discount for line in quote.lines) == quote.discount_amount
    goods = quote.total if is_included else quote.total - quote.tax_total
    before = sum(line.amount for line in quote.unsettled_lines)
    assert goods + quote.discount_amount == before
    for line in quote.lines:
        figures = (line.amount, line.net_amount, line.tax_amount, line.document_discount)
        assert all(each >= 0 and each.as_tuple().exponent == -places for each in figures)


@pytest.mark.capability("SAL-15", "SAL-23", "C-19")
@given(documents())
def test_another_version_and_an_order_have_every_figure_of_the_quote(document):
    quote = the_quote(*document)

    revised = Quote.draft(
        number=quote.number,
        quote_version=2,
        lines=quote.unsettled_lines,
        places=quote.places,
        discount_percent=quote.discount_percent,
        discount_amount=quote.discount_amount,
        prices_include_tax=quote.prices_include_tax,
        now=NOW,
        customer_id=SOMEBODY,
        currency="CNY",
        valid_until=TODAY,
    )[0]
    order = Order.draft(
        number=1,
        lines=[line.values for line in quote.lines],
        places=quote.places,
        discount_amount=quote.discount_amount,
        prices_include_tax=quote.prices_include_tax,
        now=NOW,
        ordered_on=TODAY,
        customer_id=SOMEBODY,
        currency="CNY",
    )[0]

    assert [line.values for line in revised.lines] == [line.values for line in quote.lines]
    assert (revised.total, revised.tax_total) == (quote.total, quote.tax_total)
    assert (order.total, order.tax_total) == (quote.total, quote.tax_total)
    for ordered, quoted in zip(order.lines, quote.lines, strict=True):
        for name in ("quantity", "unit_price", "amount", "document_discount", "tax_amount"):
            assert getattr(ordered, name) == getattr(quoted, name)


@pytest.mark.capability("SAL-23", "C-19")
def test_the_remainder_of_a_discount_goes_where_most_was_cut_off():
    lines = [a_line(amount=Decimal(amount)) for amount in ("100.00", "100.00", "99.99")]

    priced = settled(lines, discount=Decimal("10.00"), prices_include_tax=True, places=2)

    assert [str(line.document_discount) for line in priced] == ["3.34", "3.33", "3.33"]
    assert [str(line.amount) for line in priced] == ["96.66", "96.67", "96.66"]


@pytest.mark.capability("SAL-23", "C-19")
@pytest.mark.parametrize(
    ("is_included", "amount", "tax"), [(True, "100.00", "11.50"), (False, "113.00", "13.00")]
)
def test_tax_is_contained_in_the_price_or_comes_on_top(is_included, amount, tax):
    (line,) = settled(
        [a_line(amount=Decimal("100.00"), tax_percent=Decimal(13))],
        discount=Decimal(0),
        prices_include_tax=is_included,
        places=2,
    )

    assert (str(line.amount), str(line.tax_amount)) == (amount, tax)


@pytest.mark.capability("C-19")
def test_figures_too_long_for_ordinary_decimals_are_exact():
    # It ends in .xx4999999999999…: rounded to 28 digits first, it would be rounded up.
    exact = line_amount(Decimal("6284284.142142"), Decimal("9999999.999001"), Decimal("0.0001"), 2)

    assert str(exact) == "62842778572300.58"
    with pytest.raises(AmountTooLarge):
        line_amount(Decimal(10**12), Decimal(100), Decimal(0), 2)
    with pytest.raises(AmountTooLarge):
        total_of([LARGEST - 1, Decimal(1)], 2)


@pytest.mark.parametrize(
    ("discount", "refusal"), [("1000.01", DiscountTooLarge), ("0.001", DiscountTooFine)]
)
def test_a_discount_is_at_most_the_whole_and_as_fine_as_it(discount, refusal):
    with pytest.raises(refusal):
        a_quote(discount_amount=Decimal(discount))
