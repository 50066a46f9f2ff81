from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.orders.model import (
    LineIsDelivered,
    LineIsNotShipped,
    LineNotKnown,
    MoreThanOrdered,
    NothingDelivered,
    NothingToShip,
    OrderAlreadyShipped,
    OrderedInTheFuture,
    OrderHasReceipts,
    OrderHasUndelivered,
    OrderIsEmpty,
    OrderIsFrozen,
    OrderMoveNotAllowed,
    RevisedLine,
)
from sales.quotes.totals import line_amount

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


@pytest.mark.capability("SAL-16")
@pytest.mark.capability("P-16")
def test_the_rest_of_an_order_is_called_off_and_told_line_by_line():
    order = a_confirmed_order(lines=[a_line(), a_line(quantity=Decimal(3)), a_line(**SERVICE)])
    order.ship({1: Decimal(10), 2: Decimal(1)}, now=NOW)

    taken_back = order.cancel_rest(reason="out of production", now=NOW)

    assert [(line.line_no, line.quantity, line.amount) for line in taken_back] == [
        (2, Decimal(2), Decimal("666.67"))
    ]
    assert (order.state, order.due_amount) == ("shipped", Decimal("2333.33"))
    assert order.total == Decimal("3000.00")
    order.complete(now=NOW)
    assert order.delivered_amount == order.due_amount


@pytest.mark.capability("SAL-16")
def test_there_is_a_rest_once_something_was_delivered():
    with pytest.raises(NothingDelivered):
        a_confirmed_order().cancel_rest(reason="x", now=NOW)
    with pytest.raises(OrderMoveNotAllowed):
        an_order().cancel_rest(reason="x", now=NOW)


@pytest.mark.capability("SAL-16")
def test_what_is_paid_is_not_called_off_with_the_rest():
    order = a_confirmed_order()
    order.ship({1: Decimal(4)}, now=NOW)
    order.count_payment(uuid4(), Decimal("400.01"))

    with pytest.raises(OrderHasReceipts):
        order.cancel_rest(reason="x", now=NOW)


@pytest.mark.capability("SAL-16")
def test_what_was_delivered_of_a_line_stays_in_the_order():
    order = a_confirmed_order(lines=[a_line(), a_line()])
    product_id = order.lines[0].product_id
    order.ship({1: Decimal(4)}, now=NOW)
    less = a_line(product_id=product_id, quantity=Decimal("3.9"), amount=Decimal("390.00"))

    for lines in (
        [RevisedLine(1, less)],
        [RevisedLine(1, a_line())],
        [RevisedLine(2, a_line())],
    ):
        with pytest.raises(LineIsDelivered):
            order.revise(lines, {})


@pytest.mark.capability("SAL-16")
def test_lines_of_a_delivered_order_stay_as_they_are():
    order = a_confirmed_order()
    order.ship(None, now=NOW)

    with pytest.raises(OrderIsFrozen):
        order.revise([RevisedLine(None, a_line())], {})


@pytest.mark.capability("SAL-16")
def test_an_order_that_is_not_off_is_not_reopened():
    with pytest.raises(OrderMoveNotAllowed):
        a_confirmed_order().reopen()


@pytest.mark.capability("C-19")
@pytest.mark.capability("SAL-23")
@given(st.data())
def test_lines_add_up_to_the_total_whatever_is_delivered_changed_or_called_off(data):
    places = data.draw(st.integers(0, 6))

    def lines():
        return [
            a_line(
                quantity=quantity,
                amount=line_amount(quantity, price, discount, places),
                is_shipped=is_shipped,
            )
            for quantity, price, discount, is_shipped in data.draw(
                st.lists(
                    st.tuples(
                        st.decimals("0.001", 1000, places=3),
                        st.decimals(0, 10_000, places=6),
                        st.decimals(0, 100, places=4),
                        st.booleans(),
                    ),
                    min_size=1,
                    max_size=6,
                )
            )
        ]

    order = an_order(lines=lines(), places=places)
    if data.draw(st.booleans()):
        order.revise([RevisedLine(None, line) for line in lines()], {})
    order.confirm(now=NOW)
    goods = [line for line in order.lines if line.is_shipped]
    if goods:
        line = data.draw(st.sampled_from(goods))
        part = data.draw(st.decimals("0.001", line.quantity, places=3))
        order.ship({line.line_no: part}, now=NOW)
        if order.state == "partially_shipped":
            taken_back = order.cancel_rest(reason="x", now=NOW)
            assert order.cancelled_amount == sum(each.amount for each in taken_back)

    assert order.total == sum(line.amount for line in order.lines)
    assert order.due_amount == sum(line.amount - line.cancelled_amount for line in order.lines)
    assert 0 <= order.delivered_amount <= order.due_amount <= order.total
    for amount in (order.total, order.due_amount, order.delivered_amount):
        assert amount == round(amount, places)
