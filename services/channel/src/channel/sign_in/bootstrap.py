"""What a new installation needs before anybody can sign in; repeating it changes nothing."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.accounts.administrators import has_administrator
from channel.accounts.hashing import hash_secret, is_secret
from channel.accounts.model import Account, AccountKind
from channel.accounts.schemas import AccountCreate
from channel.accounts.use_cases import find_account, open_account, renew_secret
from channel.db import take_turn
from channel.roles.built_in import ADMINISTRATOR, BUILT_IN
from channel.roles.model import Role
from channel.settings import Settings
from channel.sign_in.keys import ensure_a_key
from common.audit.model import AuditEntry
from common.auth import LOCAL_OPERATOR
from common.clock import utc_now
from common.context import Context, working_in
from common.db import Database
from common.messaging.outbox import record

FIRST_ADMINISTRATOR = "admin"
CLI_CLIENT = "fairway-cli"
BOOTSTRAP = "bootstrap"
"""Who acts here, as the audit trail has it."""


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What was made that nobody can look up later: the first administrator's password, or None."""

    username: str
    password: SecretStr | None


async def bootstrap(
    database: Database, settings: Settings, *, client_secret: SecretStr | None = None
) -> Bootstrapped:
    """Make a signing key, the built-in roles and the first administrator, where they are missing.

    With a `client_secret`, the client `fairway-cli` has this secret afterwards; it may do
    everything. A built-in role that nobody has changed becomes what this release makes of it; who
    changed one or removed it keeps it so.
    """
    async with database.transaction() as session:
        with working_in(Context(actor_id=BOOTSTRAP)):
            await take_turn(session, "bootstrap")
            await ensure_a_key(session, secret=settings.sealing_secret, now=utc_now())
            administrator = await _ensure_roles(session)
            password = await _ensure_administrator(session, administrator, settings)
            if client_secret is not None:
                await _ensure_client(session, administrator, client_secret.get_secret_value())
    return Bootstrapped(FIRST_ADMINISTRATOR, password)


async def _ensure_roles(session: AsyncSession) -> Role:
    """The administrator's role; the other missing ones are made, untouched ones brought up to date."""
    known = {role.code: role for role in (await session.execute(select(Role))).scalars()}
    touched = await _changed_by_people(session)
    for wanted in BUILT_IN:
        role = known.get(wanted.code)
        if role is None:
            role, defined = Role.define(**wanted.model_dump())
            session.add(role)
            record(session, role, defined)
            known[role.code] = role
        elif role.id not in touched:
            updated = role.update(wanted.model_dump())
            if updated is not None:
                record(session, role, updated)
    await session.flush()
    return known[ADMINISTRATOR]


async def _changed_by_people(session: AsyncSession) -> set[UUID]:
    """The roles that anybody but this module ever wrote, by the audit trail."""
    found = await session.execute(
        select(AuditEntry.record_id).where(
            AuditEntry.record_type == "channel.role",
            AuditEntry.actor_id.is_distinct_from(BOOTSTRAP),
        )
    )
    return set(found.scalars())


async def _ensure_administrator(
    session: AsyncSession, role: Role, settings: Settings
) -> SecretStr | None:
    """Open the account `admin` where nobody may do everything; its password, if it was made up."""
    if await has_administrator(session) or await find_account(session, FIRST_ADMINISTRATOR):
        return None
    made_up = None if settings.admin_password else SecretStr(secrets.token_urlsafe(15))
    await open_account(
        session,
        AccountCreate(
            username=FIRST_ADMINISTRATOR,
            password=settings.admin_password or made_up,
            role_ids=[role.id],
        ),
        actor=LOCAL_OPERATOR,
        now=utc_now(),
    )
    return made_up


async def _ensure_client(session: AsyncSession, role: Role, secret: str) -> None:
    now = utc_now()
    client = await find_account(session, CLI_CLIENT)
    if client is None:
        client, opened = Account.open(
            username=CLI_CLIENT,
            kind=AccountKind.CLIENT,
            secret_hash=await hash_secret(secret),
            region_ids=[],
            role_ids=[role.id],
            now=now,
        )
        session.add(client)
        record(session, client, opened)
    elif not await is_secret(secret, client.secret_hash):
        await renew_secret(session, client.id, secret=secret, actor=LOCAL_OPERATOR, now=now)
