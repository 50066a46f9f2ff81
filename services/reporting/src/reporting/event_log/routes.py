"""The event endpoint: what a figure is made of, and how a deal went."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from reporting.event_log import use_cases as event_log
from reporting.event_log.model import KeptEvent
from reporting.event_log.schemas import EventRead

router = service_router("reporting", "events")


@router.get("", response_model=PageOf[EventRead])
async def list_events(
    session: Session,
    page: Paging,
    event_type: Annotated[
        str | None, Query(alias="type", description="As sales.opportunity.won.v1")
    ] = None,
    aggregate_id: UUID | None = None,
    correlation_id: str | None = None,
    since: Annotated[
        AwareDatetime | None, Query(description="Events said at or after this moment")
    ] = None,
) -> Page[KeptEvent]:
    return await event_log.list_events(
        session,
        page,
        event_type=event_type,
        aggregate_id=aggregate_id,
        correlation_id=correlation_id,
        since=since,
    )
