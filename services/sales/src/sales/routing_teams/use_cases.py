"""What people do with routing teams."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate
from sales.routing_teams.model import RoutingTeam, RoutingTeamNotFound, RoutingTeamNotKnown


async def form_routing_team(session: AsyncSession, *, name: str) -> RoutingTeam:
    """Form a team."""
    team, formed = RoutingTeam.form(name=name)
    session.add(team)
    record(session, team, formed)
    return team


async def get_routing_team(
    session: AsyncSession, team_id: UUID, *, lock: bool = False
) -> RoutingTeam:
    """The team; `lock` keeps it for this transaction."""
    team = await session.get(RoutingTeam, team_id, with_for_update=lock or None)
    if team is None:
        raise RoutingTeamNotFound(f"no routing team {team_id}")
    return team


async def list_routing_teams(
    session: AsyncSession, page: PageRequest, *, state: str | None = None
) -> Page[RoutingTeam]:
    """A page of teams, by name."""
    query = select(RoutingTeam)
    if state is not None:
        query = query.where(RoutingTeam.state == state)
    return await paginate(
        session,
        query,
        page,
        id_column=RoutingTeam.id,
        sort_keys={"name": RoutingTeam.name},
        default_sort="name",
    )


async def update_routing_team(
    session: AsyncSession, team_id: UUID, *, changes: dict[str, Any]
) -> RoutingTeam:
    """Rename a team, close it or open it again."""
    team = await get_routing_team(session, team_id, lock=True)
    changed = team.update(changes)
    if changed is not None:
        record(session, team, changed)
    return team


async def find_routing_teams(
    session: AsyncSession, team_ids: Iterable[UUID]
) -> dict[UUID, RoutingTeam]:
    """Those of the teams that are there."""
    wanted = set(team_ids)
    found = await session.execute(select(RoutingTeam).where(RoutingTeam.id.in_(wanted)))
    return {team.id: team for team in found.scalars()}


async def lock_routing_teams(
    session: AsyncSession, team_ids: Iterable[UUID]
) -> dict[UUID, RoutingTeam]:
    """Those of the teams that are there, kept for this transaction.

    Always in the order of their ids, so that no two transactions wait for each other.
    """
    found = await session.execute(
        select(RoutingTeam)
        .where(RoutingTeam.id.in_(set(team_ids)))
        .order_by(RoutingTeam.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {team.id: team for team in found.scalars()}


def check_known(known: Mapping[UUID, RoutingTeam], team_id: UUID, *, pointer: str) -> None:
    """Refuse a team that is not there."""
    if team_id not in known:
        raise RoutingTeamNotKnown(f"no routing team {team_id}", pointer=pointer)
