from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.receipts.model import (
    CurrencyDiffers,
    OrderNotPayable,
    OverPayment,
    PayerNeeded,
    ReceiptReversedAlready,
    ReceivedInTheFuture,
)

from ..builders import TODAY, a_confirmed_order, a_receipt, an_order


@pytest.mark.capability("SAL-18")
def test_what_the_order_is_not_owed_is_refused():
    with pytest.raises(OverPayment):
        a_receipt(a_confirmed_order(), amount=Decimal("1000.01"))


@pytest.mark.capability("SAL-18")
def test_or_stays_unallocated_where_the_caller_says_so():
    receipt = a_receipt(a_confirmed_order(), amount=Decimal("1000.01"), unallocated=True)

    assert (receipt.allocated_amount, receipt.unallocated_amount) == (
        Decimal("1000.00"),
        Decimal("0.01"),
    )


def test_a_draft_takes_no_money():
    with pytest.raises(OrderNotPayable):
        a_receipt(an_order())


def test_money_in_another_currency_is_not_counted():
    with pytest.raises(CurrencyDiffers):
        a_receipt(a_confirmed_order(), currency="USD")


def test_money_is_at_least_from_a_customer():
    with pytest.raises(PayerNeeded):
        a_receipt(None)


def test_nothing_is_received_tomorrow():
    with pytest.raises(ReceivedInTheFuture):
        a_receipt(a_confirmed_order(), received_on=date(2026, 3, 3))


@pytest.mark.capability("SAL-18")
def test_a_receipt_is_reversed_once_and_not_before_it_came():
    receipt = a_receipt(a_confirmed_order())

    with pytest.raises(ReceivedInTheFuture):
        receipt.reverse(reason="bounced", on=date(2026, 3, 1), today=TODAY)
    receipt.reverse(reason="bounced", on=TODAY, today=TODAY)
    with pytest.raises(ReceiptReversedAlready):
        receipt.reverse(reason="bounced", on=TODAY, today=TODAY)


@pytest.mark.capability("SAL-18")
@given(st.lists(st.tuples(st.decimals("0.01", 600, places=2), st.booleans()), max_size=12))
def test_an_order_is_paid_what_its_standing_receipts_allocate(payments):
    order = a_confirmed_order()
    standing = Decimal(0)
    for amount, is_reversed in payments:
        receipt = a_receipt(order, amount=amount, unallocated=True)
        order.count_payment(receipt.id, receipt.allocated_amount)
        if is_reversed:
            receipt.reverse(reason="bounced", on=TODAY, today=TODAY)
            order.count_payment(receipt.id, -receipt.allocated_amount)
        else:
            standing += receipt.allocated_amount

    assert order.paid_amount == standing <= order.total
    assert order.open_amount == order.total - standing
