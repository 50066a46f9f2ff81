"""The end of sessions before their time."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.sign_in.model import RevokedSession, SignInSession
from common.messaging.outbox import record


async def revoke_sessions(
    session: AsyncSession, account_id: UUID, *, why: str, now: datetime
) -> None:
    """End every session of the account; the caller has locked it."""
    found = await session.execute(
        select(SignInSession)
        .where(SignInSession.account_id == account_id, SignInSession.expires_at > now)
        .order_by(SignInSession.id)
        .with_for_update()
    )
    for signed_in in found.scalars().all():
        await revoke_session(session, signed_in, why=why, now=now)


async def revoke_session(
    session: AsyncSession, signed_in: SignInSession, *, why: str, now: datetime
) -> None:
    """End a session, which the caller has locked: its refresh tokens are gone with it."""
    revoked, told = RevokedSession.end(signed_in, why=why, now=now)
    session.add(revoked)
    record(session, revoked, told)
    await session.delete(signed_in)
