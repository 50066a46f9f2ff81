"""What people do with routing members."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from sales.copies import use_cases as copies
from sales.copies.model import Wanted
from sales.db import take_turn
from sales.routing_members.model import (
    AlreadyRoutingMember,
    RoutingMember,
    RoutingMemberNotFound,
)
from sales.routing_members.schemas import RoutingMemberEnrol
from sales.routing_teams import use_cases as teams


async def enrol_routing_member(session: AsyncSession, new: RoutingMemberEnrol) -> RoutingMember:
    """Let an employee take routed leads."""
    await copies.look_up(session, Wanted(owner_id=new.employee_id))
    await _check_teams(session, new.team_ids)
    await take_turn(session, f"routing member {new.employee_id}")
    found = await session.execute(
        select(RoutingMember.id).where(RoutingMember.employee_id == new.employee_id)
    )
    if (existing := found.scalar()) is not None:
        raise AlreadyRoutingMember(
            "the employee takes routed leads already", existing_id=str(existing)
        )
    member, enrolled = RoutingMember.enrol(
        **new.model_dump(exclude={"absences"}),
        absences=[each.model_dump(mode="json") for each in new.absences],
    )
    session.add(member)
    record(session, member, enrolled)
    return member


async def get_routing_member(
    session: AsyncSession, member_id: UUID, *, lock: bool = False
) -> RoutingMember:
    """The member; `lock` keeps it for this transaction."""
    member = await session.get(RoutingMember, member_id, with_for_update=lock or None)
    if member is None:
        raise RoutingMemberNotFound(f"no routing member {member_id}")
    return member


async def list_routing_members(
    session: AsyncSession,
    page: PageRequest,
    *,
    team_id: UUID | None = None,
    employee_id: UUID | None = None,
    state: str | None = None,
) -> Page[RoutingMember]:
    """A page of members, of one team or of all."""
    query = select(RoutingMember)
    if team_id is not None:
        query = query.where(RoutingMember.team_ids.contains([team_id]))
    if employee_id is not None:
        query = query.where(RoutingMember.employee_id == employee_id)
    if state is not None:
        query = query.where(RoutingMember.state == state)
    return await paginate(
        session,
        query,
        page,
        id_column=RoutingMember.id,
        sort_keys={"created_at": RoutingMember.created_at},
        default_sort="created_at",
    )


async def update_routing_member(
    session: AsyncSession, member_id: UUID, *, changes: dict[str, Any]
) -> RoutingMember:
    """Change what a member takes, and when not."""
    if "team_ids" in changes:
        await _check_teams(session, changes["team_ids"])
    member = await get_routing_member(session, member_id, lock=True)
    changed = member.update(changes)
    if changed is not None:
        record(session, member, changed)
    return member


async def _check_teams(session: AsyncSession, team_ids: Sequence[UUID]) -> None:
    known = await teams.find_routing_teams(session, team_ids)
    for place, team_id in enumerate(team_ids):
        teams.check_known(known, team_id, pointer=f"/team_ids/{place}")
