"""The milestone endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from common.app import service_router
from common.clock import Now
from common.days import day_of
from common.db import Session
from common.pagination import Page, PageOf, Paging
from contract.milestones import use_cases as milestones
from contract.milestones.model import Milestone, MilestoneState
from contract.milestones.planning import MilestoneKind
from contract.milestones.schemas import MilestoneMeet, MilestoneRead

router = service_router("contract", "milestones")


@router.get("", response_model=PageOf[MilestoneRead])
async def list_milestones(
    session: Session,
    page: Paging,
    now: Now,
    contract_id: UUID | None = None,
    customer_id: UUID | None = None,
    kind: MilestoneKind | None = None,
    state: MilestoneState | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    due_from: date | None = None,
    due_to: date | None = None,
    updated_since: datetime | None = None,
    late: Annotated[
        bool, Query(description="Only what a signed contract promised for before today and lacks")
    ] = False,
) -> Page[Milestone]:
    equal = {
        Milestone.contract_id: contract_id,
        Milestone.customer_id: customer_id,
        Milestone.kind: kind,
        Milestone.state: state,
        Milestone.owner_id: owner_id,
        Milestone.department_id: department_id,
        Milestone.partner_id: partner_id,
        Milestone.region_id: region_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if due_from is not None:
        filters.append(Milestone.due_on >= due_from)
    if due_to is not None:
        filters.append(Milestone.due_on <= due_to)
    if updated_since is not None:
        filters.append(Milestone.updated_at >= updated_since)
    return await milestones.list_milestones(
        session,
        page,
        filters=filters,
        late_on=day_of(now) if late else None,
        include_cancelled=state == MilestoneState.CANCELLED,
    )


@router.get("/{milestone_id}", response_model=MilestoneRead)
async def get_milestone(milestone_id: UUID, session: Session) -> Milestone:
    return await milestones.get_milestone(session, milestone_id)


@router.post("/{milestone_id}:meet", response_model=MilestoneRead)
async def meet_milestone(
    milestone_id: UUID, what: MilestoneMeet, session: Session, now: Now
) -> Milestone:
    return await milestones.meet_milestone(session, milestone_id, **what.model_dump(), now=now)
