"""The endpoints of saved views, the same in every service."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from common.access.rights import SIGNED_IN, Policy
from common.api_routing import ServiceRoute
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.views import use_cases as views
from common.views.lists import ServiceLists
from common.views.model import View
from common.views.schemas import ViewCreate, ViewRead, ViewUpdate

VIEWS_POLICY: Policy = {
    "create_view": SIGNED_IN,
    "list_views": SIGNED_IN,
    "get_view": SIGNED_IN,
    "update_view": SIGNED_IN,
    "delete_view": SIGNED_IN,
}
"""Whoever signed in has views; which lists they may be of, the rights over the lists say."""


def views_router(service_path: str) -> APIRouter:
    """`/{service}/v1/views`."""
    router = APIRouter(prefix=f"/{service_path}/v1/views", tags=["views"], route_class=ServiceRoute)
    share_right = f"{service_path}.views.share"

    @router.post("", status_code=201, response_model=ViewRead)
    async def create_view(
        new: ViewCreate,
        session: Session,
        lists: ServiceLists,
        actor: CurrentActor,
        now: Now,
        response: Response,
    ) -> View:
        view = await views.create_view(
            session, new, lists=lists, actor=actor, share_right=share_right, now=now
        )
        response.headers["Location"] = f"{router.prefix}/{view.id}"
        return view

    @router.get("", response_model=PageOf[ViewRead])
    async def list_views(
        session: Session,
        page: Paging,
        actor: CurrentActor,
        of_list: Annotated[str | None, Query(alias="list")] = None,
        made_by: str | None = None,
    ) -> Page[View]:
        return await views.list_views(session, page, actor=actor, of_list=of_list, made_by=made_by)

    @router.get("/{view_id}", response_model=ViewRead)
    async def get_view(view_id: UUID, session: Session, actor: CurrentActor) -> View:
        return await views.get_view(session, view_id, actor=actor)

    @router.patch("/{view_id}", response_model=ViewRead)
    async def update_view(
        view_id: UUID,
        changes: ViewUpdate,
        session: Session,
        lists: ServiceLists,
        actor: CurrentActor,
        now: Now,
    ) -> View:
        return await views.update_view(
            session,
            view_id,
            changes=changes.changes(),
            lists=lists,
            actor=actor,
            share_right=share_right,
            now=now,
        )

    @router.delete("/{view_id}", status_code=204)
    async def delete_view(view_id: UUID, session: Session, actor: CurrentActor, now: Now) -> None:
        await views.delete_view(session, view_id, actor=actor, now=now)

    return router
