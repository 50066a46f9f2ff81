"""What people do with tickets.

What changes a ticket takes its id, or the ticket itself where an import has just made or loaded it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from common.auth import Actor
from common.custom_fields import writing
from common.events import Event
from common.handovers import Handover, refuse_who_left
from common.messaging.outbox import record
from common.numbers import next_numbers
from common.pagination import Page, PageRequest, paginate
from service_desk.sla.model import SlaPolicy, in_force
from service_desk.surveys import use_cases as surveys
from service_desk.tickets.intake import SCOPE, Surroundings, look_around
from service_desk.tickets.model import Activity, Ticket, TicketNotFound, TicketState, TicketStep
from service_desk.tickets.schemas import (
    TicketAssign,
    TicketClose,
    TicketOpen,
    TicketReclassify,
    TicketReopen,
    TicketRespond,
    TicketWork,
)

SORT_KEYS: dict[str, InstrumentedAttribute[Any]] = {
    "opened_at": Ticket.opened_at,
    "updated_at": Ticket.updated_at,
    "solution_due_at": Ticket.solution_due_at,
}
BREACHES_AT_ONCE = 500
HANDOVER = Actor(id="handover")
OWNER_LEFT = "the owner left the company"
TIMER = Actor(id="service-desk-timer")


async def open_ticket(
    session: AsyncSession, new: TicketOpen, *, actor: Actor, now: datetime
) -> tuple[Ticket, bool]:
    """Take a request; the ticket, and whether it is new. A repeated message is the same ticket."""
    return (await open_tickets(session, [new], actor=actor, now=now))[0]


async def open_tickets(
    session: AsyncSession,
    news: Sequence[TicketOpen],
    *,
    actor: Actor,
    now: datetime,
    numbers: Sequence[int] | None = None,
) -> list[tuple[Ticket, bool]]:
    """Take many requests in the statements of one; each ticket, and whether it is new.

    A refusal of one refuses all. `numbers`, when given, are those of the series to use.
    """
    around = await look_around(session, news, now=now)
    drawn = iter(numbers or await next_numbers(session, "tickets", len(news)))
    taken = []
    for new in news:
        message = (str(new.channel), new.channel_message_id or "")
        existing = around.by_message.get(message)
        if existing is not None:
            taken.append((existing, False))
            continue
        own = await writing.for_new(session, Ticket, {"custom": new.custom})
        ticket = _open(session, new, around, number=next(drawn), own=own, actor=actor, now=now)
        if new.channel_message_id is not None:
            around.by_message[message] = ticket
        taken.append((ticket, True))
    return taken


def _open(
    session: AsyncSession,
    new: TicketOpen,
    around: Surroundings,
    *,
    number: int,
    own: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> Ticket:
    around.refuse_taken_external_id(new)
    customer = around.customer_of(new)
    opened_at = new.opened_at or now
    what = new.model_dump(exclude={"customer_id", "customer_number", "opened_at", *SCOPE}) | own
    ticket, opened = Ticket.open(
        number=number,
        by=actor.id,
        now=now,
        opened_at=opened_at,
        policy=in_force(around.policies, opened_at),
        coverage=around.coverage_of(new, customer, opened_at),
        customer_id=customer.id if customer else None,
        **what,
        **around.scope_of(new, customer),
    )
    session.add(ticket)
    _write(session, ticket, Activity.OPENED, [opened], None, at=opened_at, by=actor, now=now)
    if new.external_source is not None and new.external_id is not None:
        around.by_external_id[new.external_source, new.external_id] = ticket.id
    return ticket


async def get_ticket(session: AsyncSession, ticket_id: UUID, *, lock: bool = False) -> Ticket:
    """The ticket; `lock` keeps it for this transaction, and brings the policy its rules need."""
    ticket = await session.get(
        Ticket,
        ticket_id,
        options=[joinedload(Ticket.policy).joinedload(SlaPolicy.calendar)] if lock else None,
        with_for_update={"of": Ticket} if lock else None,
    )
    if ticket is None:
        raise TicketNotFound(f"no ticket {ticket_id}")
    return ticket


async def list_tickets(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    category: str | None = None,
    late_at: datetime | None = None,
    breached: bool | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Ticket]:
    """A page of tickets, the latest first.

    `q` is looked for in subject and number; `category` finds what lies below it as well; `late_at`
    leaves those with a clock that runs and has run out by then; `breached` those with a clock that
    ran out, whether it runs or not.
    """
    query = select(Ticket).where(*filters)
    if q:
        query = query.where(
            or_(Ticket.subject.icontains(q, autoescape=True), Ticket.number.istartswith(q))
        )
    if category is not None:
        below = Ticket.category.startswith(f"{category}.", autoescape=True)
        query = query.where(or_(Ticket.category == category, below))
    if late_at is not None:
        query = query.where(
            Ticket.state != TicketState.CLOSED,
            or_(
                Ticket.solution_due_at < late_at,
                (Ticket.response_due_at < late_at) & Ticket.responded_at.is_(None),
            ),
        )
    if breached is not None:
        ran_out = or_(
            Ticket.response_breached_at.is_not(None), Ticket.solution_breached_at.is_not(None)
        )
        query = query.where(ran_out if breached else ~ran_out)
    return await paginate(
        session,
        query,
        page,
        id_column=Ticket.id,
        sort_keys=SORT_KEYS,
        default_sort="-opened_at",
    )


async def list_steps(session: AsyncSession, ticket_id: UUID) -> Sequence[TicketStep]:
    """The history of a ticket, from the first step on."""
    found = await session.execute(
        select(TicketStep).where(TicketStep.ticket_id == ticket_id).order_by(TicketStep.place)
    )
    steps = found.scalars().all()
    if not steps:
        raise TicketNotFound(f"no ticket {ticket_id}")
    return steps


async def assign_ticket(
    session: AsyncSession, ticket: UUID | Ticket, to: TicketAssign, *, actor: Actor, now: datetime
) -> Ticket:
    """Give the ticket to an employee, or put it into the queue of a team."""
    if to.assignee_id is not None:
        await refuse_who_left(session, to.assignee_id, pointer="/assignee_id")
    ticket = await _held(session, ticket)
    before, at = ticket.state, to.assigned_at or now
    told: Event
    if to.assignee_id is not None:
        activity = Activity.ASSIGNED
        told = ticket.assign(assignee_id=to.assignee_id, team=to.team, at=at, now=now)
    else:
        assert to.team is not None
        activity = Activity.QUEUED
        told = ticket.queue(team=to.team, at=at, now=now)
    _write(session, ticket, activity, [told], before, at=at, by=actor, now=now, note=to.note)
    return ticket


async def hand_over_tickets(session: AsyncSession, handover: Handover, limit: int) -> int:
    """Give the open tickets of somebody who left to the successor; how many there were.

    They stay with their team.
    """
    found = await session.execute(
        select(Ticket)
        .where(Ticket.owner_id == handover.from_id, Ticket.state != TicketState.CLOSED)
        .order_by(Ticket.id)
        .limit(limit)
        .with_for_update()
    )
    tickets = found.scalars().all()
    for ticket in tickets:
        before, now = ticket.state, handover.now
        # What the clock of another system dated ahead is not assigned before it was opened.
        at = max(now, ticket.solution_started_at)
        told = ticket.assign(assignee_id=handover.to_id, team=None, at=at, now=now)
        _write(
            session,
            ticket,
            Activity.ASSIGNED,
            [told],
            before,
            at=at,
            by=HANDOVER,
            now=now,
            note=OWNER_LEFT,
        )
    return len(tickets)


async def annotate_ticket(
    session: AsyncSession, ticket_id: UUID, *, changes: dict[str, Any]
) -> Ticket:
    """Change the custom fields; unchanged values cause no event."""
    ticket = await get_ticket(session, ticket_id, lock=True)
    changes = await writing.for_change(session, ticket, changes)
    annotated = ticket.annotate(changes.get("custom", ticket.custom))
    if annotated is not None:
        record(session, ticket, annotated)
    return ticket


async def reclassify_ticket(
    session: AsyncSession,
    ticket: UUID | Ticket,
    to: TicketReclassify,
    *,
    actor: Actor,
    now: datetime,
) -> Ticket:
    """Change category or priority."""
    ticket = await _held(session, ticket)
    before = ticket.state
    told = ticket.reclassify(**to.model_dump())
    note = f"{ticket.category}, {ticket.priority}: {to.reason}"
    _write(
        session,
        ticket,
        Activity.RECLASSIFIED,
        [told],
        before,
        at=now,
        by=actor,
        now=now,
        note=note,
    )
    return ticket


async def work_on_ticket(
    session: AsyncSession, ticket: UUID | Ticket, done: TicketWork, *, actor: Actor, now: datetime
) -> Ticket:
    """Write down what was done, and what came of it."""
    ticket = await _held(session, ticket)
    before, at = ticket.state, done.worked_at or now
    _write(
        session,
        ticket,
        Activity.WORKED_ON,
        [ticket.work_on(at=at, now=now)],
        before,
        at=at,
        by=actor,
        now=now,
        note=done.activity,
        result=done.result,
    )
    return ticket


async def respond_to_ticket(
    session: AsyncSession,
    ticket: UUID | Ticket,
    response: TicketRespond,
    *,
    actor: Actor,
    now: datetime,
) -> Ticket:
    """Give the first response."""
    ticket = await _held(session, ticket)
    before, at = ticket.state, response.responded_at or now
    _write(
        session,
        ticket,
        Activity.RESPONDED,
        ticket.respond(at=at, now=now),
        before,
        at=at,
        by=actor,
        now=now,
        note=response.note,
    )
    return ticket


async def close_ticket(
    session: AsyncSession,
    ticket: UUID | Ticket,
    closing: TicketClose,
    *,
    actor: Actor,
    now: datetime,
    ask: bool = True,
) -> Ticket:
    """Close the ticket as solved, and ask the customer how it was.

    `ask` is False for imports of what was closed long ago.
    """
    ticket = await _held(session, ticket)
    before, at = ticket.state, closing.closed_at or now
    _write(
        session,
        ticket,
        Activity.CLOSED,
        ticket.close(solution=closing.solution, at=at, now=now),
        before,
        at=at,
        by=actor,
        now=now,
        result=closing.solution,
    )
    if ask:
        surveys.ask(
            session,
            at=at,
            ticket_id=ticket.id,
            closure=ticket.closures,
            customer_id=ticket.customer_id,
            **ticket.scope,
        )
    return ticket


async def reopen_ticket(
    session: AsyncSession,
    ticket: UUID | Ticket,
    reopening: TicketReopen,
    *,
    actor: Actor,
    now: datetime,
) -> Ticket:
    """Take up a closed ticket again; a survey that nobody answered is withdrawn."""
    ticket = await _held(session, ticket)
    before, at = ticket.state, reopening.reopened_at or now
    told = ticket.reopen(reason=reopening.reason, at=at, now=now)
    _write(
        session,
        ticket,
        Activity.REOPENED,
        [told],
        before,
        at=at,
        by=actor,
        now=now,
        note=reopening.reason,
    )
    await surveys.void_unanswered(session, ticket.id, at=at)
    return ticket


async def tell_breaches(
    session: AsyncSession, *, now: datetime, limit: int = BREACHES_AT_ONCE
) -> int:
    """Tell of the clocks that have run out, the oldest first; how many tickets that were.

    Each clock is told of once, however late: what is due stands in the tickets themselves. Tickets
    that somebody works on at this moment are left for the next time.
    """
    found = await session.execute(
        select(Ticket)
        .where(Ticket.next_breach_at < now)
        .order_by(Ticket.next_breach_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    tickets = found.scalars().all()
    for ticket in tickets:
        told = ticket.breaches(now)
        clocks = ", ".join(breach.clock for breach in told)
        _write(
            session,
            ticket,
            Activity.BREACHED,
            told,
            ticket.state,
            at=max(breach.due_at for breach in told),
            by=TIMER,
            now=now,
            note=clocks,
        )
    return len(tickets)


async def _held(session: AsyncSession, ticket: UUID | Ticket) -> Ticket:
    if isinstance(ticket, Ticket):
        return ticket
    return await get_ticket(session, ticket, lock=True)


def _write(
    session: AsyncSession,
    ticket: Ticket,
    activity: Activity,
    told: Sequence[Event],
    before: str | None,
    *,
    at: datetime,
    by: Actor,
    now: datetime,
    note: str | None = None,
    result: str | None = None,
) -> None:
    """Say what happened to the others, and keep it in the ticket's own history."""
    record(session, ticket, *told)
    ticket.steps.add(
        TicketStep(
            place=ticket.version,
            activity=activity,
            from_state=before,
            state=ticket.state,
            at=at,
            by=by.id,
            assignee_id=ticket.assignee_id,
            team=ticket.team,
            note=note,
            result=result,
            recorded_at=now,
        )
    )
