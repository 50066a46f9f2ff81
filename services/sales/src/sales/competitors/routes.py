"""The competitor endpoints."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from common.rate_limits import Expensive
from sales.competitors import use_cases as competitors
from sales.competitors.model import Competitor
from sales.competitors.schemas import (
    CompetitorAdd,
    CompetitorRead,
    CompetitorUpdate,
    WinLossRead,
)
from sales.opportunities import use_cases as opportunities

router = service_router("sales", "competitors")


@router.post("", status_code=201, response_model=CompetitorRead)
async def add_competitor(new: CompetitorAdd, session: Session, response: Response) -> Competitor:
    competitor = await competitors.add_competitor(session, new)
    response.headers["Location"] = f"{router.prefix}/{competitor.id}"
    return competitor


@router.get("", response_model=PageOf[CompetitorRead])
async def list_competitors(
    session: Session,
    page: Paging,
    q: str | None = None,
    state: str | None = None,
    product_id: UUID | None = None,
) -> Page[Competitor]:
    return await competitors.list_competitors(
        session, page, q=q, state=state, product_id=product_id
    )


@router.get("/win-loss", response_model=WinLossRead, dependencies=[Expensive])
async def get_win_loss(
    session: Session,
    closed_from: Annotated[date | None, Query(alias="from")] = None,
    closed_to: Annotated[date | None, Query(alias="to", description="The last day")] = None,
    product_id: UUID | None = None,
    region_id: UUID | None = None,
) -> WinLossRead:
    return await opportunities.get_win_loss(
        session,
        closed_from=closed_from,
        closed_to=closed_to,
        product_id=product_id,
        region_id=region_id,
    )


@router.get("/{competitor_id}", response_model=CompetitorRead)
async def get_competitor(competitor_id: UUID, session: Session) -> Competitor:
    return await competitors.get_competitor(session, competitor_id)


@router.patch("/{competitor_id}", response_model=CompetitorRead, dependencies=[IfMatchRequired])
async def update_competitor(
    competitor_id: UUID, changes: CompetitorUpdate, session: Session
) -> Competitor:
    return await competitors.update_competitor(session, competitor_id, changes=changes.stored())
