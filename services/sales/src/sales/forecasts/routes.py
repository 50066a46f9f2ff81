"""The forecast endpoints."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.rate_limits import Expensive
from sales.forecasts import use_cases as forecasts
from sales.forecasts.model import ForecastSnapshot, GroupBy
from sales.forecasts.schemas import ForecastDeal, ForecastRow, ForecastSnapshotRead
from sales.opportunities.model import ForecastCategory
from sales.targets.model import PeriodKind

router = service_router("sales", "forecasts")
AsOf = Annotated[date | None, Query(description="As it was kept on this day; absent: now")]
From = Annotated[date, Query(description="First day on which deals are expected to close")]
To = Annotated[date, Query(description="Last day on which deals are expected to close")]


@router.get("", response_model=list[ForecastRow], dependencies=[Expensive])
async def get_forecast(
    session: Session,
    starts_on: From,
    ends_on: To,
    by: GroupBy = GroupBy.OWNER,
    period: PeriodKind = PeriodKind.MONTH,
    as_of: AsOf = None,
) -> list[ForecastRow]:
    return await forecasts.get_forecast(
        session, by=by, period=period, starts_on=starts_on, ends_on=ends_on, as_of=as_of
    )


@router.get("/deals", response_model=PageOf[ForecastDeal])
async def list_forecast_deals(
    session: Session,
    page: Paging,
    starts_on: From,
    ends_on: To,
    as_of: AsOf = None,
    by: GroupBy | None = None,
    group_id: Annotated[UUID | None, Query(description="With `by`; absent: nobody's")] = None,
    currency: str | None = None,
    forecast_category: ForecastCategory | None = None,
) -> Page[ForecastDeal]:
    return await forecasts.list_forecast_deals(
        session,
        page,
        starts_on=starts_on,
        ends_on=ends_on,
        as_of=as_of,
        by=by,
        group_id=group_id,
        currency=currency,
        forecast_category=forecast_category,
    )


@router.get("/snapshots", response_model=list[ForecastSnapshotRead])
async def list_forecast_snapshots(
    session: Session, since: date | None = None
) -> list[ForecastSnapshot]:
    return list(await forecasts.list_forecast_snapshots(session, since=since))
