"""What a row of a file can become in this service.

A row names other records by their id in its own system, territories by their code.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from channel.departments import use_cases as departments
from channel.departments.model import DepartmentKind
from channel.departments.schemas import DepartmentCreate, ExternalId, Name, ShortCode
from channel.employees import use_cases as employees
from channel.employees.schemas import Email, EmployeeCreate, Label, Phone
from channel.partners import use_cases as partners
from channel.partners.model import PartnerKind, PartnerTier
from channel.partners.schemas import PartnerCreate
from channel.territories import use_cases as territories
from channel.territories.schemas import TerritoryCreate
from common import clock
from common.auth import Actor
from common.custom_fields.columns import CustomValues
from common.days import day_of
from common.errors import Refusal
from common.imports.jobs import ImportContext, Target, TargetRow
from common.numbers import next_numbers


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _blank_is_absent(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value is not None}

    def given(self, *without: str) -> dict[str, Any]:
        """The fields the row has, but for those that name other records."""
        return self.model_dump(exclude_unset=True, exclude=set(without))


class TerritoryRow(_Row):
    """A territory in a file, known by its code."""

    code: ShortCode
    name: Name
    english_name: Name | None = None
    parent_code: ShortCode | None = None


class DepartmentRow(_Row):
    """A department in a file."""

    external_id: ExternalId
    name: Name
    kind: DepartmentKind
    code: ShortCode | None = None
    parent_external_id: ExternalId | None = None


class EmployeeRow(_Row):
    """An employee in a file."""

    external_id: ExternalId
    name: Label
    department_external_id: ExternalId
    position: Label | None = None
    email: Email | None = None
    phone: Phone | None = None
    manager_external_id: ExternalId | None = None
    joined_on: date | None = None


class PartnerRow(_Row):
    """A partner in a file, taken on from the day it names, or today."""

    external_id: ExternalId
    name: Name
    kind: PartnerKind
    tier: PartnerTier = PartnerTier.REGISTERED
    territory_code: ShortCode
    department_external_id: ExternalId | None = None
    owner_external_id: ExternalId | None = None
    contact_name: Label | None = None
    phone: Phone | None = None
    email: Email | None = None
    city: Label | None = None
    onboarded_on: date | None = None
    custom: CustomValues = {}

    @model_validator(mode="after")
    def _can_be_reached(self) -> "PartnerRow":
        # What onboarding needs is asked for before the partner is written down.
        if not (self.phone or self.email or self.owner_external_id):
            raise ValueError("a partner needs a phone, an email or somebody who looks after it")
        return self


async def import_territories(
    session: AsyncSession, rows: Sequence[TargetRow], _: ImportContext
) -> None:
    """Open or change territories."""
    known = await territories.find_territories(session, _named(rows, "code", "parent_code"))
    for row in rows:
        parent = _found(row, known, "parent_code", "territory")
        if row.result is not None:
            continue
        new = TerritoryCreate(parent_id=parent, **row.fields.given("parent_code"))
        try:
            territory, outcome = await territories.bring_in_territory(
                session, new, existing=known.get(row.fields.code)
            )
        except Refusal as refusal:
            row.reject(refusal)
            continue
        known[row.fields.code] = territory
        row.done(outcome, territory.id)


async def import_departments(
    session: AsyncSession, rows: Sequence[TargetRow], context: ImportContext
) -> None:
    """Open or change departments."""
    known = await departments.find_departments(
        session, context.external_source, _named(rows, "external_id", "parent_external_id")
    )
    now = clock.utc_now()
    for row in rows:
        parent = _found(row, known, "parent_external_id", "department")
        if row.result is not None:
            continue
        new = DepartmentCreate(
            parent_id=parent,
            external_source=context.external_source,
            **row.fields.given("parent_external_id"),
        )
        try:
            department, outcome = await departments.bring_in_department(
                session,
                new,
                existing=known.get(row.fields.external_id),
                parent=known.get(row.fields.parent_external_id),
                actor=Actor(context.actor_id),
                now=now,
            )
        except Refusal as refusal:
            row.reject(refusal)
            continue
        known[row.fields.external_id] = department
        row.done(outcome, department.id)


async def import_employees(
    session: AsyncSession, rows: Sequence[TargetRow], context: ImportContext
) -> None:
    """Take on or change employees."""
    source = context.external_source
    offices = await departments.find_departments(
        session, source, _named(rows, "department_external_id")
    )
    known = await employees.find_employees(
        session, source, _named(rows, "external_id", "manager_external_id")
    )
    numbers = await _numbers(session, "employees", rows, known)
    for row in rows:
        department = _found(row, offices, "department_external_id", "department")
        manager = _found(row, known, "manager_external_id", "manager")
        if row.result is not None or department is None:
            continue
        named = {} if row.fields.manager_external_id is None else {"manager_id": manager}
        new = EmployeeCreate(
            department_id=department,
            external_source=source,
            **named,
            **row.fields.given("department_external_id", "manager_external_id"),
        )
        existing = known.get(row.fields.external_id)
        try:
            employee, outcome = await employees.bring_in_employee(
                session, new, existing=existing, number=None if existing else numbers.pop()
            )
        except Refusal as refusal:
            row.reject(refusal)
            continue
        known[row.fields.external_id] = employee
        row.done(outcome, employee.id)


async def import_partners(
    session: AsyncSession, rows: Sequence[TargetRow], context: ImportContext
) -> None:
    """Take on or change partners."""
    source, now = context.external_source, clock.utc_now()
    regions = await territories.find_territories(session, _named(rows, "territory_code"))
    offices = await departments.find_departments(
        session, source, _named(rows, "department_external_id")
    )
    owners = await employees.find_employees(session, source, _named(rows, "owner_external_id"))
    known = await partners.find_partners(session, source, _named(rows, "external_id"))
    numbers = await _numbers(session, "partners", rows, known)
    for row in rows:
        named = {
            "region_id": _found(row, regions, "territory_code", "territory"),
            "department_id": _found(row, offices, "department_external_id", "department"),
            "owner_id": _found(row, owners, "owner_external_id", "employee"),
        }
        if row.result is not None:
            continue
        new = PartnerCreate(
            external_source=source,
            **{name: value for name, value in named.items() if value is not None},
            **row.fields.given(
                "territory_code", "department_external_id", "owner_external_id", "onboarded_on"
            ),
        )
        existing = known.get(row.fields.external_id)
        try:
            partner, outcome = await partners.bring_in_partner(
                session,
                new,
                existing=existing,
                actor=Actor(context.actor_id),
                now=now,
                onboarded_on=row.fields.onboarded_on or day_of(now),
                number=None if existing else numbers.pop(),
            )
        except Refusal as refusal:
            row.reject(refusal)
            continue
        known[row.fields.external_id] = partner
        row.done(outcome, partner.id)


def _named(rows: Sequence[TargetRow], *fields: str) -> set[str]:
    """The ids that the rows name in these fields."""
    names = {getattr(row.fields, field) for row in rows for field in fields}
    return {name for name in names if name is not None}


def _found(row: TargetRow, known: dict[str, Any], field: str, what: str) -> UUID | None:
    """The id of the record that the row names in this field; ends the row when it is not known."""
    name = getattr(row.fields, field)
    if name is None:
        return None
    record = known.get(name)
    if record is None:
        row.unknown(f"{what} {name!r} is not known here")
        return None
    found: UUID = record.id
    return found


async def _numbers(
    session: AsyncSession, series: str, rows: Sequence[TargetRow], known: dict[str, Any]
) -> list[int]:
    """A number for each new record of the batch, the first to be used last in the list."""
    new = _named(rows, "external_id") - set(known)
    return (await next_numbers(session, series, len(new)))[::-1]


TARGETS = {
    "territories": Target("territories", TerritoryRow, import_territories),
    "departments": Target("departments", DepartmentRow, import_departments),
    "employees": Target("employees", EmployeeRow, import_employees),
    "partners": Target("partners", PartnerRow, import_partners),
}
