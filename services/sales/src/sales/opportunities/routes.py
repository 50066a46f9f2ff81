"""The opportunity endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from sqlalchemy import ColumnElement

from common.app import service_router
from common.auth import CurrentActor
from common.batches import Batch, BatchAnswer, DoOneByOne
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.rate_limits import Expensive
from sales.opportunities import use_cases as opportunities
from sales.opportunities.model import Opportunity, OpportunityActivity
from sales.opportunities.schemas import (
    ActivityAdd,
    ActivityComplete,
    ActivityRead,
    BoardRead,
    CompetitorsName,
    ConversionRead,
    OpportunityHistory,
    OpportunityLose,
    OpportunityMigrate,
    OpportunityMove,
    OpportunityOpen,
    OpportunityRead,
    OpportunityUpdate,
    OpportunityWin,
    StageRead,
)
from sales.pipelines.flow import DEFAULT_CODE

router = service_router("sales", "opportunities")


@router.post("", status_code=201, response_model=OpportunityRead)
async def open_opportunity(
    new: OpportunityOpen, session: Session, actor: CurrentActor, now: Now, response: Response
) -> Opportunity:
    opportunity = await opportunities.open_opportunity(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{opportunity.id}"
    return opportunity


@router.post(":batch", response_model=BatchAnswer)
async def open_opportunities(
    batch: Batch[OpportunityOpen],
    session: Session,
    actor: CurrentActor,
    now: Now,
    one_by_one: DoOneByOne,
) -> BatchAnswer:
    return await one_by_one.do(
        batch, lambda new: opportunities.open_opportunity(session, new, actor=actor, now=now)
    )


@router.get("", response_model=PageOf[OpportunityRead])
async def list_opportunities(
    session: Session,
    page: Paging,
    q: str | None = None,
    stage: str | None = None,
    is_open: bool | None = None,
    customer_id: UUID | None = None,
    end_customer_id: UUID | None = None,
    pipeline_code: str | None = None,
    pipeline_id: UUID | None = None,
    forecast_category: str | None = None,
    lost_reason_code: str | None = None,
    competitor_id: UUID | None = None,
    lead_id: UUID | None = None,
    product_id: UUID | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    external_source: str | None = None,
    external_id: str | None = None,
    opened_from: Annotated[date | None, Query(alias="opened_on[gte]")] = None,
    opened_before: Annotated[date | None, Query(alias="opened_on[lt]")] = None,
    closed_from: Annotated[date | None, Query(alias="closed_on[gte]")] = None,
    closed_before: Annotated[date | None, Query(alias="closed_on[lt]")] = None,
    updated_since: datetime | None = None,
) -> Page[Opportunity]:
    equal = {
        Opportunity.stage: stage,
        Opportunity.customer_id: customer_id,
        Opportunity.end_customer_id: end_customer_id,
        Opportunity.pipeline_code: pipeline_code,
        Opportunity.pipeline_id: pipeline_id,
        Opportunity.forecast_category: forecast_category,
        Opportunity.lost_reason_code: lost_reason_code,
        Opportunity.lead_id: lead_id,
        Opportunity.product_id: product_id,
        Opportunity.owner_id: owner_id,
        Opportunity.department_id: department_id,
        Opportunity.partner_id: partner_id,
        Opportunity.region_id: region_id,
        Opportunity.external_source: external_source,
        Opportunity.external_id: external_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if competitor_id is not None:
        filters.append(opportunities.named_competitor(competitor_id))
    if is_open is not None:
        filters.append(Opportunity.closed_on.is_(None) == is_open)
    if opened_from is not None:
        filters.append(Opportunity.opened_on >= opened_from)
    if opened_before is not None:
        filters.append(Opportunity.opened_on < opened_before)
    if closed_from is not None:
        filters.append(Opportunity.closed_on >= closed_from)
    if closed_before is not None:
        filters.append(Opportunity.closed_on < closed_before)
    if updated_since is not None:
        filters.append(Opportunity.updated_at >= updated_since)
    return await opportunities.list_opportunities(session, page, q=q, filters=filters)


@router.get("/pipeline", response_model=list[StageRead])
async def get_pipeline() -> list[StageRead]:
    return opportunities.get_pipeline()


@router.get("/board", response_model=BoardRead, dependencies=[Expensive])
async def get_board(
    session: Session,
    now: Now,
    pipeline_code: str = DEFAULT_CODE,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    product_id: UUID | None = None,
) -> BoardRead:
    filters = _whose(owner_id, department_id, partner_id, region_id, product_id)
    return await opportunities.get_board(
        session, pipeline_code=pipeline_code, filters=filters, now=now
    )


@router.get("/stalled", response_model=PageOf[OpportunityRead])
async def list_stalled(
    session: Session,
    page: Paging,
    now: Now,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    product_id: UUID | None = None,
) -> Page[Opportunity]:
    filters = _whose(owner_id, department_id, partner_id, region_id, product_id)
    return await opportunities.list_stalled(session, page, filters=filters, now=now)


@router.get("/activities", response_model=PageOf[ActivityRead])
async def list_activities(
    session: Session,
    page: Paging,
    opportunity_id: UUID | None = None,
    assignee_id: UUID | None = None,
    state: str | None = None,
    kind: str | None = None,
) -> Page[OpportunityActivity]:
    equal = {
        OpportunityActivity.opportunity_id: opportunity_id,
        OpportunityActivity.assignee_id: assignee_id,
        OpportunityActivity.state: state,
        OpportunityActivity.kind: kind,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await opportunities.list_activities(session, page, filters=filters)


@router.post("/activities/{activity_id}:complete", response_model=ActivityRead)
async def complete_activity(
    activity_id: UUID, done: ActivityComplete, session: Session, now: Now
) -> OpportunityActivity:
    return await opportunities.complete_activity(session, activity_id, done, now=now)


@router.get("/conversion", response_model=ConversionRead)
async def get_conversion(
    session: Session,
    pipeline_code: str = DEFAULT_CODE,
    opened_from: Annotated[date | None, Query(alias="from")] = None,
    opened_to: Annotated[date | None, Query(alias="to", description="The last day")] = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    product_id: UUID | None = None,
) -> ConversionRead:
    filters = _whose(owner_id, department_id, partner_id, region_id, product_id)
    if opened_from is not None:
        filters.append(Opportunity.opened_on >= opened_from)
    if opened_to is not None:
        filters.append(Opportunity.opened_on <= opened_to)
    return await opportunities.get_conversion(session, pipeline_code=pipeline_code, filters=filters)


@router.get("/{opportunity_id}", response_model=OpportunityRead)
async def get_opportunity(opportunity_id: UUID, session: Session) -> Opportunity:
    return await opportunities.get_opportunity(session, opportunity_id)


@router.get("/{opportunity_id}/history", response_model=OpportunityHistory)
async def get_history(opportunity_id: UUID, session: Session, now: Now) -> OpportunityHistory:
    return await opportunities.get_history(session, opportunity_id, now=now)


@router.get("/{opportunity_id}/competitors", response_model=list[UUID])
async def list_competitors_of(opportunity_id: UUID, session: Session) -> list[UUID]:
    return await opportunities.list_competitors_of(session, opportunity_id)


@router.post("/{opportunity_id}:name-competitors", response_model=OpportunityRead)
async def name_competitors(
    opportunity_id: UUID, named: CompetitorsName, session: Session
) -> Opportunity:
    return await opportunities.name_competitors(session, opportunity_id, named.competitor_ids)


@router.post("/{opportunity_id}/activities", status_code=201, response_model=ActivityRead)
async def add_activity(
    opportunity_id: UUID, new: ActivityAdd, session: Session, actor: CurrentActor, now: Now
) -> OpportunityActivity:
    return await opportunities.add_activity(session, opportunity_id, new, actor=actor, now=now)


@router.patch("/{opportunity_id}", response_model=OpportunityRead)
async def update_opportunity(
    opportunity_id: UUID,
    changes: OpportunityUpdate,
    session: Session,
    actor: CurrentActor,
    now: Now,
) -> Opportunity:
    return await opportunities.update_opportunity(
        session,
        opportunity_id,
        changes=changes.changes(),
        actor=actor,
        now=now,
    )


@router.post("/{opportunity_id}:move", response_model=OpportunityRead)
async def move_opportunity(
    opportunity_id: UUID, to: OpportunityMove, session: Session, actor: CurrentActor, now: Now
) -> Opportunity:
    return await opportunities.move_opportunity(session, opportunity_id, to, actor=actor, now=now)


@router.post("/{opportunity_id}:migrate", response_model=OpportunityRead)
async def migrate_opportunity(
    opportunity_id: UUID, to: OpportunityMigrate, session: Session, actor: CurrentActor, now: Now
) -> Opportunity:
    return await opportunities.migrate_opportunity(
        session, opportunity_id, to, actor=actor, now=now
    )


@router.post("/{opportunity_id}:win", response_model=OpportunityRead)
async def win_opportunity(
    opportunity_id: UUID, won: OpportunityWin, session: Session, actor: CurrentActor, now: Now
) -> Opportunity:
    return await opportunities.win_opportunity(session, opportunity_id, won, actor=actor, now=now)


@router.post("/{opportunity_id}:lose", response_model=OpportunityRead)
async def lose_opportunity(
    opportunity_id: UUID, lost: OpportunityLose, session: Session, actor: CurrentActor, now: Now
) -> Opportunity:
    return await opportunities.lose_opportunity(session, opportunity_id, lost, actor=actor, now=now)


def _whose(
    owner_id: UUID | None,
    department_id: UUID | None,
    partner_id: UUID | None,
    region_id: UUID | None,
    product_id: UUID | None,
) -> list[ColumnElement[bool]]:
    equal = {
        Opportunity.owner_id: owner_id,
        Opportunity.department_id: department_id,
        Opportunity.partner_id: partner_id,
        Opportunity.region_id: region_id,
        Opportunity.product_id: product_id,
    }
    return [column == value for column, value in equal.items() if value is not None]
