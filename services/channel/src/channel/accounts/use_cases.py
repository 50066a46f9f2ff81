"""What people do with accounts."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.accounts.administrators import an_administrator_stays
from channel.accounts.giving import (
    as_it_is,
    check_is_not_own,
    check_may_act_on,
    check_may_hold,
)
from channel.accounts.hashing import hash_secret, new_secret
from channel.accounts.model import (
    Account,
    AccountKind,
    AccountNotFound,
    PasswordOfClient,
    UsernameTaken,
)
from channel.accounts.passwords import check_password
from channel.accounts.schemas import AccountCreate
from channel.employees import use_cases as employees
from channel.partners.model import Partner, PartnerState
from channel.roles.model import Role, RoleState, RoleUnknown
from channel.sign_in.sessions import revoke_sessions
from channel.territories import use_cases as territories
from common.auth import Actor
from common.errors import Invalid
from common.messaging.outbox import record
from common.pagination import Page, PageRequest, paginate


class PartnerUnknown(Invalid):
    """What is written down names a partner that is not there, or is one no longer."""

    code = "partner_unknown"


async def open_account(
    session: AsyncSession, new: AccountCreate, *, actor: Actor, now: datetime
) -> tuple[Account, str | None]:
    """Open an account; the second is the secret of a client, which nobody can look up later.

    Raises BeyondOwnRights for roles that the actor could not fill there.
    """
    secret, secret_hash = None, None
    if new.kind == AccountKind.CLIENT:
        if new.password is not None:
            raise PasswordOfClient("the secret of a client is made here", pointer="/password")
        secret = new_secret()
        secret_hash = await hash_secret(secret)
    elif new.password is not None:
        check_password(new.password.get_secret_value(), username=new.username)
        secret_hash = await hash_secret(new.password.get_secret_value())
    values = new.model_dump(exclude={"password"})
    await _refuse_taken_username(session, new.username)
    await _check_references(session, values)
    await check_may_hold(session, actor, values)
    account, opened = Account.open(secret_hash=secret_hash, now=now, **values)
    session.add(account)
    record(session, account, opened)
    return account, secret


async def get_account(session: AsyncSession, account_id: UUID, *, lock: bool = False) -> Account:
    """The account; `lock` keeps it for this transaction."""
    account = await session.get(Account, account_id, with_for_update=lock or None)
    if account is None:
        raise AccountNotFound(f"no account {account_id}")
    return account


async def find_account(session: AsyncSession, username: str) -> Account | None:
    """The account with this username, in whichever case."""
    found = await session.execute(
        select(Account).where(func.lower(Account.username) == username.lower())
    )
    return found.scalar_one_or_none()


async def list_accounts(
    session: AsyncSession,
    page: PageRequest,
    *,
    q: str | None = None,
    filters: Sequence[ColumnElement[bool]] = (),
) -> Page[Account]:
    """A page of accounts; `q` is looked for in the username."""
    query = select(Account).where(*filters)
    if q:
        query = query.where(Account.username.icontains(q, autoescape=True))
    return await paginate(
        session,
        query,
        page,
        id_column=Account.id,
        sort_keys={"username": Account.username, "created_at": Account.created_at},
        default_sort="username",
    )


async def update_account(
    session: AsyncSession,
    account_id: UUID,
    *,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> Account:
    """Change the username, the roles, the regions or whose the account is.

    Raises OwnRoles, and BeyondOwnRights for what the account has as for what it gets.
    """
    async with an_administrator_stays(session):
        account = await get_account(session, account_id, lock=True)
        check_is_not_own(actor, account, changes)
        await check_may_act_on(session, actor, account)
        if changes.get("username", account.username).lower() != account.username.lower():
            await _refuse_taken_username(session, changes["username"])
        await _check_references(session, changes, account)
        if account.id != actor.account_id:
            await check_may_hold(session, actor, {**as_it_is(account), **changes})
        updated = account.update(changes, now=now)
        if updated is not None:
            record(session, account, updated)
    return account


async def disable_account(
    session: AsyncSession, account_id: UUID, *, actor: Actor, now: datetime
) -> Account:
    """Let the account sign in no more and end its sessions; repeating it changes nothing.

    Raises BeyondOwnRights.
    """
    async with an_administrator_stays(session):
        account = await get_account(session, account_id, lock=True)
        await check_may_act_on(session, actor, account)
        disabled = account.disable(now=now)
        if disabled is not None:
            record(session, account, disabled)
            await revoke_sessions(session, account_id, why="account disabled", now=now)
    return account


async def enable_account(session: AsyncSession, account_id: UUID, *, actor: Actor) -> Account:
    """Let a disabled account sign in again; repeating it changes nothing.

    Raises BeyondOwnRights.
    """
    account = await get_account(session, account_id, lock=True)
    await check_may_act_on(session, actor, account)
    enabled = account.enable()
    if enabled is not None:
        record(session, account, enabled)
    return account


async def set_password(
    session: AsyncSession, account_id: UUID, *, password: SecretStr, actor: Actor, now: datetime
) -> Account:
    """Give a person another password; who is signed in with the old one has to sign in again.

    Raises BeyondOwnRights: who sets a password can be that account afterwards.
    """
    account = await get_account(session, account_id)
    await check_may_act_on(session, actor, account)
    account.check_has_password()
    check_password(password.get_secret_value(), username=account.username)
    secret_hash = await hash_secret(password.get_secret_value())
    account = await get_account(session, account_id, lock=True)
    await check_may_act_on(session, actor, account)
    record(session, account, account.set_password(secret_hash, now=now))
    await revoke_sessions(session, account_id, why="password changed", now=now)
    return account


async def renew_secret(
    session: AsyncSession,
    account_id: UUID,
    *,
    actor: Actor,
    now: datetime,
    secret: str | None = None,
) -> tuple[Account, str]:
    """Give a client another secret, which is the second; a new one where none is given."""
    secret = secret or new_secret()
    secret_hash = await hash_secret(secret)
    account = await get_account(session, account_id, lock=True)
    await check_may_act_on(session, actor, account)
    record(session, account, account.renew_secret(secret_hash, now=now))
    await revoke_sessions(session, account_id, why="secret renewed", now=now)
    return account, secret


async def revoke_account_sessions(
    session: AsyncSession, account_id: UUID, *, actor: Actor, now: datetime
) -> Account:
    """End every session of the account and take its tokens back; raises BeyondOwnRights."""
    account = await get_account(session, account_id, lock=True)
    await check_may_act_on(session, actor, account)
    record(session, account, account.take_tokens_back(now=now))
    await revoke_sessions(session, account_id, why="sessions revoked", now=now)
    return account


async def _check_references(
    session: AsyncSession, changes: dict[str, Any], account: Account | None = None
) -> None:
    """Refuse what is newly named and is not there, or not in use."""

    def is_new(name: str) -> bool:
        return changes.get(name) is not None and changes[name] != getattr(account, name, None)

    if is_new("employee_id"):
        await employees.get_active_employee(session, changes["employee_id"], pointer="/employee_id")
    if is_new("partner_id"):
        await _check_partner(session, changes["partner_id"])
    if is_new("region_ids"):
        kept = set() if account is None else set(account.region_ids)
        for place, region_id in enumerate(changes["region_ids"]):
            if region_id not in kept:
                await territories.get_open_territory(
                    session, region_id, pointer=f"/region_ids/{place}"
                )
    if is_new("role_ids"):
        await _check_roles(session, changes["role_ids"])


async def _check_partner(session: AsyncSession, partner_id: UUID) -> None:
    partner = await session.get(Partner, partner_id, with_for_update={"read": True})
    if partner is None or partner.state == PartnerState.ENDED:
        raise PartnerUnknown(f"no partner {partner_id}", pointer="/partner_id")


async def _check_roles(session: AsyncSession, role_ids: Iterable[UUID]) -> None:
    """Refuse a role that is not there; the others stay there for this transaction."""
    found = await session.execute(
        select(Role.id)
        .where(Role.id.in_(role_ids), Role.state == RoleState.ACTIVE)
        .order_by(Role.id)
        .with_for_update(read=True)
    )
    known = set(found.scalars())
    for place, role_id in enumerate(role_ids):
        if role_id not in known:
            raise RoleUnknown(f"no role {role_id}", pointer=f"/role_ids/{place}")


async def _refuse_taken_username(session: AsyncSession, username: str) -> None:
    existing = await find_account(session, username)
    if existing is not None:
        raise UsernameTaken(f"the username {username!r} is taken", existing_id=str(existing.id))
