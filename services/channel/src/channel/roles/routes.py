"""The role endpoints."""

from uuid import UUID

from fastapi import Response

from channel.roles import use_cases as roles
from channel.roles.model import Role
from channel.roles.schemas import RoleCreate, RoleRead, RoleUpdate
from common.app import service_router
from common.auth import CurrentActor
from common.db import Session
from common.pagination import Page, PageOf, Paging

router = service_router("channel", "roles")


@router.post("", status_code=201, response_model=RoleRead)
async def define_role(
    new: RoleCreate, session: Session, actor: CurrentActor, response: Response
) -> Role:
    role = await roles.define_role(session, new, actor=actor)
    response.headers["Location"] = f"{router.prefix}/{role.id}"
    return role


@router.get("", response_model=PageOf[RoleRead])
async def list_roles(
    session: Session,
    page: Paging,
    q: str | None = None,
    code: str | None = None,
    scope: str | None = None,
    state: str | None = None,
) -> Page[Role]:
    equal = {Role.code: code, Role.scope: scope, Role.state: state}
    filters = [column == value for column, value in equal.items() if value is not None]
    return await roles.list_roles(session, page, q=q, filters=filters)


@router.get("/{role_id}", response_model=RoleRead)
async def get_role(role_id: UUID, session: Session) -> Role:
    return await roles.get_role(session, role_id)


@router.patch("/{role_id}", response_model=RoleRead)
async def update_role(
    role_id: UUID, changes: RoleUpdate, session: Session, actor: CurrentActor
) -> Role:
    return await roles.update_role(session, role_id, changes=changes.changes(), actor=actor)


@router.delete("/{role_id}", status_code=204)
async def remove_role(role_id: UUID, session: Session, actor: CurrentActor) -> None:
    await roles.remove_role(session, role_id, actor=actor)


@router.post("/{role_id}:restore", response_model=RoleRead)
async def restore_role(role_id: UUID, session: Session, actor: CurrentActor) -> Role:
    return await roles.restore_role(session, role_id, actor=actor)
