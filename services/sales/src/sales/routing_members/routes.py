"""The routing member endpoints."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.preconditions import IfMatchRequired
from sales.routing_members import use_cases as members
from sales.routing_members.model import RoutingMember
from sales.routing_members.schemas import (
    RoutingMemberEnrol,
    RoutingMemberRead,
    RoutingMemberUpdate,
)

router = service_router("sales", "routing-members")


@router.post("", status_code=201, response_model=RoutingMemberRead)
async def enrol_routing_member(
    new: RoutingMemberEnrol, session: Session, response: Response
) -> RoutingMember:
    member = await members.enrol_routing_member(session, new)
    response.headers["Location"] = f"{router.prefix}/{member.id}"
    return member


@router.get("", response_model=PageOf[RoutingMemberRead])
async def list_routing_members(
    session: Session,
    page: Paging,
    team_id: UUID | None = None,
    employee_id: UUID | None = None,
    state: str | None = None,
) -> Page[RoutingMember]:
    return await members.list_routing_members(
        session, page, team_id=team_id, employee_id=employee_id, state=state
    )


@router.get("/{member_id}", response_model=RoutingMemberRead)
async def get_routing_member(member_id: UUID, session: Session) -> RoutingMember:
    return await members.get_routing_member(session, member_id)


@router.patch("/{member_id}", response_model=RoutingMemberRead, dependencies=[IfMatchRequired])
async def update_routing_member(
    member_id: UUID, changes: RoutingMemberUpdate, session: Session
) -> RoutingMember:
    return await members.update_routing_member(session, member_id, changes=changes.stored())
