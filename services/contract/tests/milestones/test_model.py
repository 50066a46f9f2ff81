from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.milestones.model import MetBy, MetInTheFuture, MilestoneNotOpen, MilestoneState
from contract.milestones.planning import Instalment, plan
from contract.milestones.settlement import Fulfilment, fill, settle

from ..builders import NOW, TODAY, a_milestone

DUE = date(2026, 4, 1)
AMOUNTS = st.decimals(min_value="0.01", max_value=10_000, places=2)
DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 12, 31))


@pytest.mark.capability("CON-11")
def test_lines_of_one_day_are_one_delivery():
    planned = plan(
        deliveries=[(1, DUE), (2, TODAY), (3, DUE)],
        instalments=[Instalment(None, TODAY, Decimal(5)), Instalment(None, DUE, Decimal(0))],
        acceptance_on=DUE,
    )

    assert [(promise.title, promise.due_on) for promise in planned] == [
        ("Delivery of line 2", TODAY),
        ("Payment 1 of 2", TODAY),
        ("Delivery of lines 1, 3", DUE),
        ("Acceptance", DUE),
    ]


@pytest.mark.capability("CON-14")
def test_a_milestone_is_announced_once_within_its_notice():
    milestone = a_milestone()
    near = DUE - timedelta(days=7)

    early = milestone.announce(today=near - timedelta(days=1), notice_days=7, now=NOW)
    first = milestone.announce(today=near, notice_days=7, now=NOW)
    again = milestone.announce(today=near, notice_days=7, now=NOW)

    assert (early, first is not None, again) == (None, True, None)
    assert milestone.state == MilestoneState.DUE


@pytest.mark.capability("CON-11")
def test_a_milestone_is_missed_once_after_its_day():
    milestone = a_milestone()
    after = DUE + timedelta(days=1)

    on_the_day = milestone.miss(today=DUE, now=NOW)
    first = milestone.miss(today=after, now=NOW)
    again = milestone.miss(today=after, now=NOW)

    assert (on_the_day, first is not None, again) == (None, True, None)


@pytest.mark.capability("CON-11")
def test_what_was_missed_can_still_be_met_and_is_late():
    milestone = a_milestone()
    milestone.miss(today=DUE + timedelta(days=1), now=NOW)

    met = milestone.meet(on=DUE + timedelta(days=3), by=MetBy.HAND, today=date(2026, 5, 1))

    assert (met.late, milestone.state) == (True, MilestoneState.MET)


def test_what_is_met_is_not_met_again():
    milestone = a_milestone()
    milestone.meet(on=TODAY, by=MetBy.HAND, today=TODAY)

    with pytest.raises(MilestoneNotOpen):
        milestone.meet(on=TODAY, by=MetBy.HAND, today=TODAY)


def test_tomorrow_meets_nothing():
    with pytest.raises(MetInTheFuture):
        a_milestone().meet(on=TODAY + timedelta(days=1), by=MetBy.HAND, today=TODAY)


@pytest.mark.capability("CON-11")
def test_receipts_fill_payments_in_order_of_their_due_dates():
    later = a_milestone("payment", amount="70", due_on=date(2026, 6, 1))
    sooner = a_milestone("payment", amount="30", due_on=date(2026, 4, 1))

    told = list(settle([later, sooner], Fulfilment(receipts=[(TODAY, Decimal(40))])))

    assert [(milestone, event.type) for milestone, event in told] == [
        (sooner, "contract.milestone.met.v1"),
        (later, "contract.milestone.progressed.v1"),
    ]
    assert (sooner.received, later.received) == (Decimal(30), Decimal(10))


@pytest.mark.capability("CON-11")
def test_a_reversal_takes_back_what_it_met():
    payment = a_milestone("payment", amount="30")
    list(settle([payment], Fulfilment(receipts=[(TODAY, Decimal(30))])))

    ((_, told),) = settle([payment], Fulfilment())

    assert told.type == "contract.milestone.reopened.v1"
    assert (payment.state, payment.met_on, payment.received) == ("planned", None, Decimal(0))


def test_a_reopened_milestone_that_was_missed_is_missed_still_and_not_told_again():
    payment = a_milestone("payment", amount="30")
    after = DUE + timedelta(days=1)
    payment.miss(today=after, now=NOW)
    list(settle([payment], Fulfilment(receipts=[(after, Decimal(30))])))

    list(settle([payment], Fulfilment()))

    assert payment.state == MilestoneState.MISSED
    assert payment.miss(today=after, now=NOW) is None


def test_what_was_met_by_hand_takes_no_part_of_the_receipts():
    by_hand = a_milestone("payment", amount="30")
    by_hand.meet(on=TODAY, by=MetBy.HAND, today=TODAY)
    other = a_milestone("payment", amount="30", due_on=date(2026, 6, 1))

    ((milestone, _),) = settle([by_hand, other], Fulfilment(receipts=[(TODAY, Decimal(30))]))

    assert milestone is other


def test_settling_twice_says_it_once():
    milestones = [a_milestone("payment", amount="30"), a_milestone("delivery")]
    facts = Fulfilment(shipped_on=TODAY, receipts=[(TODAY, Decimal(45))])

    assert len(list(settle(milestones, facts))) == 2
    assert list(settle(milestones, facts)) == []


@given(
    amounts=st.lists(AMOUNTS, max_size=6),
    receipts=st.lists(st.tuples(DAYS, AMOUNTS), max_size=8),
    data=st.data(),
)
def test_what_is_filled_follows_from_the_receipts_and_not_from_their_order(amounts, receipts, data):
    filled = fill(amounts, receipts)

    assert filled == fill(amounts, data.draw(st.permutations(receipts)))
    assert sum(received for received, _ in filled) == min(
        sum(amounts), sum(amount for _, amount in receipts)
    )
    assert all(
        (day is not None) == (received == amount)
        for (received, day), amount in zip(filled, amounts, strict=True)
    )
