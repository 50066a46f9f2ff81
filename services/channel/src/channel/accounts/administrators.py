"""That somebody is left who may do everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.accounts.model import Account, AccountKind, AccountState, LastAdministrator
from channel.db import take_turn
from channel.employees.model import Employee, EmployeeState
from channel.roles.model import EVERYTHING, Role, RoleState
from common.access.rights import Scope


@asynccontextmanager
async def an_administrator_stays(session: AsyncSession) -> AsyncIterator[None]:
    """Refuse what is done inside when it takes away the last administrator.

    Changes of that kind take turns: of two administrators who disable each other, one stays.
    """
    await take_turn(session, "administrators")
    had_one = await has_administrator(session)
    yield
    await session.flush()
    if had_one and not await has_administrator(session):
        raise LastAdministrator("this is the last administrator; make another one first")


async def has_administrator(session: AsyncSession) -> bool:
    """Whether there is a person who may sign in and do everything, everywhere."""
    found = await session.execute(
        select(func.count())
        .select_from(Account)
        .join(Role, Role.id == func.any(Account.role_ids))
        .outerjoin(Employee, Employee.id == Account.employee_id)
        .where(
            Account.kind == AccountKind.PERSON,
            Account.state == AccountState.ACTIVE,
            Account.partner_id.is_(None),
            or_(Account.employee_id.is_(None), Employee.state == EmployeeState.ACTIVE),
            Role.state == RoleState.ACTIVE,
            Role.scope == Scope.ALL,
            Role.rights.contains([EVERYTHING]),
        )
    )
    return found.scalar_one() > 0
