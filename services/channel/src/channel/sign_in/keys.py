"""What operators and timers do with the signing keys."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.db import take_turn
from channel.sign_in.crypto import CannotOpen
from channel.sign_in.model import ACCESS_TOKEN_LIFETIME, LEEWAY, SigningKey

log = structlog.get_logger(__name__)


async def list_keys(session: AsyncSession) -> Sequence[SigningKey]:
    """The keys, the newest first."""
    found = await session.execute(select(SigningKey).order_by(SigningKey.active_from.desc()))
    return found.scalars().all()


async def find_signing_key(session: AsyncSession) -> SigningKey | None:
    """The key that signs at present; None before the first one."""
    found = await session.execute(
        select(SigningKey)
        .where(SigningKey.retired_at.is_(None))
        .order_by(SigningKey.active_from.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def list_published_keys(session: AsyncSession, *, now: datetime) -> list[SigningKey]:
    """The keys that a token may be signed with which is still good, the newest first."""
    return [key for key in await list_keys(session) if key.is_published(now)]


async def rotate_keys(session: AsyncSession, *, secret: str | None, now: datetime) -> SigningKey:
    """Sign with a new key at once; the old ones verify until their last token has expired."""
    await take_turn(session, "signing keys")
    for key in await list_keys(session):
        if key.retired_at is None:
            key.retire(now)
    made = SigningKey.make(secret=secret, now=now)
    session.add(made)
    return made


async def ensure_a_key(session: AsyncSession, *, secret: str | None, now: datetime) -> None:
    """Make the first key, or another where the present one is not sealed with this secret."""
    await take_turn(session, "signing keys")
    key = await find_signing_key(session)
    if key is not None and key.is_sealed == (secret is not None):
        try:
            key.opened(secret)
            return
        except CannotOpen as reason:
            log.warning("a signing key takes the place of one that is lost", reason=str(reason))
    await rotate_keys(session, secret=secret, now=now)


async def forget_old_keys(session: AsyncSession, *, now: datetime) -> None:
    """Remove the keys that no living token was signed with."""
    await session.execute(
        delete(SigningKey).where(SigningKey.retired_at < now - ACCESS_TOKEN_LIFETIME - LEEWAY)
    )
