"""The department endpoints."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from channel.departments import use_cases as departments
from channel.departments.model import Department, DepartmentMove
from channel.departments.schemas import (
    DepartmentCreate,
    DepartmentInTree,
    DepartmentMoveRead,
    DepartmentMoveTo,
    DepartmentRead,
    DepartmentUpdate,
)
from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging

router = service_router("channel", "departments")


@router.post("", status_code=201, response_model=DepartmentRead)
async def open_department(
    new: DepartmentCreate, session: Session, response: Response
) -> Department:
    department = await departments.open_department(session, new)
    response.headers["Location"] = f"{router.prefix}/{department.id}"
    return department


@router.get("", response_model=PageOf[DepartmentRead])
async def list_departments(
    session: Session,
    page: Paging,
    q: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    code: str | None = None,
    parent_id: UUID | None = None,
    region_id: UUID | None = None,
    external_source: str | None = None,
    external_id: str | None = None,
    top: Annotated[bool, Query(description="Only departments with none above")] = False,
) -> Page[Department]:
    equal = {
        Department.kind: kind,
        Department.state: state,
        Department.code: code,
        Department.parent_id: parent_id,
        Department.region_id: region_id,
        Department.external_source: external_source,
        Department.external_id: external_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if top:
        filters.append(Department.parent_id.is_(None))
    return await departments.list_departments(session, page, q=q, filters=filters)


@router.get("/tree", response_model=list[DepartmentInTree])
async def list_department_tree(
    session: Session,
    on: Annotated[date | None, Query(description="The tree as of this day; now without")] = None,
) -> list[DepartmentInTree]:
    return [
        DepartmentInTree(
            **{
                **DepartmentRead.model_validate(department).model_dump(),
                "parent_id": parent_id,
                "depth": depth,
            }
        )
        for department, parent_id, depth in await departments.list_tree(session, on=on)
    ]


@router.get("/{department_id}", response_model=DepartmentRead)
async def get_department(department_id: UUID, session: Session) -> Department:
    return await departments.get_department(session, department_id)


@router.get("/{department_id}/subtree", response_model=list[DepartmentInTree])
async def list_department_subtree(department_id: UUID, session: Session) -> list[DepartmentInTree]:
    return [
        DepartmentInTree(**DepartmentRead.model_validate(department).model_dump(), depth=depth)
        for department, depth in await departments.list_subtree(session, department_id)
    ]


@router.get("/{department_id}/moves", response_model=list[DepartmentMoveRead])
async def list_department_moves(department_id: UUID, session: Session) -> list[DepartmentMove]:
    return list(await departments.list_moves(session, department_id))


@router.patch("/{department_id}", response_model=DepartmentRead)
async def update_department(
    department_id: UUID, changes: DepartmentUpdate, session: Session
) -> Department:
    return await departments.update_department(session, department_id, changes=changes.changes())


@router.post("/{department_id}:move", response_model=DepartmentRead)
async def move_department(
    department_id: UUID, to: DepartmentMoveTo, session: Session, actor: CurrentActor, now: Now
) -> Department:
    return await departments.move_department(
        session, department_id, actor=actor, now=now, **to.model_dump()
    )


@router.post("/{department_id}:close", response_model=DepartmentRead)
async def close_department(department_id: UUID, session: Session, now: Now) -> Department:
    return await departments.close_department(session, department_id, now=now)


@router.post("/{department_id}:reopen", response_model=DepartmentRead)
async def reopen_department(department_id: UUID, session: Session) -> Department:
    return await departments.reopen_department(session, department_id)
