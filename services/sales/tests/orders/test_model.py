from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from sales.orders.model import (
    LineIsNotShipped,
    LineNotKnown,
    MoreThanOrdered,
    NothingToShip,
    OrderAlreadyShipped,
    OrderedInTheFuture,
    OrderHasReceipts,
    OrderHasUndelivered,
    OrderIsEmpty,
    OrderMoveNotAllowed,
)

from ..builders import NOW, a_confirmed_order, a_line, an_order

SERVICE = {"is_shipped": False, "product_name": "Training"}


@pytest.mark.capability("SAL-16")
def test_partial_deliveries_add_up_to_a_complete_one():
    order = a_confirmed_order(lines=[a_line(), a_line(quantity=Decimal(2))])

    first = order.ship({1: Decimal(4)}, now=NOW)
    second = order.ship(None, now=NOW)

    assert (first.complete, second.complete) == (False, True)
    assert [(line.line_no, line.quantity) for line in second.lines] == [
        (1, Decimal(6)),
        (2, Decimal(2)),
    ]
    assert order.state == "shipped"


@pytest.mark.capability("SAL-16")
def test_deliveries_do_not_exceed_what_was_ordered():
    order = a_confirmed_order()
    order.ship({1: Decimal(4)}, now=NOW)

    with pytest.raises(MoreThanOrdered):
        order.ship({1: Decimal("6.000001")}, now=NOW)


@pytest.mark.capability("SAL-16")
def test_a_draft_is_not_shipped_and_an_order_is_confirmed_once():
    with pytest.raises(OrderMoveNotAllowed):
        an_order().ship(None, now=NOW)
    with pytest.raises(OrderMoveNotAllowed):
        a_confirmed_order().confirm(now=NOW)


def test_a_line_the_order_does_not_have_is_not_shipped():
    with pytest.raises(LineNotKnown):
        a_confirmed_order().ship({7: Decimal(1)}, now=NOW)


@pytest.mark.capability("SAL-13")
def test_what_is_not_delivered_needs_no_delivery():
    order = a_confirmed_order(lines=[a_line(), a_line(**SERVICE)])

    with pytest.raises(LineIsNotShipped):
        order.ship({2: Decimal(1)}, now=NOW)
    assert order.ship({1: Decimal(10)}, now=NOW).complete
    order.complete(now=NOW)


def test_an_order_of_services_is_completed_without_a_delivery():
    order = a_confirmed_order(lines=[a_line(**SERVICE)])

    with pytest.raises(NothingToShip):
        order.ship(None, now=NOW)
    order.complete(now=NOW)


def test_an_order_with_something_undelivered_is_not_complete():
    with pytest.raises(OrderHasUndelivered):
        a_confirmed_order().complete(now=NOW)


@pytest.mark.capability("SAL-16")
@pytest.mark.parametrize("shipped", [Decimal(1), Decimal(10)])
def test_what_was_shipped_is_not_cancelled(shipped):
    order = a_confirmed_order()
    order.ship({1: shipped}, now=NOW)

    with pytest.raises(OrderAlreadyShipped):
        order.cancel(reason="x", now=NOW)


@pytest.mark.capability("SAL-16")
def test_a_cancelled_order_tells_what_is_to_be_taken_back():
    cancelled = a_confirmed_order().cancel(reason="budget cut", now=NOW)

    assert (cancelled.total, cancelled.was_confirmed) == (Decimal("1000.00"), True)
    assert an_order().cancel(reason="x", now=NOW).was_confirmed is False


def test_an_order_is_cancelled_once():
    order = an_order()
    order.cancel(reason="x", now=NOW)

    with pytest.raises(OrderMoveNotAllowed):
        order.cancel(reason="x", now=NOW)


def test_an_order_that_was_paid_is_not_cancelled():
    order = a_confirmed_order()
    order.count_payment(uuid4(), Decimal("0.01"))

    with pytest.raises(OrderHasReceipts):
        order.cancel(reason="x", now=NOW)


def test_an_order_names_its_first_contract():
    order = a_confirmed_order()

    assert order.link(uuid4()) is not None
    assert order.link(uuid4()) is None


def test_nothing_is_ordered_tomorrow():
    with pytest.raises(OrderedInTheFuture):
        an_order(ordered_on=date(2026, 3, 3))


def test_an_order_has_lines():
    with pytest.raises(OrderIsEmpty):
        an_order(lines=[])
