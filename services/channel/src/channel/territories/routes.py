"""The territory endpoints."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from channel.territories import use_cases as territories
from channel.territories.model import Territory
from channel.territories.schemas import (
    TerritoryCreate,
    TerritoryInTree,
    TerritoryRead,
    TerritoryUpdate,
)
from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging

router = service_router("channel", "territories")


@router.post("", status_code=201, response_model=TerritoryRead)
async def open_territory(new: TerritoryCreate, session: Session, response: Response) -> Territory:
    territory = await territories.open_territory(session, new)
    response.headers["Location"] = f"{router.prefix}/{territory.id}"
    return territory


@router.get("", response_model=PageOf[TerritoryRead])
async def list_territories(
    session: Session,
    page: Paging,
    q: str | None = None,
    state: str | None = None,
    code: str | None = None,
    parent_id: UUID | None = None,
    top: Annotated[bool, Query(description="Only territories with none above")] = False,
) -> Page[Territory]:
    equal = {Territory.state: state, Territory.code: code, Territory.parent_id: parent_id}
    filters = [column == value for column, value in equal.items() if value is not None]
    if top:
        filters.append(Territory.parent_id.is_(None))
    return await territories.list_territories(session, page, q=q, filters=filters)


@router.get("/{territory_id}", response_model=TerritoryRead)
async def get_territory(territory_id: UUID, session: Session) -> Territory:
    return await territories.get_territory(session, territory_id)


@router.get("/{territory_id}/subtree", response_model=list[TerritoryInTree])
async def list_territory_subtree(territory_id: UUID, session: Session) -> list[TerritoryInTree]:
    return [
        TerritoryInTree(**TerritoryRead.model_validate(territory).model_dump(), depth=depth)
        for territory, depth in await territories.list_subtree(session, territory_id)
    ]


@router.patch("/{territory_id}", response_model=TerritoryRead)
async def update_territory(
    territory_id: UUID, changes: TerritoryUpdate, session: Session
) -> Territory:
    return await territories.update_territory(session, territory_id, changes=changes.changes())


@router.post("/{territory_id}:close", response_model=TerritoryRead)
async def close_territory(territory_id: UUID, session: Session) -> Territory:
    return await territories.close_territory(session, territory_id)


@router.post("/{territory_id}:reopen", response_model=TerritoryRead)
async def reopen_territory(territory_id: UUID, session: Session) -> Territory:
    return await territories.reopen_territory(session, territory_id)
