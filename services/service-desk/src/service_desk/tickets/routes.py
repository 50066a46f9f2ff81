"""The ticket endpoints."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.auth import CurrentActor
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from service_desk.sla.schemas import UtcMoment
from service_desk.tickets import use_cases as tickets
from service_desk.tickets.model import Ticket
from service_desk.tickets.schemas import (
    TicketAssign,
    TicketClose,
    TicketOpen,
    TicketRead,
    TicketReclassify,
    TicketReopen,
    TicketRespond,
    TicketStepRead,
    TicketUpdate,
    TicketWork,
)

router = service_router("service-desk", "tickets")


@router.post(
    "",
    status_code=201,
    response_model=TicketRead,
    responses={200: {"model": TicketRead, "description": "The message was a ticket before"}},
)
async def open_ticket(
    new: TicketOpen, session: Session, actor: CurrentActor, now: Now, response: Response
) -> TicketRead:
    ticket, is_new = await tickets.open_ticket(session, new, actor=actor, now=now)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"{router.prefix}/{ticket.id}"
    return TicketRead.at(ticket, now)


@router.post(":batch", response_model=BatchAnswer)
async def open_tickets(
    batch: Batch[TicketOpen],
    session: Session,
    actor: CurrentActor,
    now: Now,
    one_by_one: DoOneByOne,
) -> BatchAnswer:
    return await one_by_one.do(
        batch, lambda new: tickets.open_ticket(session, new, actor=actor, now=now)
    )


@router.get("", response_model=PageOf[TicketRead])
async def list_tickets(
    session: Session,
    page: Paging,
    now: Now,
    q: str | None = None,
    state: str | None = None,
    priority: str | None = None,
    category: Annotated[str | None, Query(description="With everything below it")] = None,
    channel: str | None = None,
    customer_id: UUID | None = None,
    contact_id: UUID | None = None,
    product_id: UUID | None = None,
    contract_id: UUID | None = None,
    covered: bool | None = None,
    assignee_id: UUID | None = None,
    team: str | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    external_source: str | None = None,
    external_id: str | None = None,
    late: Annotated[bool, Query(description="Only with a clock that has run out and runs")] = False,
    breached: Annotated[bool | None, Query(description="With a clock that ever ran out")] = None,
    opened_since: UtcMoment | None = None,
    updated_since: UtcMoment | None = None,
) -> Page[TicketRead]:
    equal = {
        Ticket.state: state,
        Ticket.priority: priority,
        Ticket.channel: channel,
        Ticket.customer_id: customer_id,
        Ticket.contact_id: contact_id,
        Ticket.product_id: product_id,
        Ticket.contract_id: contract_id,
        Ticket.covered: covered,
        Ticket.assignee_id: assignee_id,
        Ticket.team: team,
        Ticket.owner_id: owner_id,
        Ticket.department_id: department_id,
        Ticket.partner_id: partner_id,
        Ticket.region_id: region_id,
        Ticket.external_source: external_source,
        Ticket.external_id: external_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if opened_since is not None:
        filters.append(Ticket.opened_at >= opened_since)
    if updated_since is not None:
        filters.append(Ticket.updated_at >= updated_since)
    found = await tickets.list_tickets(
        session,
        page,
        q=q,
        category=category,
        late_at=now if late else None,
        breached=breached,
        filters=filters,
    )
    return found.showing(lambda ticket: TicketRead.at(ticket, now))


@router.get("/{ticket_id}", response_model=TicketRead)
async def get_ticket(ticket_id: UUID, session: Session, now: Now) -> TicketRead:
    return TicketRead.at(await tickets.get_ticket(session, ticket_id), now)


@router.get("/{ticket_id}/history", response_model=list[TicketStepRead])
async def list_steps(ticket_id: UUID, session: Session) -> list[TicketStepRead]:
    steps = await tickets.list_steps(session, ticket_id)
    return [TicketStepRead.model_validate(step) for step in steps]


@router.post("/{ticket_id}:assign", response_model=TicketRead)
async def assign_ticket(
    ticket_id: UUID, to: TicketAssign, session: Session, actor: CurrentActor, now: Now
) -> TicketRead:
    ticket = await tickets.assign_ticket(session, ticket_id, to, actor=actor, now=now)
    return TicketRead.at(ticket, now)


@router.patch("/{ticket_id}", response_model=TicketRead)
async def annotate_ticket(
    ticket_id: UUID, changes: TicketUpdate, session: Session, now: Now
) -> TicketRead:
    ticket = await tickets.annotate_ticket(session, ticket_id, changes=changes.changes())
    return TicketRead.at(ticket, now)


@router.post("/{ticket_id}:reclassify", response_model=TicketRead)
async def reclassify_ticket(
    ticket_id: UUID, to: TicketReclassify, session: Session, actor: CurrentActor, now: Now
) -> TicketRead:
    ticket = await tickets.reclassify_ticket(session, ticket_id, to, actor=actor, now=now)
    return TicketRead.at(ticket, now)


@router.post("/{ticket_id}:work", response_model=TicketRead)
async def work_on_ticket(
    ticket_id: UUID, done: TicketWork, session: Session, actor: CurrentActor, now: Now
) -> TicketRead:
    ticket = await tickets.work_on_ticket(session, ticket_id, done, actor=actor, now=now)
    return TicketRead.at(ticket, now)


@router.post("/{ticket_id}:respond", response_model=TicketRead)
async def respond_to_ticket(
    ticket_id: UUID, given: TicketRespond, session: Session, actor: CurrentActor, now: Now
) -> TicketRead:
    ticket = await tickets.respond_to_ticket(session, ticket_id, given, actor=actor, now=now)
    return TicketRead.at(ticket, now)


@router.post("/{ticket_id}:close", response_model=TicketRead)
async def close_ticket(
    ticket_id: UUID, closing: TicketClose, session: Session, actor: CurrentActor, now: Now
) -> TicketRead:
    ticket = await tickets.close_ticket(session, ticket_id, closing, actor=actor, now=now)
    return TicketRead.at(ticket, now)


@router.post("/{ticket_id}:reopen", response_model=TicketRead)
async def reopen_ticket(
    ticket_id: UUID, reopening: TicketReopen, session: Session, actor: CurrentActor, now: Now
) -> TicketRead:
    ticket = await tickets.reopen_ticket(session, ticket_id, reopening, actor=actor, now=now)
    return TicketRead.at(ticket, now)
