"""What somebody may give to others: nothing that they do not have themselves.

Whoever sets the password of an account can be that account afterwards, so what is done to an account
needs all that the account may, as giving it its roles does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.accounts.model import Account
from channel.employees.model import Employee
from channel.roles.model import Role, RoleState
from common.access.rights import Grant, Scope, covers
from common.auth import Actor
from common.errors import Forbidden

OWN_PLACE = frozenset({"role_ids", "region_ids", "employee_id", "partner_id"})
"""What an account may, and over which rows, follows from these of its values."""


class BeyondOwnRights(Forbidden):
    """You would give, or take over, a right that you do not have over those rows: `right`, `scope`."""

    code = "beyond_own_rights"


class OwnRoles(Forbidden):
    """Nobody changes what they may do themselves; ask another administrator."""

    code = "own_roles"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account stands, as far as its rows follow from it."""

    employee_id: UUID | None = None
    department_id: UUID | None = None
    partner_id: UUID | None = None
    region_ids: frozenset[UUID] = frozenset()


def check_may_define(actor: Actor, rights: Iterable[str], scope: str) -> None:
    """Refuse a role that the actor could not fill: it is everybody's, so all rows are needed.

    Raises BeyondOwnRights.
    """
    for right in rights:
        if actor.partner_id is not None or not _holds(actor, right, (Scope.ALL,)):
            raise _beyond(right, scope)


def check_may_give(actor: Actor, grants: Sequence[Grant], place: Place) -> None:
    """Refuse a gift of grants to an account that stands there; raises BeyondOwnRights."""
    for grant in grants:
        enough = [scope for scope in Scope if _is_enough(actor, scope, grant.scope, place)]
        for right in grant.rights:
            if not _holds(actor, right, enough):
                raise _beyond(right, grant.scope)


def _is_enough(actor: Actor, held: Scope, given: Scope, place: Place) -> bool:
    """Whether who holds a right over `held` reaches whatever `given` reaches for that account."""
    if actor.partner_id is not None:
        return place.partner_id == actor.partner_id
    if held == Scope.ALL:
        return True
    is_near = place.employee_id is None or place.department_id in actor.subtree_ids
    if place.partner_id is not None or not is_near or not held.holds(given):
        return False
    match given:
        case Scope.TERRITORY:
            # Without regions of its own an account has those of its department.
            return bool(place.region_ids) and place.region_ids <= actor.region_ids
        case Scope.DEPARTMENT if held == Scope.DEPARTMENT:
            return place.department_id in (None, actor.department_id)
    return True


def _holds(actor: Actor, right: str, enough: Iterable[Scope]) -> bool:
    return any(
        grant.scope in enough and any(covers(pattern, right) for pattern in grant.rights)
        for grant in actor.grants
    )


def _beyond(right: str, scope: str) -> BeyondOwnRights:
    return BeyondOwnRights(
        f"you do not hold {right} over these rows yourself", right=right, scope=scope
    )


def check_is_not_own(actor: Actor, account: Account, changes: Mapping[str, Any]) -> None:
    """Refuse that somebody changes what they may do themselves; raises OwnRoles."""
    changed = {
        name for name in OWN_PLACE & changes.keys() if changes[name] != getattr(account, name)
    }
    if account.id == actor.account_id and changed:
        raise OwnRoles(f"{', '.join(sorted(changed))} of your own account is changed by others")


async def check_may_hold(session: AsyncSession, actor: Actor, values: Mapping[str, Any]) -> None:
    """Refuse an account with these values unless the actor has all that it may.

    Raises BeyondOwnRights.
    """
    role_ids = values.get("role_ids") or ()
    found = await session.execute(
        select(Role).where(Role.id.in_(role_ids), Role.state == RoleState.ACTIVE)
    )
    grants = [Grant(role.code, tuple(role.rights), Scope(role.scope)) for role in found.scalars()]
    employee_id = values.get("employee_id")
    employee = None if employee_id is None else await session.get(Employee, employee_id)
    place = Place(
        employee_id=employee_id,
        department_id=None if employee is None else employee.department_id,
        partner_id=values.get("partner_id"),
        region_ids=frozenset(values.get("region_ids") or ()),
    )
    if actor.partner_id is not None and place.partner_id != actor.partner_id:
        raise BeyondOwnRights("the account is of another partner, or of none")
    check_may_give(actor, grants, place)


async def check_may_act_on(session: AsyncSession, actor: Actor, account: Account) -> None:
    """Refuse what is done to an account that may more than the actor; raises BeyondOwnRights.

    What people do to their own account is no gift.
    """
    if account.id != actor.account_id:
        await check_may_hold(session, actor, as_it_is(account))


def as_it_is(account: Account) -> dict[str, Any]:
    """The values of an account that say what it may."""
    return {name: getattr(account, name) for name in OWN_PLACE}
