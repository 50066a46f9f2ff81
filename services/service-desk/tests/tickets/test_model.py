from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_desk import events
from service_desk.sla.model import Level
from service_desk.tickets.model import (
    ALLOWED,
    FirstResponseGiven,
    MomentOutOfOrder,
    NothingToAssign,
    NothingToReclassify,
    TicketAlreadyClosed,
    TicketNotClosed,
    TicketState,
)

from ..builders import NOW, a_policy, a_ticket

LATER = NOW + timedelta(days=30)
AROUND_THE_CLOCK = {"priority": "urgent", "priority_reason": "VIP"}
"""30 minutes to the response, 4 hours to the solution, every minute counts."""


def after(**duration):
    return NOW + timedelta(**duration)


def a_closed(**values):
    ticket = a_ticket(**values)
    ticket.close(solution="更换了密封圈", at=after(hours=1), now=LATER)
    return ticket


@pytest.mark.capability("SVC-02")
@pytest.mark.parametrize(
    ("impact", "urgency", "priority"),
    [
        ("low", "low", "low"),
        ("low", "high", "normal"),
        ("medium", "medium", "normal"),
        ("medium", "high", "high"),
        ("high", "high", "urgent"),
    ],
)
def test_the_priority_follows_from_impact_and_urgency_and_says_why(impact, urgency, priority):
    ticket = a_ticket(impact=Level(impact), urgency=Level(urgency))

    assert ticket.priority == priority
    assert ticket.priority_reason == (
        f"impact {impact} and urgency {urgency} give {priority} by policy 1"
    )


@pytest.mark.capability("SVC-02")
def test_a_priority_set_by_hand_keeps_its_reason():
    ticket = a_ticket(priority="urgent", priority_reason="停产")

    assert (ticket.priority, ticket.priority_reason) == ("urgent", "set by hand: 停产")


@pytest.mark.capability("SVC-07")
def test_both_clocks_count_the_hours_of_service():
    ticket = a_ticket()

    # Four hours from Monday ten o'clock, without the hour of noon; three days of eight hours.
    assert ticket.response_due_at == datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
    assert ticket.solution_due_at == datetime(2026, 3, 5, 2, 0, tzinfo=UTC)


def test_the_first_response_within_its_time_is_told_so():
    ticket = a_ticket()

    (responded,) = ticket.respond(at=after(hours=3), now=LATER)

    assert (responded.within_sla, responded.minutes) == (True, 120)
    assert ticket.state == TicketState.IN_PROGRESS


def test_a_response_at_the_due_moment_is_within_its_time():
    ticket = a_ticket()

    (responded,) = ticket.respond(at=ticket.response_due_at, now=LATER)

    assert responded.within_sla


@pytest.mark.capability("SVC-07")
def test_a_late_response_tells_the_breach_that_no_timer_had_told():
    ticket = a_ticket()

    breached, responded = ticket.respond(
        at=ticket.response_due_at + timedelta(minutes=1), now=LATER
    )

    assert (breached.clock, breached.due_at) == ("response", ticket.response_due_at)
    assert not responded.within_sla
    assert ticket.next_breach_at == ticket.solution_due_at


def test_the_first_response_is_given_once():
    ticket = a_ticket()
    ticket.respond(at=NOW, now=NOW)

    with pytest.raises(FirstResponseGiven):
        ticket.respond(at=NOW, now=NOW)


@pytest.mark.capability("SVC-07")
def test_closing_stops_both_clocks():
    ticket = a_ticket()

    told = ticket.close(solution="重启", at=after(hours=1), now=LATER)

    assert [event.type for event in told] == [
        "service_desk.ticket.responded.v1",
        "service_desk.ticket.closed.v1",
    ]
    assert told[-1].within_sla
    assert told[-1].minutes == 60
    assert ticket.next_breach_at is None
    assert ticket.breaches(LATER) == []
    assert ticket.clocks_late_at(LATER) == []


def test_an_answered_ticket_that_is_closed_was_answered_when_it_was():
    ticket = a_ticket()
    ticket.respond(at=after(minutes=10), now=LATER)

    told = ticket.close(solution="重启", at=after(hours=1), now=LATER)

    assert [event.type for event in told] == ["service_desk.ticket.closed.v1"]
    assert ticket.responded_at == after(minutes=10)


@pytest.mark.capability("SVC-07")
def test_the_time_a_ticket_was_closed_does_not_count():
    ticket = a_ticket(**AROUND_THE_CLOCK)
    ticket.close(solution="重启", at=after(hours=1), now=LATER)

    reopened = ticket.reopen(reason="又坏了", at=after(days=2), now=LATER)
    (closed,) = ticket.close(solution="换新", at=after(days=2, hours=2), now=LATER)

    assert reopened.solution_due_at == after(days=2, hours=3)
    assert closed.within_sla
    assert closed.minutes == 180


def test_closing_early_buys_no_time():
    ticket = a_ticket(**AROUND_THE_CLOCK)
    ticket.close(solution="重启", at=after(hours=3, minutes=59), now=LATER)

    reopened = ticket.reopen(reason="没有修好", at=after(days=1), now=LATER)

    assert reopened.solution_due_at == after(days=1, minutes=1)


def test_a_clock_that_ran_out_is_not_told_of_again_after_reopening():
    ticket = a_ticket(**AROUND_THE_CLOCK)
    told = ticket.close(solution="重启", at=after(hours=5), now=LATER)
    ticket.reopen(reason="又坏了", at=after(days=1), now=LATER)

    assert [event.clock for event in told[:2]] == ["response", "solution"]
    assert ticket.breaches(LATER) == []
    (closed,) = ticket.close(solution="换新", at=after(days=1, hours=1), now=LATER)
    assert not closed.within_sla


@pytest.mark.capability("SVC-07")
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 600)), max_size=12))
def test_whatever_happens_each_clock_is_told_of_at_most_once_and_only_when_it_ran_out(moves):
    ticket, told, moment = a_ticket(**AROUND_THE_CLOCK), [], NOW
    for changes, minutes in moves:
        moment += timedelta(minutes=minutes)
        told += ticket.breaches(moment)
        if changes and ticket.state == TicketState.CLOSED:
            ticket.reopen(reason="又坏了", at=moment, now=moment)
        elif changes:
            told += ticket.close(solution="重启", at=moment, now=moment)

    breaches = [event for event in told if isinstance(event, events.TicketSlaBreached)]
    closings = [event for event in told if isinstance(event, events.TicketClosed)]
    clocks = [breach.clock for breach in breaches]
    assert len(clocks) == len(set(clocks))
    assert all(closed.within_sla == (closed.minutes <= 240) for closed in closings), (
        "a ticket is within its time as long as its runs together took no more than allowed"
    )
    assert any(not closed.within_sla for closed in closings) <= ("solution" in clocks)


def test_what_ran_out_is_told_once():
    ticket = a_ticket(**AROUND_THE_CLOCK)

    assert [breach.clock for breach in ticket.breaches(after(minutes=31))] == ["response"]
    assert ticket.next_breach_at == after(hours=4)
    assert ticket.clocks_late_at(after(hours=5)) == ["response", "solution"]
    assert [breach.clock for breach in ticket.breaches(after(hours=5))] == ["solution"]
    assert ticket.breaches(after(hours=6)) == []
    assert ticket.next_breach_at is None


@pytest.mark.capability("SVC-06")
def test_nothing_is_done_to_a_closed_ticket_but_to_reopen_it():
    ticket = a_closed()

    with pytest.raises(TicketAlreadyClosed):
        ticket.close(solution="再次", at=LATER, now=LATER)
    with pytest.raises(TicketAlreadyClosed):
        ticket.assign(assignee_id=uuid4(), team=None, at=LATER, now=LATER)
    with pytest.raises(TicketAlreadyClosed):
        ticket.queue(team="east", at=LATER, now=LATER)
    with pytest.raises(TicketAlreadyClosed):
        ticket.work_on(at=LATER, now=LATER)
    with pytest.raises(TicketAlreadyClosed):
        ticket.reclassify(category="other", impact=None, urgency=None, priority=None, reason="错")
    assert ticket.reopen(reason="又坏了", at=LATER, now=LATER).reason == "又坏了"


@pytest.mark.capability("SVC-06")
@pytest.mark.parametrize("state", sorted(set(TicketState) - {TicketState.CLOSED}))
def test_only_a_closed_ticket_can_be_reopened(state):
    ticket = a_ticket()
    ticket.state = state

    with pytest.raises(TicketNotClosed):
        ticket.reopen(reason="又坏了", at=NOW, now=NOW)


def test_every_state_can_be_reached_and_left():
    reached = {TicketState.OPEN}.union(*ALLOWED.values())

    assert reached == set(ALLOWED) == set(TicketState)
    assert all(ALLOWED.values())


def test_who_gets_a_ticket_owns_it():
    agent = uuid4()
    ticket = a_ticket(owner_id=uuid4())

    assigned = ticket.assign(assignee_id=agent, team="east", at=NOW, now=NOW)

    assert (assigned.assignee_id, assigned.owner_id, assigned.team) == (agent, agent, "east")
    assert ticket.state == TicketState.ASSIGNED


def test_a_ticket_in_a_queue_is_nobodys():
    ticket = a_ticket()
    ticket.assign(assignee_id=uuid4(), team="east", at=NOW, now=NOW)

    queued = ticket.queue(team="west", at=NOW, now=NOW)

    assert (queued.team, queued.owner_id, ticket.assignee_id) == ("west", None, None)
    assert ticket.state == TicketState.OPEN


def test_a_ticket_that_is_worked_on_stays_so_whoever_gets_it():
    ticket = a_ticket()
    ticket.respond(at=NOW, now=NOW)

    ticket.assign(assignee_id=uuid4(), team="east", at=NOW, now=NOW)
    ticket.queue(team="west", at=NOW, now=NOW)

    assert ticket.state == TicketState.IN_PROGRESS


def test_an_assignment_to_the_present_assignee_is_refused():
    agent = uuid4()
    ticket = a_ticket()
    ticket.assign(assignee_id=agent, team="east", at=NOW, now=NOW)

    with pytest.raises(NothingToAssign):
        ticket.assign(assignee_id=agent, team=None, at=NOW, now=NOW)


@pytest.mark.capability("SVC-02")
def test_a_new_class_moves_the_clocks_that_run():
    ticket = a_ticket()
    ticket.respond(at=after(minutes=5), now=LATER)
    response_due_at = ticket.response_due_at

    told = ticket.reclassify(
        category=None, impact=Level.HIGH, urgency=Level.HIGH, priority=None, reason="停产"
    )

    assert (told.priority, told.solution_due_at) == ("urgent", after(hours=4))
    assert ticket.response_due_at == response_due_at
    assert ticket.next_breach_at == after(hours=4)


def test_a_new_class_that_is_the_old_one_is_refused():
    with pytest.raises(NothingToReclassify):
        a_ticket().reclassify(
            category="hardware.pump", impact=None, urgency=None, priority=None, reason="?"
        )


def test_what_has_not_happened_cannot_be_entered():
    tomorrow = after(days=1)

    with pytest.raises(MomentOutOfOrder):
        a_ticket(opened_at=tomorrow)
    for act in (
        lambda: a_ticket().respond(at=tomorrow, now=NOW),
        lambda: a_ticket().close(solution="重启", at=tomorrow, now=NOW),
        lambda: a_ticket().work_on(at=tomorrow, now=NOW),
        lambda: a_ticket().assign(assignee_id=uuid4(), team=None, at=tomorrow, now=NOW),
        lambda: a_closed().reopen(reason="又坏了", at=tomorrow, now=NOW),
    ):
        with pytest.raises(MomentOutOfOrder):
            act()


def test_a_step_cannot_lie_before_what_it_follows():
    yesterday = after(days=-1)

    with pytest.raises(MomentOutOfOrder):
        a_ticket().respond(at=yesterday, now=LATER)
    with pytest.raises(MomentOutOfOrder):
        a_closed().reopen(reason="又坏了", at=after(minutes=59), now=LATER)
    answered = a_ticket()
    answered.respond(at=after(hours=2), now=LATER)
    with pytest.raises(MomentOutOfOrder):
        answered.close(solution="重启", at=after(hours=1), now=LATER)


def test_a_ticket_is_measured_by_the_policy_it_began_with():
    targets = {"normal": {"response_minutes": 1, "solution_minutes": 2, "around_the_clock": True}}

    ticket = a_ticket(policy=a_policy(targets=targets))

    assert ticket.response_due_at == after(minutes=1)
    assert ticket.solution_due_at == after(minutes=2)
