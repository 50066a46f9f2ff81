from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from sales.prices.pricing import Offer, choose


def an_offer(*conditions, unit_price="100", **values):
    defaults = {
        "price_list_id": uuid4(),
        "name": "2026",
        "currency": "CNY",
        "valid_from": date(2026, 1, 1),
        "conditions": conditions,
        "min_quantity": Decimal(1),
        "unit_price": Decimal(unit_price),
    }
    return Offer(**{**defaults, **values})


def chosen(*offers):
    return choose(offers, list_price=Decimal("4821"), currency="CNY")


@pytest.mark.capability("SAL-14")
def test_without_a_price_list_it_is_the_list_price_of_the_product():
    price = chosen()

    assert (price.unit_price, price.offer) == (Decimal("4821"), None)
    assert "list price" in price.why


@pytest.mark.capability("SAL-14")
def test_the_more_particular_list_wins_whatever_its_price():
    ranked = [
        an_offer("customer"),
        an_offer("partner tier", "region"),
        an_offer("partner tier"),
        an_offer("region"),
        an_offer("industry"),
        an_offer(),
    ]

    for place, expected in enumerate(ranked):
        assert chosen(*reversed(ranked[place:])).offer is expected


@pytest.mark.capability("SAL-14")
def test_among_equals_the_later_list_wins():
    later = an_offer(valid_from=date(2026, 2, 1), unit_price="120")

    assert chosen(an_offer(), later).offer is later


@pytest.mark.capability("SAL-14")
def test_within_a_list_the_largest_quantity_break_holds_and_is_named():
    first = an_offer(name="Dealers")
    broken = an_offer(
        name="Dealers",
        price_list_id=first.price_list_id,
        min_quantity=Decimal(100),
        unit_price="90",
    )

    price = chosen(broken, first)

    assert price.unit_price == Decimal("90")
    assert price.why == "price list Dealers for everybody, from 100 on, valid from 2026-01-01"


@pytest.mark.capability("SAL-14")
def test_among_overlapping_lists_of_one_day_the_one_made_later_holds_whatever_its_breaks():
    older, newer = sorted([uuid4(), uuid4()])
    broken = an_offer(price_list_id=older, min_quantity=Decimal(100), unit_price="1")
    plain = an_offer(price_list_id=newer, unit_price="120")

    assert chosen(broken, plain).offer is chosen(plain, broken).offer is plain


@pytest.mark.capability("SAL-14")
def test_each_price_that_was_considered_says_why_it_was_not_chosen():
    best = an_offer("customer", name="Yours", min_quantity=Decimal(10))
    older, newer = sorted([best.price_list_id, uuid4()])
    best = replace(best, price_list_id=newer)
    others = [
        best,
        replace(best, min_quantity=Decimal(1)),
        an_offer("region", "industry"),
        an_offer("customer", valid_from=date(2025, 1, 1)),
        replace(best, price_list_id=older),
    ]

    assert chosen(*others).offer is best
    assert [offer.outcome(best) for offer in others] == [
        "chosen",
        "the quantity reaches the break from 10 on",
        "less particular: a list for customer comes before one for region and industry",
        "began earlier than Yours",
        "was made earlier than Yours",
    ]
