"""What every service hears to know who may do what; a part of each CONSUMERS table."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.events import Consumed, Id
from common.messaging.consumers import ConsumersTable, batch


class AccountChanged(Consumed):
    """Whoever signs in, as it is now."""

    type = "channel.account.changed.v1"

    username: str
    kind: str
    employee_id: Id | None = None
    partner_id: Id | None = None
    region_ids: list[Id] = Field(default_factory=list)
    role_ids: list[Id] = Field(default_factory=list)
    state: str
    tokens_from: datetime


class RoleChanged(Consumed):
    """What a role gives, as it is now."""

    type = "channel.role.changed.v1"

    code: str
    rights: list[str]
    scope: str
    state: str


class SessionRevoked(Consumed):
    """A session whose tokens are not good any more."""

    type = "channel.session.revoked.v1"

    until: datetime


class EmployeeMoved(Consumed):
    """In which department an employee is."""

    type = "channel.employee.changed.v1"

    department_id: Id
    state: str


class DepartmentMoved(Consumed):
    """Where a department stands in the tree."""

    type = "channel.department.changed.v1"

    parent_id: Id | None = None
    region_id: Id | None = None


class TerritoryMoved(Consumed):
    """Where a territory stands in the tree."""

    type = "channel.territory.changed.v1"

    parent_id: Id | None = None


# Of two rows of one batch for the same thing the later one stands.
_ACCOUNT = text("""
    INSERT INTO access_accounts AS a
        (id, username, kind, employee_id, partner_id, region_ids, role_ids, state, tokens_from)
    VALUES (:id, :username, :kind, :employee_id, :partner_id, :region_ids, :role_ids,
        :state, :tokens_from)
    ON CONFLICT (id) DO UPDATE SET username = excluded.username, kind = excluded.kind,
        employee_id = excluded.employee_id, partner_id = excluded.partner_id,
        region_ids = excluded.region_ids, role_ids = excluded.role_ids, state = excluded.state,
        tokens_from = excluded.tokens_from
""")
_ROLE = text("""
    INSERT INTO access_roles (id, code, rights, scope, state)
    VALUES (:id, :code, :rights, :scope, :state)
    ON CONFLICT (id) DO UPDATE SET code = excluded.code, rights = excluded.rights,
        scope = excluded.scope, state = excluded.state
""")
_SESSION = text("""
    INSERT INTO access_revoked_sessions (id, until) VALUES (:id, :until)
    ON CONFLICT (id) DO NOTHING
""")
_FORGET_SESSIONS = text("DELETE FROM access_revoked_sessions WHERE until < now()")
_EMPLOYEE = text("""
    INSERT INTO access_employees (id, department_id, state)
    VALUES (:id, :department_id, :state)
    ON CONFLICT (id) DO UPDATE SET department_id = excluded.department_id, state = excluded.state
""")
_DEPARTMENT = text("""
    INSERT INTO access_departments (id, parent_id, region_id)
    VALUES (:id, :parent_id, :region_id)
    ON CONFLICT (id) DO UPDATE SET parent_id = excluded.parent_id, region_id = excluded.region_id
""")
_TERRITORY = text("""
    INSERT INTO access_territories (id, parent_id) VALUES (:id, :parent_id)
    ON CONFLICT (id) DO UPDATE SET parent_id = excluded.parent_id
""")


def _rows(events: Sequence[Consumed]) -> list[dict[str, Any]]:
    # In one order for everybody, so that lanes never wait for each other in a circle.
    latest = {event.subject: {"id": event.subject, **event.model_dump()} for event in events}
    return [latest[subject] for subject in sorted(latest)]


async def keep_accounts(session: AsyncSession, events: Sequence[AccountChanged]) -> None:
    await session.execute(_ACCOUNT, _rows(events))


async def keep_roles(session: AsyncSession, events: Sequence[RoleChanged]) -> None:
    await session.execute(_ROLE, _rows(events))


async def keep_revoked_sessions(session: AsyncSession, events: Sequence[SessionRevoked]) -> None:
    await session.execute(_FORGET_SESSIONS)
    await session.execute(_SESSION, _rows(events))


async def keep_employees(session: AsyncSession, events: Sequence[EmployeeMoved]) -> None:
    await session.execute(_EMPLOYEE, _rows(events))


async def keep_departments(session: AsyncSession, events: Sequence[DepartmentMoved]) -> None:
    await session.execute(_DEPARTMENT, _rows(events))


async def keep_territories(session: AsyncSession, events: Sequence[TerritoryMoved]) -> None:
    await session.execute(_TERRITORY, _rows(events))


ACCESS: ConsumersTable = {
    AccountChanged: batch(keep_accounts),
    RoleChanged: batch(keep_roles),
    SessionRevoked: batch(keep_revoked_sessions),
    EmployeeMoved: batch(keep_employees),
    DepartmentMoved: batch(keep_departments),
    TerritoryMoved: batch(keep_territories),
}
