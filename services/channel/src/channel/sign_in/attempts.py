"""Who has guessed too often: attempts are counted before they are looked into.

Each step is a transaction of its own, so that an attempt stays counted when the request is refused,
and so that no connection is held while a password is hashed. What is under way counts as well, for
guesses that are sent side by side.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update

from channel.db import take_turn
from channel.sign_in.model import SignInAttempt, digest_of
from common.db import Database
from common.errors import TooManyRequests

WINDOW = timedelta(minutes=15)
MOST_OF_A_USERNAME = 10
MOST_FROM_AN_ADDRESS = 30


class TooManyAttempts(TooManyRequests):
    """This username, or this address, has had too many wrong passwords lately."""

    code = "too_many_attempts"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted."""

    id: UUID
    username_key: bytes


async def count_attempt(
    database: Database, *, username: str, address: str, now: datetime
) -> Attempt:
    """Count an attempt for a username, whether it exists or not; raises TooManyAttempts."""
    username_key = digest_of(f"username\0{username.lower()}")
    address_key = digest_of(f"address\0{address}")
    async with database.transaction() as session:
        await take_turn(session, f"sign-in {username_key.hex()}")
        of_username = (
            await session.execute(
                select(SignInAttempt.attempted_at, SignInAttempt.failed)
                .where(
                    SignInAttempt.username_key == username_key,
                    SignInAttempt.attempted_at > now - WINDOW,
                )
                .order_by(SignInAttempt.attempted_at.desc())
                .limit(MOST_OF_A_USERNAME)
            )
        ).all()
        from_address = (
            await session.execute(
                select(SignInAttempt.attempted_at)
                .where(
                    SignInAttempt.address_key == address_key,
                    SignInAttempt.attempted_at > now - WINDOW,
                    SignInAttempt.failed,
                )
                .order_by(SignInAttempt.attempted_at.desc())
                .limit(MOST_FROM_AN_ADDRESS)
            )
        ).all()
        if len(from_address) == MOST_FROM_AN_ADDRESS:
            raise _too_many(_until_later(from_address[-1].attempted_at, now))
        if len(of_username) == MOST_OF_A_USERNAME:
            if all(row.failed for row in of_username):
                raise _too_many(_until_later(of_username[-1].attempted_at, now))
            raise _too_many(1)
        attempt = SignInAttempt(
            username_key=username_key, address_key=address_key, attempted_at=now, failed=False
        )
        session.add(attempt)
        await session.flush()
        return Attempt(attempt.id, username_key)


async def note_failure(database: Database, attempt: Attempt) -> None:
    """The attempt was wrong."""
    async with database.transaction() as session:
        await session.execute(
            update(SignInAttempt).where(SignInAttempt.id == attempt.id).values(failed=True)
        )


async def note_success(database: Database, attempt: Attempt) -> None:
    """The attempt was right: it is forgotten, and those of the username before it as well."""
    async with database.transaction() as session:
        await session.execute(
            delete(SignInAttempt).where(
                SignInAttempt.username_key == attempt.username_key, SignInAttempt.id <= attempt.id
            )
        )


def _too_many(retry_after_s: int) -> TooManyAttempts:
    return TooManyAttempts("too many attempts; try again later", retry_after_s=retry_after_s)


def _until_later(oldest: datetime, now: datetime) -> int:
    return max(1, math.ceil((oldest + WINDOW - now).total_seconds()))
