"""The lead endpoints."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from fastapi import Response
from sqlalchemy import not_
from sqlalchemy.ext.asyncio import AsyncSession

from common.app import service_router
from common.auth import CurrentActor
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from sales.lead_assignments.model import LeadAssignment
from sales.lead_pools import use_cases as pools
from sales.lead_pools.schemas import LeadRelease
from sales.leads import use_cases as leads
from sales.leads.model import Lead, in_pool
from sales.leads.schemas import (
    LeadAssign,
    LeadAssignmentRead,
    LeadCapture,
    LeadConvert,
    LeadLose,
    LeadRead,
    LeadReopen,
    LeadScoreRead,
    LeadUpdate,
    ReplayRead,
)

router = service_router("sales", "leads")


@router.post("", status_code=201, response_model=LeadRead)
async def capture_lead(new: LeadCapture, session: Session, now: Now, response: Response) -> Lead:
    lead, is_new = await leads.capture_lead(session, new, now=now)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"{router.prefix}/{lead.id}"
    return lead


@router.post(":batch", response_model=BatchAnswer)
async def capture_leads(
    batch: Batch[LeadCapture], session: Session, now: Now, one_by_one: DoOneByOne
) -> BatchAnswer:
    return await one_by_one.do(batch, lambda new: _capture(session, new, now))


async def _capture(session: AsyncSession, new: LeadCapture, now: datetime) -> Lead:
    lead, _ = await leads.capture_lead(session, new, now=now)
    return lead


@router.get("", response_model=PageOf[LeadRead])
async def list_leads(
    session: Session,
    page: Paging,
    q: str | None = None,
    state: str | None = None,
    source: str | None = None,
    kind: str | None = None,
    rating: str | None = None,
    priority: str | None = None,
    lead_class: str | None = None,
    campaign: str | None = None,
    is_in_pool: bool | None = None,
    customer_id: UUID | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    updated_since: datetime | None = None,
) -> Page[Lead]:
    equal = {
        Lead.state: state,
        Lead.source: source,
        Lead.kind: kind,
        Lead.rating: rating,
        Lead.priority: priority,
        Lead.lead_class: lead_class,
        Lead.campaign: campaign,
        Lead.customer_id: customer_id,
        Lead.owner_id: owner_id,
        Lead.department_id: department_id,
        Lead.partner_id: partner_id,
        Lead.region_id: region_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if is_in_pool is not None:
        filters.append(in_pool() if is_in_pool else not_(in_pool()))
    if updated_since is not None:
        filters.append(Lead.updated_at >= updated_since)
    return await leads.list_leads(session, page, q=q, filters=filters)


@router.get("/{lead_id}", response_model=LeadRead)
async def get_lead(lead_id: UUID, session: Session) -> Lead:
    return await leads.get_lead(session, lead_id)


@router.patch("/{lead_id}", response_model=LeadRead)
async def update_lead(lead_id: UUID, changes: LeadUpdate, session: Session, now: Now) -> Lead:
    return await leads.update_lead(session, lead_id, changes=changes.changes(), now=now)


@router.get("/{lead_id}/score", response_model=LeadScoreRead)
async def get_score(lead_id: UUID, session: Session, now: Now) -> LeadScoreRead:
    return await leads.get_score(session, lead_id, now=now)


@router.get("/{lead_id}/assignments", response_model=list[LeadAssignmentRead])
async def list_assignments(lead_id: UUID, session: Session) -> Sequence[LeadAssignment]:
    return await leads.list_assignments(session, lead_id)


@router.get("/{lead_id}/assignments/{assignment_id}/replay", response_model=ReplayRead)
async def replay_assignment(lead_id: UUID, assignment_id: UUID, session: Session) -> ReplayRead:
    return await leads.replay_assignment(session, lead_id, assignment_id)


@router.post("/{lead_id}:assign", response_model=LeadRead)
async def assign_lead(lead_id: UUID, to: LeadAssign, session: Session, now: Now) -> Lead:
    return await leads.assign_lead(session, lead_id, to, now=now)


@router.post("/{lead_id}:route", response_model=LeadRead)
async def route_lead(lead_id: UUID, session: Session, now: Now) -> Lead:
    return await leads.route_lead(session, lead_id, now=now)


@router.post("/{lead_id}:claim", response_model=LeadRead)
async def claim_lead(lead_id: UUID, session: Session, actor: CurrentActor, now: Now) -> Lead:
    return await pools.claim_lead(session, lead_id, actor=actor, now=now)


@router.post("/{lead_id}:release", response_model=LeadRead)
async def release_lead(
    lead_id: UUID, back: LeadRelease, session: Session, actor: CurrentActor, now: Now
) -> Lead:
    return await pools.release_lead(session, lead_id, reason=back.reason, actor=actor, now=now)


@router.post("/{lead_id}:note-contact", response_model=LeadRead)
async def note_contact(lead_id: UUID, session: Session, now: Now) -> Lead:
    return await leads.note_contact(session, lead_id, now=now)


@router.post("/{lead_id}:convert", response_model=LeadRead)
async def convert_lead(
    lead_id: UUID, to: LeadConvert, session: Session, actor: CurrentActor, now: Now
) -> Lead:
    return await leads.convert_lead(session, lead_id, to, actor=actor, now=now)


@router.post("/{lead_id}:lose", response_model=LeadRead)
async def lose_lead(lead_id: UUID, lost: LeadLose, session: Session) -> Lead:
    return await leads.lose_lead(session, lead_id, lost)


@router.post("/{lead_id}:reopen", response_model=LeadRead)
async def reopen_lead(lead_id: UUID, again: LeadReopen, session: Session, now: Now) -> Lead:
    return await leads.reopen_lead(session, lead_id, reason=again.reason, now=now)
