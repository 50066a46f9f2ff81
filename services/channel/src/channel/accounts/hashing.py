"""Hashes of passwords and secrets: argon2id, in threads, a few at a time."""

import secrets

import anyio
import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's first choice where many sign in at once: 19 MiB a hash.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = anyio.CapacityLimiter(4)
"""More would take the processors from everything else, and 19 MiB each."""
_NOBODYS = _HASHER.hash(secrets.token_urlsafe())


def new_secret() -> str:
    """A secret of 256 random bits."""
    return secrets.token_urlsafe(32)


async def hash_secret(secret: str) -> str:
    """What is kept of the secret."""
    return await anyio.to_thread.run_sync(_HASHER.hash, secret, limiter=_AT_ONCE)


async def is_secret(secret: str, kept: str | None) -> bool:
    """Whether this is the secret of which `kept` was kept.

    Without one the work is the same, so that the time does not tell who has an account.
    """
    is_right = await anyio.to_thread.run_sync(_verify, kept or _NOBODYS, secret, limiter=_AT_ONCE)
    return is_right and kept is not None


def _verify(kept: str, secret: str) -> bool:
    try:
        return _HASHER.verify(kept, secret)
    except (VerificationError, InvalidHashError):
        return False
