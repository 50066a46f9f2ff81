"""A ticket and its rules."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, WriteOnlyMapped, mapped_column, relationship

from common.aggregate import Aggregate
from common.custom_fields.columns import Extensible
from common.errors import Conflict, Invalid, NotFound
from common.ids import new_id
from common.scope import Scoped
from service_desk import events
from service_desk.db import Base
from service_desk.entitlements.model import Coverage
from service_desk.sla.model import Level, SlaPolicy


class TicketState(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"
    REOPENED = "reopened"


ALLOWED: dict[TicketState, frozenset[TicketState]] = {
    TicketState.OPEN: frozenset(
        {TicketState.OPEN, TicketState.ASSIGNED, TicketState.IN_PROGRESS, TicketState.CLOSED}
    ),
    TicketState.ASSIGNED: frozenset(
        {TicketState.OPEN, TicketState.ASSIGNED, TicketState.IN_PROGRESS, TicketState.CLOSED}
    ),
    TicketState.IN_PROGRESS: frozenset({TicketState.IN_PROGRESS, TicketState.CLOSED}),
    TicketState.CLOSED: frozenset({TicketState.REOPENED}),
    TicketState.REOPENED: frozenset(
        {TicketState.OPEN, TicketState.ASSIGNED, TicketState.IN_PROGRESS, TicketState.CLOSED}
    ),
}
"""The moves. To stay is one where somebody else gets the ticket, or more is done for it; to open is
the way back into a team's queue. Nothing is done to a closed ticket but to reopen it."""


class Channel(StrEnum):
    """How a request reached us; more may follow."""

    PHONE = "phone"
    EMAIL = "email"
    CHAT = "chat"
    WECHAT = "wechat"
    WEB = "web"
    VISIT = "visit"
    PARTNER = "partner"


class Activity(StrEnum):
    """What a step of a ticket's history was; more may follow."""

    OPENED = "opened"
    ASSIGNED = "assigned"
    QUEUED = "queued"
    RECLASSIFIED = "reclassified"
    WORKED_ON = "worked_on"
    RESPONDED = "responded"
    BREACHED = "breached"
    CLOSED = "closed"
    REOPENED = "reopened"


class TicketNotFound(NotFound):
    """There is no such ticket."""

    code = "ticket_not_found"


class ExternalIdTaken(Conflict):
    """Another ticket carries this id of the other system."""

    code = "external_id_taken"


class TicketAlreadyClosed(Conflict):
    """Nothing is done to a closed ticket but to reopen it."""

    code = "ticket_already_closed"


class TicketNotClosed(Conflict):
    """Only a closed ticket can be reopened."""

    code = "ticket_not_closed"


class FirstResponseGiven(Conflict):
    """The first response is given once."""

    code = "first_response_given"


class NothingToAssign(Conflict):
    """The ticket is with this employee and team already."""

    code = "nothing_to_assign"


class NothingToReclassify(Conflict):
    """The ticket has this category and priority already."""

    code = "nothing_to_reclassify"


class MomentOutOfOrder(Invalid):
    """What happened lies in the past, and not before what it follows."""

    code = "moment_out_of_order"


class TicketStep(Base):
    """A step of a ticket's history. Rows are only ever added; the database refuses all else."""

    __tablename__ = "ticket_steps"
    __seen_with__ = ("ticket_id", "Ticket")
    __table_args__ = (UniqueConstraint("ticket_id", "place"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    place: Mapped[int]
    activity: Mapped[str] = mapped_column(String(20))
    from_state: Mapped[str | None] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(80))
    assignee_id: Mapped[UUID | None]
    team: Mapped[str | None] = mapped_column(String(60))
    note: Mapped[str | None] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime]


class Ticket(Aggregate, Scoped, Extensible, Base):
    """A request for service with two clocks: one to the first response, one to the solution.

    Both are counted as the policy says that was in force when the ticket was opened. The clocks
    stop when the ticket is closed. Reopening starts the solution clock again with what was left of
    it: the time in which the ticket was closed does not count, and closing early buys no time.
    """

    __tablename__ = "tickets"
    __table_args__ = (
        Index(
            "uq_tickets_channel_message_id",
            "channel",
            "channel_message_id",
            unique=True,
            postgresql_where=text("channel_message_id IS NOT NULL"),
        ),
        Index(
            "uq_tickets_external_id",
            "external_source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index(
            "ix_tickets_next_breach_at",
            "next_breach_at",
            postgresql_where=text("next_breach_at IS NOT NULL"),
        ),
        Index("ix_tickets_opened_at_id", "opened_at", "id"),
        Index("ix_tickets_updated_at_id", "updated_at", "id"),
        Index("ix_tickets_solution_due_at_id", "solution_due_at", "id"),
        Index("ix_tickets_customer_id_opened_at", "customer_id", "opened_at"),
    )

    number: Mapped[str] = mapped_column(String(20), unique=True)
    subject: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str] = mapped_column(String(120))
    impact: Mapped[str | None] = mapped_column(String(20))
    urgency: Mapped[str | None] = mapped_column(String(20))
    priority: Mapped[str] = mapped_column(String(20))
    priority_reason: Mapped[str] = mapped_column(String(400))
    channel: Mapped[str] = mapped_column(String(20))
    channel_message_id: Mapped[str | None] = mapped_column(String(200))
    customer_id: Mapped[UUID | None]
    contact_id: Mapped[UUID | None]
    requester: Mapped[str | None] = mapped_column(String(200))
    product_id: Mapped[UUID | None] = mapped_column(index=True)
    contract_id: Mapped[UUID | None]
    covered: Mapped[bool | None]
    coverage_reason: Mapped[str | None] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20))
    assignee_id: Mapped[UUID | None] = mapped_column(index=True)
    team: Mapped[str | None] = mapped_column(String(60))
    policy_id: Mapped[UUID] = mapped_column(ForeignKey("sla_policies.id"))
    opened_at: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(String(80))
    response_due_at: Mapped[datetime]
    responded_at: Mapped[datetime | None]
    response_breached_at: Mapped[datetime | None]
    solution_started_at: Mapped[datetime]
    solution_spent_s: Mapped[int]
    solution_due_at: Mapped[datetime]
    solution_breached_at: Mapped[datetime | None]
    next_breach_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    solution: Mapped[str | None] = mapped_column(Text)
    reopen_count: Mapped[int]
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))

    policy: Mapped[SlaPolicy] = relationship(lazy="raise", innerjoin=True)
    # Write-only: a step is added without the ones before it being read.
    steps: WriteOnlyMapped[TicketStep] = relationship(cascade="save-update, merge")

    @classmethod
    def open(
        cls,
        *,
        number: int,
        by: str,
        now: datetime,
        opened_at: datetime,
        policy: SlaPolicy,
        impact: Level,
        urgency: Level,
        priority: str | None = None,
        priority_reason: str | None = None,
        coverage: Coverage | None = None,
        **what: Any,
    ) -> tuple["Ticket", events.TicketOpened]:
        """Take a request; both clocks begin at `opened_at`.

        The priority follows from impact and urgency unless a person sets it, with a reason.
        """
        _refuse_future(opened_at, now, "/opened_at")
        if what.get("contract_id") is None and coverage is not None and coverage.covered:
            assert coverage.entitlement is not None
            what["contract_id"] = coverage.entitlement.contract_id
        ticket = cls(
            number=f"T{opened_at:%Y}-{number:06d}",
            opened_by=by,
            opened_at=opened_at,
            policy=policy,
            policy_id=policy.id,
            covered=coverage and coverage.covered,
            coverage_reason=coverage and coverage.reason,
            state=TicketState.OPEN,
            solution_started_at=opened_at,
            solution_spent_s=0,
            reopen_count=0,
            **what,
        )
        ticket._classify(impact, urgency, priority, priority_reason)
        return ticket, events.TicketOpened(
            ticket_id=ticket.id,
            number=ticket.number,
            customer_id=ticket.customer_id,
            contact_id=ticket.contact_id,
            product_id=ticket.product_id,
            contract_id=ticket.contract_id,
            category=ticket.category,
            priority=ticket.priority,
            channel=ticket.channel,
            opened_at=opened_at,
            response_due_at=ticket.response_due_at,
            solution_due_at=ticket.solution_due_at,
            policy_id=policy.id,
            covered=ticket.covered,
            external_source=ticket.external_source,
            external_id=ticket.external_id,
            custom=ticket.said_values,
            **ticket.scope,
        )

    def annotate(self, custom: dict[str, Any]) -> events.TicketAnnotated | None:
        """Change the custom fields, in any state; None when they are the same already."""
        if self.custom == custom:
            return None
        self.custom = custom
        return events.TicketAnnotated(ticket_id=self.id, custom=self.said_values, **self.scope)

    def assign(
        self, *, assignee_id: UUID, team: str | None, at: datetime, now: datetime
    ) -> events.TicketAssigned:
        """Give the ticket to an employee, who owns it from now on; `team` None leaves the team."""
        team = team or self.team
        self._check_moment(at, now, "/assigned_at")
        if (assignee_id, team) == (self.assignee_id, self.team):
            raise NothingToAssign("the ticket is with this employee and team already")
        is_worked_on = self.state == TicketState.IN_PROGRESS
        self._move(TicketState.IN_PROGRESS if is_worked_on else TicketState.ASSIGNED)
        self.assignee_id = self.owner_id = assignee_id
        self.team = team
        return events.TicketAssigned(
            ticket_id=self.id, assignee_id=assignee_id, team=team, assigned_at=at, **self.scope
        )

    def queue(self, *, team: str, at: datetime, now: datetime) -> events.TicketQueued:
        """Put the ticket into the queue of a team; whoever had it has it no longer."""
        self._check_moment(at, now, "/assigned_at")
        if (None, team) == (self.assignee_id, self.team):
            raise NothingToAssign("the ticket is in the queue of this team already")
        is_worked_on = self.state == TicketState.IN_PROGRESS
        self._move(TicketState.IN_PROGRESS if is_worked_on else TicketState.OPEN)
        self.assignee_id = self.owner_id = None
        self.team = team
        return events.TicketQueued(ticket_id=self.id, team=team, queued_at=at, **self.scope)

    def reclassify(
        self,
        *,
        category: str | None,
        impact: Level | None,
        urgency: Level | None,
        priority: str | None,
        reason: str,
    ) -> events.TicketReclassified:
        """Change category or priority; the clocks that run become due as the new priority says.

        They are counted from where they began, so a ticket may be late at once. What has stopped
        or was told as breached stays as it was.
        """
        self._refuse_closed()
        before = (self.category, self.impact, self.urgency, self.priority)
        self.category = category or self.category
        if impact or urgency or priority:
            self._classify(
                Level(impact or self.impact or Level.MEDIUM),
                Level(urgency or self.urgency or Level.MEDIUM),
                priority,
                reason,
            )
        if before == (self.category, self.impact, self.urgency, self.priority):
            raise NothingToReclassify("the ticket has this category and priority already")
        return events.TicketReclassified(
            ticket_id=self.id,
            category=self.category,
            priority=self.priority,
            reason=reason,
            response_due_at=self.response_due_at,
            solution_due_at=self.solution_due_at,
            **self.scope,
        )

    def work_on(self, *, at: datetime, now: datetime) -> events.TicketWorkedOn:
        """Note that something was done; what, stands in the history."""
        self._check_moment(at, now, "/worked_at")
        self._move(TicketState.IN_PROGRESS)
        return events.TicketWorkedOn(ticket_id=self.id, worked_at=at, **self.scope)

    def respond(
        self, *, at: datetime, now: datetime
    ) -> list[events.TicketSlaBreached | events.TicketResponded]:
        """Give the first response, which stops the response clock."""
        if self.responded_at is not None:
            raise FirstResponseGiven("the first response was given before")
        self._check_moment(at, now, "/responded_at")
        self._move(TicketState.IN_PROGRESS)
        return [*self.breaches(at), self._stop_response_clock(at)]

    def close(
        self, *, solution: str, at: datetime, now: datetime
    ) -> list[events.TicketSlaBreached | events.TicketResponded | events.TicketClosed]:
        """Close the ticket as solved, which stops both clocks.

        Where nobody had answered, the solution is the first response.
        """
        self._check_moment(at, now, "/closed_at")
        _refuse_before(at, self.responded_at or at, "/closed_at")
        self._move(TicketState.CLOSED)
        told: list[events.TicketSlaBreached | events.TicketResponded | events.TicketClosed] = [
            *self.breaches(at)
        ]
        if self.responded_at is None:
            told.append(self._stop_response_clock(at))
        self.closed_at, self.solution = at, solution
        spent = self.policy.counted(self.priority, self.solution_started_at, at)
        self.solution_spent_s += int(spent.total_seconds())
        allowed_s = self.policy.target(self.priority).solution.total_seconds()
        self._aim_alarm()
        closed = events.TicketClosed(
            ticket_id=self.id,
            customer_id=self.customer_id,
            closed_at=at,
            # Late once is late: what an earlier run took too long counts as well.
            within_sla=at <= self.solution_due_at and self.solution_spent_s <= allowed_s,
            solution=solution,
            minutes=self.solution_spent_s // 60,
            **self.scope,
        )
        return [*told, closed]

    def reopen(self, *, reason: str, at: datetime, now: datetime) -> events.TicketReopened:
        """Take up a closed ticket again; the solution clock goes on with what was left of it."""
        _refuse_before(at, self.closed_at or at, "/reopened_at")
        _refuse_future(at, now, "/reopened_at")
        self._move(TicketState.REOPENED)
        self.closed_at = self.solution = None
        self.reopen_count += 1
        self.solution_started_at = at
        self.solution_due_at = self.policy.due_at(self.priority, at, self._solution_left())
        self._aim_alarm()
        return events.TicketReopened(
            ticket_id=self.id,
            reopened_at=at,
            reason=reason,
            solution_due_at=self.solution_due_at,
            **self.scope,
        )

    def breaches(self, now: datetime) -> list[events.TicketSlaBreached]:
        """What has run out by `now` and was not told; each clock is told of once in its life."""
        told = []
        if self._response_may_breach and now > self.response_due_at:
            self.response_breached_at = self.response_due_at
            told.append(self._breached("response", self.response_due_at))
        if self._solution_may_breach and now > self.solution_due_at:
            self.solution_breached_at = self.solution_due_at
            told.append(self._breached("solution", self.solution_due_at))
        self._aim_alarm()
        return told

    def clocks_late_at(self, now: datetime) -> list[str]:
        """The clocks that run and have run out."""
        late = []
        if self.responded_at is None and now > self.response_due_at:
            late.append("response")
        if self.closed_at is None and now > self.solution_due_at:
            late.append("solution")
        return late

    @property
    def closures(self) -> int:
        """How often the ticket was closed."""
        return self.reopen_count + (self.closed_at is not None)

    @property
    def _response_may_breach(self) -> bool:
        return self.responded_at is None and self.response_breached_at is None

    @property
    def _solution_may_breach(self) -> bool:
        return self.closed_at is None and self.solution_breached_at is None

    def _classify(
        self, impact: Level, urgency: Level, priority: str | None, reason: str | None
    ) -> None:
        """Set the priority, why it is that, and when the clocks that run are due by it."""
        self.impact, self.urgency = impact, urgency
        if priority is None:
            self.priority = self.policy.priority_for(impact, urgency)
            self.priority_reason = (
                f"impact {impact} and urgency {urgency} give {self.priority}"
                f" by policy {self.policy.revision}"
            )
        else:
            self.priority = priority
            self.priority_reason = f"set by hand: {reason}"
        target = self.policy.target(self.priority)
        if self.responded_at is None:
            self.response_due_at = self.policy.due_at(
                self.priority, self.opened_at, target.response
            )
        self.solution_due_at = self.policy.due_at(
            self.priority, self.solution_started_at, self._solution_left()
        )
        self._aim_alarm()

    def _solution_left(self) -> timedelta:
        allowed = self.policy.target(self.priority).solution
        return max(allowed - timedelta(seconds=self.solution_spent_s), timedelta())

    def _stop_response_clock(self, at: datetime) -> events.TicketResponded:
        self.responded_at = at
        self._aim_alarm()
        spent = self.policy.counted(self.priority, self.opened_at, at)
        return events.TicketResponded(
            ticket_id=self.id,
            responded_at=at,
            within_sla=at <= self.response_due_at,
            minutes=int(spent.total_seconds()) // 60,
            **self.scope,
        )

    def _breached(self, clock: str, due_at: datetime) -> events.TicketSlaBreached:
        return events.TicketSlaBreached(ticket_id=self.id, clock=clock, due_at=due_at, **self.scope)

    def _aim_alarm(self) -> None:
        """Keep the moment at which the timer must look at this ticket next."""
        running = []
        if self._response_may_breach:
            running.append(self.response_due_at)
        if self._solution_may_breach:
            running.append(self.solution_due_at)
        self.next_breach_at = min(running, default=None)

    def _move(self, to: TicketState) -> None:
        if to not in ALLOWED[TicketState(self.state)]:
            self._refuse_closed()
            raise TicketNotClosed("the ticket is not closed")
        self.state = to

    def _refuse_closed(self) -> None:
        if self.state == TicketState.CLOSED:
            raise TicketAlreadyClosed("the ticket is closed; reopen it first")

    def _check_moment(self, at: datetime, now: datetime, pointer: str) -> None:
        _refuse_before(at, max(self.opened_at, self.solution_started_at), pointer)
        _refuse_future(at, now, pointer)


def _refuse_before(at: datetime, earliest: datetime, pointer: str) -> None:
    if at < earliest:
        raise MomentOutOfOrder(f"this cannot lie before {earliest.isoformat()}", pointer=pointer)


def _refuse_future(at: datetime, now: datetime, pointer: str) -> None:
    # Clocks of other systems run a little fast.
    if at > now + timedelta(minutes=5):
        raise MomentOutOfOrder("this cannot lie in the future", pointer=pointer)
