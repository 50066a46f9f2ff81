"""Everything the service desk tells the others."""

from typing import Annotated

from pydantic import Field

from common.custom_fields.columns import SaidValues
from common.custom_fields.events import CustomFieldChange
from common.events import Event, Id, Moment, ScopedEvent

Text = Annotated[str, Field(examples=["更换了主板，测试正常"])]
Code = Annotated[str, Field(examples=["hardware.pump"])]
Priority = Annotated[str, Field(examples=["high"])]
Clock = Annotated[str, Field(examples=["response"])]
Team = Annotated[str, Field(examples=["field_service_east"])]
Minutes = Annotated[int, Field(ge=0, examples=[42])]


class TicketOpened(ScopedEvent):
    """A request for service was taken, and its two clocks run."""

    type = "service_desk.ticket.opened.v1"

    ticket_id: Id
    number: Annotated[str, Field(examples=["T2026-000042"])]
    customer_id: Id | None = None
    contact_id: Id | None = None
    product_id: Id | None = None
    contract_id: Id | None = None
    category: Code
    priority: Priority
    channel: Annotated[str, Field(examples=["phone"])]
    opened_at: Moment
    response_due_at: Moment
    solution_due_at: Moment
    policy_id: Id
    covered: bool | None = None
    external_source: Annotated[str | None, Field(examples=["old_desk"])] = None
    external_id: Annotated[str | None, Field(examples=["4711"])] = None
    custom: SaidValues = None


class TicketAnnotated(ScopedEvent):
    """The custom fields of a ticket were changed; nothing else of it was."""

    type = "service_desk.ticket.annotated.v1"

    ticket_id: Id
    custom: SaidValues = None


class TicketAssigned(ScopedEvent):
    """A ticket was given to an employee, who owns it from now on."""

    type = "service_desk.ticket.assigned.v1"

    ticket_id: Id
    assignee_id: Id
    team: Team | None = None
    assigned_at: Moment


class TicketQueued(ScopedEvent):
    """A ticket was put into the queue of a team and is nobody's yet."""

    type = "service_desk.ticket.queued.v1"

    ticket_id: Id
    team: Team
    queued_at: Moment


class TicketReclassified(ScopedEvent):
    """A ticket has another category or priority; these are the values after it."""

    type = "service_desk.ticket.reclassified.v1"

    ticket_id: Id
    category: Code
    priority: Priority
    reason: Text
    response_due_at: Moment
    solution_due_at: Moment


class TicketWorkedOn(ScopedEvent):
    """Somebody did something for a ticket; what it was stays with this service."""

    type = "service_desk.ticket.worked_on.v1"

    ticket_id: Id
    worked_at: Moment


class TicketResponded(ScopedEvent):
    """The customer got the first response; `minutes` counts as the ticket's policy does."""

    type = "service_desk.ticket.responded.v1"

    ticket_id: Id
    responded_at: Moment
    within_sla: bool
    minutes: Minutes


class TicketClosed(ScopedEvent):
    """A ticket was solved; `minutes` are those of the solution clock, over all its runs."""

    type = "service_desk.ticket.closed.v1"

    ticket_id: Id
    customer_id: Id | None = None
    closed_at: Moment
    within_sla: bool
    solution: Text
    minutes: Minutes


class TicketReopened(ScopedEvent):
    """A closed ticket was not solved after all: the solution clock runs again."""

    type = "service_desk.ticket.reopened.v1"

    ticket_id: Id
    reopened_at: Moment
    reason: Text
    solution_due_at: Moment


class TicketSlaBreached(ScopedEvent):
    """A clock of a ticket, `response` or `solution`, ran out; said once a clock."""

    type = "service_desk.ticket.sla_breached.v1"

    ticket_id: Id
    clock: Clock
    due_at: Moment


class SurveyAsked(ScopedEvent):
    """The customer is asked how the service was, once for each time the ticket was closed."""

    type = "service_desk.survey.asked.v1"

    survey_id: Id
    ticket_id: Id
    customer_id: Id | None = None
    closure: Annotated[int, Field(ge=1, examples=[1])]
    asked_at: Moment


class SurveyAnswered(ScopedEvent):
    """The customer answered; the scope fields name the agent as owner, and the partner."""

    type = "service_desk.survey.answered.v1"

    survey_id: Id
    ticket_id: Id
    customer_id: Id | None = None
    score: Annotated[int, Field(ge=1, le=5, examples=[4])]
    answered_at: Moment


class SurveyVoided(ScopedEvent):
    """A survey that nobody had answered was withdrawn, because its ticket was reopened."""

    type = "service_desk.survey.voided.v1"

    survey_id: Id
    ticket_id: Id
    voided_at: Moment


class PolicyPublished(Event):
    """A version of the service level policy was published; tickets keep the one they began with."""

    type = "service_desk.policy.published.v1"

    policy_id: Id
    revision: Annotated[int, Field(ge=1, examples=[2])]
    effective_at: Moment
    calendar_id: Id


class CalendarPublished(Event):
    """A version of a calendar of service hours was published."""

    type = "service_desk.calendar.published.v1"

    calendar_id: Id
    name: Annotated[str, Field(examples=["office"])]
    revision: Annotated[int, Field(ge=1, examples=[2])]


class CustomFieldChanged(CustomFieldChange):
    """A custom field was defined or changed; these are the values after it."""

    type = "service_desk.custom_field.changed.v1"
