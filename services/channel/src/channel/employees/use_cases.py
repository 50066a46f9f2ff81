"""What people do with employees."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.accounts.administrators import an_administrator_stays
from channel.db import take_turn
from channel.departments import use_cases as departments
from channel.employees.model import (
    Employee,
    EmployeeExternalIdTaken,
    EmployeeNotFound,
    EmployeeState,
    EmployeeUnknown,
)
from channel.employees.schemas import (
    EmployeeCreate,
    EmployeeInCharge,
    EmployeeLeaving,
    PartnerInCare,
)
from channel.outcome import Outcome
from channel.partners.model import Partner, PartnerState
from common.access.rows import all_rows
from common.days import day_of
from common.messaging.outbox import record
from common.numbers import next_number
from common.pagination import Page, PageRequest, paginate


async def join_employee(session: AsyncSession, new: EmployeeCreate) -> Employee:
    """Somebody joins."""
    if new.external_id is not None:
        await _refuse_taken_external_id(session, new.external_source, new.external_id)
    await departments.get_open_department(session, new.department_id, pointer="/department_id")
    await _check_open(session, new.other_department_ids)
    if new.manager_id is not None:
        await get_active_employee(session, new.manager_id, pointer="/manager_id")
    return _join(session, new, await next_number(session, "employees"))


async def get_employee(session: AsyncSession, employee_id: UUID, *, lock: bool = False) -> Employee:
    """The employee; `lock` keeps it for this transaction."""
    employee = await session.get(Employee, employee_id, with_for_update=lock or None)
    if employee is None:
        raise EmployeeNotFound(f"no employee {employee_id}")
    return employee


async def get_active_employee(
    session: AsyncSession, employee_id: UUID, *, pointer: str
) -> Employee:
    """The active employee that a request names at `pointer`; nobody lets them go meanwhile.

    Raises EmployeeUnknown.
    """
    employee = await session.get(Employee, employee_id, with_for_update={"read": True})
    if employee is None or not employee.is_active:
        raise EmployeeUnknown(f"no active employee {employee_id}", pointer=pointer)
    return employee


async def find_employees(
    session: AsyncSession, source: str, external_ids: Iterable[str]
) -> dict[str, Employee]:
    """The employees with these ids of another system, kept for this transaction; for imports.

    Who reports to whom is kept as well until the transaction ends.
    """
    await take_turn(session, "employees")
    found = await session.execute(
        select(Employee)
        .where(Employee.external_source == source, Employee.external_id.in_(set(external_ids)))
        .order_by(Employee.id)
        .with_for_update()
    )
    return {str(employee.external_id): employee for employee in found.scalars()}


async def list_employees(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Employee]:
    """A page of employees; `q` is looked for in the name and at the start of the number."""
    query = select(Employee).where(*filters)
    if q:
        query = query.where(
            or_(
                Employee.name.icontains(q, autoescape=True),
                Employee.number.istartswith(q, autoescape=True),
            )
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Employee.id,
        sort_keys={
            "name": Employee.name,
            "number": Employee.number,
            "created_at": Employee.created_at,
        },
        default_sort="name",
    )


async def update_employee(
    session: AsyncSession, employee_id: UUID, *, changes: dict[str, Any]
) -> Employee:
    """Change what is known of an employee, their department or their manager."""
    if changes.get("manager_id") is not None:
        await take_turn(session, "employees")
    employee = await get_employee(session, employee_id, lock=True)
    if changes.get("department_id", employee.department_id) != employee.department_id:
        await departments.get_open_department(
            session, changes["department_id"], pointer="/department_id"
        )
    await _check_open(
        session, set(changes.get("other_department_ids", ())) - {*employee.other_department_ids}
    )
    if changes.get("manager_id") not in (None, employee.manager_id):
        employee.check_manager(await _chain(session, changes["manager_id"]))
        await get_active_employee(session, changes["manager_id"], pointer="/manager_id")
    _change(session, employee, changes)
    return employee


async def preview_leaving(session: AsyncSession, employee_id: UUID) -> EmployeeLeaving:
    """What the employee would leave behind in this service."""
    await get_employee(session, employee_id)
    reports = await session.execute(_reports_of(employee_id))
    in_care = await session.execute(_in_care_of(employee_id))
    people = [EmployeeInCharge.model_validate(report) for report in reports.scalars()]
    partners = [PartnerInCare.model_validate(partner) for partner in in_care.scalars()]
    return EmployeeLeaving(
        reports=people, partners=partners, needs_successor=bool(people or partners)
    )


async def let_employee_leave(
    session: AsyncSession,
    employee_id: UUID,
    *,
    left_on: date | None,
    successor_id: UUID | None,
    now: datetime,
) -> Employee:
    """Somebody leaves; the successor takes over their people and partners.

    Repeating it changes nothing, but to name a successor where there was none. What else they own
    is handed over by the services that keep it, which hear of it by the event; without a successor
    it keeps its owner. Raises LastAdministrator where nobody would be left who may do everything.
    """
    async with an_administrator_stays(session):
        return await _let_leave(
            session, employee_id, left_on=left_on, successor_id=successor_id, now=now
        )


async def _let_leave(
    session: AsyncSession,
    employee_id: UUID,
    *,
    left_on: date | None,
    successor_id: UUID | None,
    now: datetime,
) -> Employee:
    await take_turn(session, "employees")
    employee = await get_employee(session, employee_id, lock=True)
    successor = None
    if successor_id is not None:
        successor = await get_active_employee(session, successor_id, pointer="/successor_id")
    reports = await _reports(session, employee_id)
    # All of them, or some would stay with somebody who is gone.
    with all_rows(session):
        in_care = await _partners_in_care(session, employee_id)
    is_below = successor is not None and employee_id in await _chain(session, successor.id)
    left = employee.leave(
        on=left_on or day_of(now),
        successor=successor,
        reports=len(reports),
        partners=len(in_care),
    )
    if left is None:
        return employee
    record(session, employee, left)
    if successor is None:
        return employee
    if is_below:
        # Or the successor would report to people who report to the successor.
        _change(session, successor, {"manager_id": employee.manager_id})
    for report in reports:
        if report is not successor:
            _change(session, report, {"manager_id": successor.id})
    for partner in in_care:
        handed_over = partner.update({"owner_id": successor.id})
        if handed_over is not None:
            record(session, partner, handed_over)
    return employee


async def bring_in_employee(
    session: AsyncSession,
    new: EmployeeCreate,
    *,
    existing: Employee | None,
    number: int | None = None,
) -> tuple[Employee, Outcome]:
    """Take on or change the employee with this external id; for imports.

    `existing` is what `find_employees` found under the id. The caller vouches for department and
    manager; `number` is one of `next_numbers`, for a batch. A field that `new` does not set stays
    as it is, and so does everything about somebody who has left.
    """
    if existing is None:
        if number is None:
            number = await next_number(session, "employees")
        return _join(session, new, number), Outcome.CREATED
    if not existing.is_active:
        return existing, Outcome.UNCHANGED
    changes = new.model_dump(exclude_unset=True, exclude={"external_source", "external_id"})
    if changes.get("manager_id") not in (None, existing.manager_id):
        existing.check_manager(await _chain(session, changes["manager_id"]))
    return existing, _change(session, existing, changes)


def _join(session: AsyncSession, new: EmployeeCreate, number: int) -> Employee:
    employee, joined = Employee.join(number=number, **new.model_dump())
    session.add(employee)
    record(session, employee, joined)
    return employee


def _change(session: AsyncSession, employee: Employee, changes: dict[str, Any]) -> Outcome:
    updated = employee.update(changes)
    if updated is None:
        return Outcome.UNCHANGED
    record(session, employee, updated)
    return Outcome.UPDATED


async def _reports(session: AsyncSession, employee_id: UUID) -> Sequence[Employee]:
    """The active employees who report to this one, kept for this transaction."""
    found = await session.execute(_reports_of(employee_id).with_for_update())
    return found.scalars().all()


def _reports_of(employee_id: UUID) -> Select[Employee]:
    return (
        select(Employee)
        .where(Employee.manager_id == employee_id, Employee.state == EmployeeState.ACTIVE)
        .order_by(Employee.id)
    )


async def _partners_in_care(session: AsyncSession, employee_id: UUID) -> Sequence[Partner]:
    """The partners this employee looks after, kept for this transaction."""
    found = await session.execute(_in_care_of(employee_id).with_for_update())
    return found.scalars().all()


def _in_care_of(employee_id: UUID) -> Select[Partner]:
    return (
        select(Partner)
        .where(Partner.owner_id == employee_id, Partner.state != PartnerState.ENDED)
        .order_by(Partner.id)
    )


async def _check_open(session: AsyncSession, department_ids: Iterable[UUID]) -> None:
    for department_id in sorted(set(department_ids)):
        await departments.get_open_department(
            session, department_id, pointer="/other_department_ids"
        )


async def _chain(session: AsyncSession, employee_id: UUID) -> Sequence[UUID]:
    """The employee, their manager, and so on to the top."""
    chain = (
        select(Employee.id, Employee.manager_id)
        .where(Employee.id == employee_id)
        .cte("chain", recursive=True)
    )
    chain = chain.union(
        select(Employee.id, Employee.manager_id).where(Employee.id == chain.c.manager_id)
    )
    return (await session.execute(select(chain.c.id))).scalars().all()


async def _refuse_taken_external_id(
    session: AsyncSession, external_source: str | None, external_id: str
) -> None:
    found = await session.execute(
        select(Employee.id).where(
            Employee.external_source == external_source, Employee.external_id == external_id
        )
    )
    existing = found.scalar()
    if existing is not None:
        raise EmployeeExternalIdTaken(
            f"an employee with id {external_id!r} of {external_source} is there already",
            existing_id=str(existing),
        )
