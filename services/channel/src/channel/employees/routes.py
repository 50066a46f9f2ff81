"""The employee endpoints."""

from uuid import UUID

from fastapi import Response

from channel.employees import use_cases as employees
from channel.employees.model import Employee
from channel.employees.schemas import (
    EmployeeCreate,
    EmployeeLeave,
    EmployeeLeaving,
    EmployeeRead,
    EmployeeUpdate,
)
from common.app import service_router
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging

router = service_router("channel", "employees")


@router.post("", status_code=201, response_model=EmployeeRead)
async def join_employee(new: EmployeeCreate, session: Session, response: Response) -> Employee:
    employee = await employees.join_employee(session, new)
    response.headers["Location"] = f"{router.prefix}/{employee.id}"
    return employee


@router.get("", response_model=PageOf[EmployeeRead])
async def list_employees(
    session: Session,
    page: Paging,
    q: str | None = None,
    state: str | None = None,
    department_id: UUID | None = None,
    manager_id: UUID | None = None,
    number: str | None = None,
    external_source: str | None = None,
    external_id: str | None = None,
) -> Page[Employee]:
    equal = {
        Employee.state: state,
        Employee.department_id: department_id,
        Employee.manager_id: manager_id,
        Employee.number: number,
        Employee.external_source: external_source,
        Employee.external_id: external_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await employees.list_employees(session, page, q=q, filters=filters)


@router.get("/{employee_id}", response_model=EmployeeRead)
async def get_employee(employee_id: UUID, session: Session) -> Employee:
    return await employees.get_employee(session, employee_id)


@router.get("/{employee_id}/leaving", response_model=EmployeeLeaving)
async def preview_leaving(employee_id: UUID, session: Session) -> EmployeeLeaving:
    return await employees.preview_leaving(session, employee_id)


@router.patch("/{employee_id}", response_model=EmployeeRead)
async def update_employee(employee_id: UUID, changes: EmployeeUpdate, session: Session) -> Employee:
    return await employees.update_employee(session, employee_id, changes=changes.changes())


@router.post("/{employee_id}:leave", response_model=EmployeeRead)
async def let_employee_leave(
    employee_id: UUID, leaving: EmployeeLeave, session: Session, now: Now
) -> Employee:
    return await employees.let_employee_leave(session, employee_id, now=now, **leaving.model_dump())
