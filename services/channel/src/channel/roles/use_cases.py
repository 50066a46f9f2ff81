"""What people do with roles."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.accounts.administrators import an_administrator_stays
from channel.accounts.giving import check_may_define
from channel.accounts.model import Account
from channel.roles.model import Role, RoleCodeTaken, RoleNotFound
from channel.roles.schemas import RoleCreate
from common.auth import Actor
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate


async def define_role(session: AsyncSession, new: RoleCreate, *, actor: Actor) -> Role:
    """Define a role; raises BeyondOwnRights for one that the actor could not fill everywhere."""
    check_may_define(actor, new.rights, new.scope)
    found = await session.execute(select(Role.id).where(Role.code == new.code))
    existing = found.scalar()
    if existing is not None:
        raise RoleCodeTaken(
            f"a role with the code {new.code!r} is there already", existing_id=str(existing)
        )
    role, defined = Role.define(**new.model_dump())
    session.add(role)
    record(session, role, defined)
    return role


async def get_role(session: AsyncSession, role_id: UUID, *, lock: bool = False) -> Role:
    """The role; `lock` keeps it for this transaction."""
    role = await session.get(Role, role_id, with_for_update=lock or None)
    if role is None:
        raise RoleNotFound(f"no role {role_id}")
    return role


async def list_roles(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Role]:
    """A page of roles; `q` is looked for in the names and at the start of the code."""
    query = select(Role).where(*filters)
    if q:
        query = query.where(
            or_(
                Role.name.icontains(q, autoescape=True),
                Role.english_name.icontains(q, autoescape=True),
                Role.code.istartswith(q, autoescape=True),
            )
        )
    return await paginate(
        session,
        query,
        page,
        id_column=Role.id,
        sort_keys={"code": Role.code, "name": Role.name},
        default_sort="code",
    )


async def update_role(
    session: AsyncSession, role_id: UUID, *, changes: dict[str, Any], actor: Actor
) -> Role:
    """Change names, rights or scope; every account with the role has them from then on.

    Raises BeyondOwnRights, for the rights it has as for those it gets.
    """
    async with an_administrator_stays(session):
        role = await get_role(session, role_id, lock=True)
        check_may_define(
            actor, {*role.rights, *changes.get("rights", ())}, changes.get("scope", role.scope)
        )
        updated = role.update(changes)
        if updated is not None:
            record(session, role, updated)
    return role


async def remove_role(session: AsyncSession, role_id: UUID, *, actor: Actor) -> None:
    """Take the role away; repeating it changes nothing. Raises BeyondOwnRights."""
    role = await get_role(session, role_id, lock=True)
    check_may_define(actor, role.rights, role.scope)
    accounts = await session.execute(
        select(func.count()).select_from(Account).where(Account.role_ids.contains([role_id]))
    )
    removed = role.remove(accounts=accounts.scalar_one())
    if removed is not None:
        record(session, role, removed)


async def restore_role(session: AsyncSession, role_id: UUID, *, actor: Actor) -> Role:
    """Bring a removed role back; repeating it changes nothing. Raises BeyondOwnRights."""
    role = await get_role(session, role_id, lock=True)
    check_may_define(actor, role.rights, role.scope)
    restored = role.restore()
    if restored is not None:
        record(session, role, restored)
    return role
