"""Input and output of the ticket endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from common.custom_fields.columns import CustomValues
from common.patches import MergePatch
from service_desk.personal_data import OF_TICKETS
from service_desk.sla.model import Level, Priority
from service_desk.sla.schemas import Code, Line, UtcMoment
from service_desk.tickets.model import Channel, Ticket

Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
MessageId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Number = Annotated[str, StringConstraints(min_length=1, max_length=20)]
Category = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", max_length=120)
]
"""A place in the category tree, from the trunk on: `hardware.pump`."""


class TicketOpen(BaseModel):
    """A request for service.

    The customer is named by id or by number. What the scope fields leave out is taken from the
    customer. The priority follows from impact and urgency unless it is set, with a reason.
    `opened_at` is for requests that came earlier; now, when absent.
    """

    model_config = ConfigDict(extra="forbid")

    subject: Subject
    description: str | None = Field(None, max_length=20_000)
    category: Category
    channel: Channel
    channel_message_id: MessageId | None = None
    impact: Level = Level.MEDIUM
    urgency: Level = Level.MEDIUM
    priority: Priority | None = None
    priority_reason: Line | None = None
    customer_id: UUID | None = None
    customer_number: Number | None = None
    contact_id: UUID | None = None
    requester: Subject | None = None
    product_id: UUID | None = None
    contract_id: UUID | None = None
    team: Code | None = None
    owner_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_id: UUID | None = None
    opened_at: UtcMoment | None = None
    external_source: Code | None = None
    external_id: Line | None = None
    custom: CustomValues = {}

    @model_validator(mode="after")
    def _what_belongs_together_is_whole(self) -> "TicketOpen":
        if (self.external_source is None) != (self.external_id is None):
            raise ValueError("external_source and external_id go together")
        if (self.priority is None) != (self.priority_reason is None):
            raise ValueError("a priority that is set by hand needs a priority_reason")
        if self.customer_id is not None and self.customer_number is not None:
            raise ValueError("name the customer by customer_id or by customer_number")
        return self


class TicketUpdate(MergePatch):
    """A merge patch over the custom fields; all else of a ticket changes by its own commands."""

    custom: CustomValues = {}


class TicketAssign(BaseModel):
    """To whom a ticket goes: an employee, or the queue of a team."""

    model_config = ConfigDict(extra="forbid")

    assignee_id: UUID | None = None
    team: Code | None = None
    note: Note | None = None
    assigned_at: UtcMoment | None = None

    @model_validator(mode="after")
    def _goes_to_somebody(self) -> "TicketAssign":
        if self.assignee_id is None and self.team is None:
            raise ValueError("name an assignee_id, a team, or both")
        return self


class TicketReclassify(BaseModel):
    """What a ticket is instead, and why; absent fields stay."""

    model_config = ConfigDict(extra="forbid")

    category: Category | None = None
    impact: Level | None = None
    urgency: Level | None = None
    priority: Priority | None = None
    reason: Line


class TicketWork(BaseModel):
    """What was done for a ticket, and what came of it."""

    model_config = ConfigDict(extra="forbid")

    activity: Note
    result: Note | None = None
    worked_at: UtcMoment | None = None


class TicketRespond(BaseModel):
    """The first response to the customer."""

    model_config = ConfigDict(extra="forbid")

    note: Note | None = None
    responded_at: UtcMoment | None = None


class TicketClose(BaseModel):
    """How the ticket was solved."""

    model_config = ConfigDict(extra="forbid")

    solution: Note
    closed_at: UtcMoment | None = None


class TicketReopen(BaseModel):
    """Why the solution was none."""

    model_config = ConfigDict(extra="forbid")

    reason: Note
    reopened_at: UtcMoment | None = None


class TicketRead(BaseModel):
    """A ticket; `late_clocks` are those that run and have run out, at the moment of reading."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    subject: str
    description: str | None
    category: str
    impact: str | None
    urgency: str | None
    priority: str
    priority_reason: str
    channel: str
    channel_message_id: str | None
    customer_id: UUID | None
    contact_id: UUID | None
    requester: Annotated[str | None, OF_TICKETS]
    product_id: UUID | None
    contract_id: UUID | None
    covered: bool | None
    coverage_reason: str | None
    state: str
    assignee_id: UUID | None
    team: str | None
    policy_id: UUID
    opened_at: datetime
    opened_by: str
    response_due_at: datetime
    responded_at: datetime | None
    response_breached_at: datetime | None
    solution_due_at: datetime
    closed_at: datetime | None
    solution_breached_at: datetime | None
    late_clocks: list[str] = []
    solution: str | None
    reopen_count: int
    owner_id: UUID | None
    department_id: UUID | None
    partner_id: UUID | None
    region_id: UUID | None
    external_source: str | None
    external_id: str | None
    custom: CustomValues
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def at(cls, ticket: Ticket, now: datetime) -> "TicketRead":
        """The ticket as it stands at this moment."""
        return cls.model_validate(ticket).model_copy(
            update={"late_clocks": ticket.clocks_late_at(now)}
        )


class TicketStepRead(BaseModel):
    """A step of a ticket's history: what was done, by whom, and what came of it."""

    model_config = ConfigDict(from_attributes=True)

    place: int
    activity: str
    from_state: str | None
    state: str
    at: datetime
    by: str
    assignee_id: UUID | None
    team: str | None
    note: str | None
    result: str | None
    recorded_at: datetime
