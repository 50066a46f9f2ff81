from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from sales.credit.model import (
    CreditApproval,
    KnownCreditLimit,
    Standing,
    Verdict,
)
from sales.exchange_rates.model import ExchangeRateNeeded
from sales.quotes.approvals import ApproverIsRequester

from ..builders import NOW, TODAY, an_order

LIMIT = KnownCreditLimit(
    customer_id=uuid4(),
    amount=Decimal(1000),
    currency="CNY",
    valid_from=date(2026, 1, 1),
    valid_until=date(2026, 3, 2),
)


@pytest.mark.capability("CUS-15")
@pytest.mark.parametrize(
    ("standing", "verdict"),
    [
        (Standing(on=TODAY), Verdict.NO_LIMIT),
        (Standing(on=TODAY, limit=LIMIT), Verdict.WITHIN),
        (Standing(on=TODAY, limit=LIMIT, exposure={"CNY": Decimal(900)}), Verdict.WITHIN),
        (Standing(on=TODAY, limit=LIMIT, exposure={"CNY": Decimal("900.01")}), Verdict.EXCEEDED),
        (Standing(on=date(2026, 3, 3), limit=LIMIT), Verdict.ENDED),
        (Standing(on=TODAY, is_held=True, limit=LIMIT), Verdict.HELD),
    ],
)
def test_what_a_customers_credit_says_to_another_hundred(standing, verdict):
    assert standing.judge(Decimal(100), "CNY") == verdict


@pytest.mark.capability("CUS-15")
def test_a_limit_that_fell_below_what_is_owed_leaves_less_than_nothing():
    standing = Standing(on=TODAY, limit=LIMIT, exposure={"CNY": Decimal(1500)})

    assert standing.available == Decimal(-500)


@pytest.mark.capability("CUS-15")
@pytest.mark.parametrize(
    ("owed", "wanted"), [({}, "USD"), ({"CNY": Decimal(1), "USD": Decimal(1)}, "CNY")]
)
def test_amounts_in_other_currencies_are_not_taken_for_the_limits(owed, wanted):
    with pytest.raises(ExchangeRateNeeded):
        Standing(on=TODAY, limit=LIMIT, exposure=owed).judge(Decimal(1), wanted)


@pytest.mark.capability("SAL-17")
def test_who_asks_for_more_credit_does_not_grant_it():
    order = an_order()
    approval, _ = CreditApproval.request(
        order,
        amount=order.total,
        verdict=Verdict.EXCEEDED,
        reason="a tender",
        by="lin",
        now=NOW,
    )

    with pytest.raises(ApproverIsRequester):
        approval.decide(order, is_approved=True, reason="fine", by="lin", now=NOW)
    assert approval.decide(order, is_approved=True, reason="fine", by="wu", now=NOW).is_approved
