from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.exchange_rates.model import (
    CurrenciesAreTheSame,
    ExchangeRate,
    ExchangeRateNeeded,
    Rates,
    Stated,
)
from sales.quotes.totals import AmountTooLarge

from ..builders import TODAY, a_sent_quote

YESTERDAY = date(2026, 3, 1)


def stated(from_currency, to_currency, rate, on=TODAY):
    return Stated(from_currency, to_currency, on, Decimal(rate), "bank")


def rates(*known):
    return Rates(TODAY, "CNY", known)


@pytest.mark.capability("P-10")
def test_the_later_of_both_directions_counts_and_the_straight_one_of_the_same_day():
    straight = stated("USD", "CNY", "7.2", YESTERDAY)
    turned = stated("CNY", "USD", "0.125")

    later = rates(straight, turned).between("USD", "CNY")
    same_day = rates(stated("USD", "CNY", "7.2"), turned).between("USD", "CNY")

    assert (later.rate, later.rate_on) == (Decimal(8), TODAY)
    assert later.basis == "1 / CNY in USD: bank, 2026-03-02"
    assert same_day.rate == Decimal("7.2")


@pytest.mark.capability("P-10")
def test_what_has_no_rate_of_its_own_goes_through_the_base_currency_and_says_so():
    used = rates(stated("USD", "CNY", "7.2"), stated("EUR", "CNY", "8", YESTERDAY)).between(
        "USD", "EUR"
    )

    assert (used.rate, used.rate_on) == (Decimal("0.9"), YESTERDAY)
    assert used.basis == "through CNY: bank, 2026-03-02; 1 / EUR in CNY: bank, 2026-03-01"


@pytest.mark.capability("P-10")
@pytest.mark.parametrize(
    "known",
    [
        (),
        (stated("USD", "CNY", "7.2"),),
        # Only the base currency is gone through.
        (stated("USD", "HKD", "7.8"), stated("HKD", "EUR", "0.11")),
    ],
)
def test_a_missing_rate_is_refused_by_its_currencies_and_day(known):
    with pytest.raises(ExchangeRateNeeded) as refused:
        rates(*known).between("USD", "EUR")

    assert refused.value.facts == {
        "from_currency": "USD",
        "to_currency": "EUR",
        "on": "2026-03-02",
    }


def test_a_rate_is_between_two_currencies():
    with pytest.raises(CurrenciesAreTheSame):
        ExchangeRate.state(
            from_currency="CNY", to_currency="CNY", rate_on=TODAY, rate=Decimal(1), source="x"
        )


@pytest.mark.capability("P-10", "C-17")
@given(st.decimals("0.0000000001", 10**4, places=10), st.decimals(0, 10**9, places=6))
def test_a_document_is_worth_its_amount_at_the_rate_rounded_once(rate, amount):
    quote = a_sent_quote()
    quote.keep_rate(rates(stated("USD", "CNY", rate)).between("USD", "CNY"))

    worth = quote.in_base(amount, 2)

    assert worth.as_tuple().exponent == -2
    exact = int(rate * 10**10) * int(amount * 10**6)
    assert abs(int(worth * 100) * 10**14 - exact) * 2 <= 10**14


def test_an_amount_that_has_too_many_digits_elsewhere_is_refused():
    with pytest.raises(AmountTooLarge):
        rates(stated("USD", "CNY", "1000")).between("USD", "CNY").apply(Decimal(10**11), 2)
