from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from sales.quotes.model import (
    QuoteIsEmpty,
    QuoteIsFrozen,
    QuoteMoveNotAllowed,
    QuoteNoLongerValid,
    QuoteNotOpen,
    ValidityInThePast,
)

from ..builders import NOW, TODAY, a_line, a_quote, a_sent_quote

TOMORROW = TODAY + timedelta(days=1)


@pytest.mark.capability("SAL-15")
def test_a_quote_is_accepted_on_its_last_day_and_not_after():
    a_sent_quote(valid_until=TODAY).accept(now=NOW, today=TODAY)

    with pytest.raises(QuoteNoLongerValid):
        a_sent_quote(valid_until=TODAY).accept(now=NOW, today=TOMORROW)


def test_a_draft_cannot_be_accepted():
    with pytest.raises(QuoteNotOpen):
        a_quote().accept(now=NOW, today=TODAY)


def test_a_quote_is_answered_once():
    quote = a_sent_quote()
    quote.reject(reason="price", now=NOW)

    with pytest.raises(QuoteNotOpen):
        quote.accept(now=NOW, today=TODAY)
    with pytest.raises(QuoteNotOpen):
        quote.reject(reason="price", now=NOW)


def test_a_quote_that_is_no_longer_valid_is_not_sent():
    with pytest.raises(ValidityInThePast):
        a_quote(valid_until=date(2026, 3, 1)).send(now=NOW, today=TODAY)


@pytest.mark.capability("SAL-15")
def test_what_was_accepted_is_frozen():
    quote = a_sent_quote()
    quote.accept(now=NOW, today=TODAY)

    with pytest.raises(QuoteIsFrozen):
        quote.redraft({"notes": "x"}, None)
    with pytest.raises(QuoteIsFrozen):
        quote.redraft({}, [a_line(amount=Decimal(1))])
    with pytest.raises(QuoteMoveNotAllowed):
        quote.replace(uuid4(), now=NOW)
    with pytest.raises(QuoteMoveNotAllowed):
        quote.send(now=NOW, today=TODAY)


def test_an_accepted_quote_tells_its_lines():
    accepted = a_sent_quote(lines=[a_line(delivery_on=TODAY), a_line()]).accept(
        now=NOW, today=TODAY
    )

    assert [(line.line_no, line.amount, line.delivery_on) for line in accepted.lines] == [
        (1, Decimal("1000.00"), TODAY),
        (2, Decimal("1000.00"), None),
    ]


def test_a_quote_expires_after_its_last_day_and_once():
    quote = a_sent_quote(valid_until=TODAY)

    assert quote.expire(now=NOW, today=TODAY) is None
    assert quote.expire(now=NOW, today=TOMORROW) is not None
    assert quote.expire(now=NOW, today=TOMORROW) is None


def test_a_draft_does_not_expire():
    assert a_quote(valid_until=TODAY).expire(now=NOW, today=TOMORROW) is None


def test_a_quote_has_lines():
    with pytest.raises(QuoteIsEmpty):
        a_quote(lines=[])
