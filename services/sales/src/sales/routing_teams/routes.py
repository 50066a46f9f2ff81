"""The routing team endpoints."""

from datetime import date
from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.db import Session
from common.pagination import Page, PageOf, Paging
from common.rate_limits import Expensive
from sales.lead_assignments import use_cases as assignments
from sales.routing_teams import use_cases as teams
from sales.routing_teams.model import RoutingTeam
from sales.routing_teams.schemas import (
    FairnessRead,
    RoutingTeamForm,
    RoutingTeamRead,
    RoutingTeamUpdate,
)

router = service_router("sales", "routing-teams")


@router.post("", status_code=201, response_model=RoutingTeamRead)
async def form_routing_team(
    new: RoutingTeamForm, session: Session, response: Response
) -> RoutingTeam:
    team = await teams.form_routing_team(session, name=new.name)
    response.headers["Location"] = f"{router.prefix}/{team.id}"
    return team


@router.get("", response_model=PageOf[RoutingTeamRead])
async def list_routing_teams(
    session: Session, page: Paging, state: str | None = None
) -> Page[RoutingTeam]:
    return await teams.list_routing_teams(session, page, state=state)


@router.get("/{team_id}", response_model=RoutingTeamRead)
async def get_routing_team(team_id: UUID, session: Session) -> RoutingTeam:
    return await teams.get_routing_team(session, team_id)


@router.patch("/{team_id}", response_model=RoutingTeamRead)
async def update_routing_team(
    team_id: UUID, changes: RoutingTeamUpdate, session: Session
) -> RoutingTeam:
    return await teams.update_routing_team(session, team_id, changes=changes.changes())


@router.get("/{team_id}/fairness", response_model=FairnessRead, dependencies=[Expensive])
async def get_fairness(team_id: UUID, from_on: date, to_on: date, session: Session) -> FairnessRead:
    return await assignments.get_fairness(session, team_id, from_on=from_on, to_on=to_on)
