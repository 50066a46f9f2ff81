"""The lead endpoints."""

from datetime import datetime
from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from sales.leads import use_cases as leads
from sales.leads.model import Lead
from sales.leads.schemas import (
    LeadAssign,
    LeadCapture,
    LeadConvert,
    LeadLose,
    LeadRead,
    LeadUpdate,
)

router = service_router("sales", "leads")


@router.post("", status_code=201, response_model=LeadRead)
async def capture_lead(new: LeadCapture, session: Session, now: Now, response: Response) -> Lead:
    lead = await leads.capture_lead(session, new, now=now)
    response.headers["Location"] = f"{router.prefix}/{lead.id}"
    return lead


@router.post(":batch", response_model=BatchAnswer)
async def capture_leads(
    batch: Batch[LeadCapture], session: Session, now: Now, one_by_one: DoOneByOne
) -> BatchAnswer:
    return await one_by_one.do(batch, lambda new: leads.capture_lead(session, new, now=now))


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
        Lead.customer_id: customer_id,
        Lead.owner_id: owner_id,
        Lead.department_id: department_id,
        Lead.partner_id: partner_id,
        Lead.region_id: region_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if updated_since is not None:
        filters.append(Lead.updated_at >= updated_since)
    return await leads.list_leads(session, page, q=q, filters=filters)


@router.get("/{lead_id}", response_model=LeadRead)
async def get_lead(lead_id: UUID, session: Session) -> Lead:
    return await leads.get_lead(session, lead_id)


@router.patch("/{lead_id}", response_model=LeadRead)
async def update_lead(lead_id: UUID, changes: LeadUpdate, session: Session) -> Lead:
    return await leads.update_lead(session, lead_id, changes=changes.changes())


@router.post("/{lead_id}:assign", response_model=LeadRead)
async def assign_lead(lead_id: UUID, to: LeadAssign, session: Session, now: Now) -> Lead:
    return await leads.assign_lead(session, lead_id, to, now=now)


@router.post("/{lead_id}:convert", response_model=LeadRead)
async def convert_lead(
    lead_id: UUID, to: LeadConvert, session: Session, actor: CurrentActor, now: Now
) -> Lead:
    return await leads.convert_lead(session, lead_id, to, actor=actor, now=now)


@router.post("/{lead_id}:lose", response_model=LeadRead)
async def lose_lead(lead_id: UUID, lost: LeadLose, session: Session) -> Lead:
    return await leads.lose_lead(session, lead_id, lost)
