"""Access tokens: JWTs of the RFC 9068 profile, verified with the issuer's public keys.

Only asymmetric algorithms and only keys of the configured key set are accepted: what a token says
of its own key (`jku`, `x5u`, `jwk`) is never looked at.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import structlog

log = structlog.get_logger(__name__)

ALGORITHMS = ("ES256", "ES384", "EdDSA", "RS256", "PS256")
LEEWAY_S = 30
KEYS_FOR_S = 300.0
"""How long a fetched key set is good; a key that was taken back works for so long at most."""
ASK_AGAIN_AFTER_S = 10.0
"""Tokens with made-up key ids do not make us ask the issuer more often than this."""
LONGEST = 8192
_REQUIRED = ["exp", "iat", "iss", "aud", "sub"]

Fetch = Callable[[], Awaitable[Mapping[str, Any]]]


class BadToken(Exception):
    """The token is not good; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a token stands for."""

    subject: str
    session: str | None
    issued_at: datetime
    everything: Mapping[str, Any]


@dataclass(slots=True)
class KeySet:
    """The issuer's public keys by key id, fetched when needed."""

    fetch: Fetch
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _fetched_at: float = -KEYS_FOR_S
    _asked_at: float = -KEYS_FOR_S
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def key(self, key_id: str) -> jwt.PyJWK:
        """The key of this id; raises BadToken when the issuer has none."""
        now = time.monotonic()
        is_old = now - self._fetched_at > KEYS_FOR_S
        if is_old or (key_id not in self._keys and now - self._asked_at > ASK_AGAIN_AFTER_S):
            async with self._lock:
                if self._asked_at <= now:
                    await self._refresh()
        if key_id not in self._keys:
            raise BadToken("no such key")
        return self._keys[key_id]

    async def _refresh(self) -> None:
        self._asked_at = time.monotonic()
        try:
            document = await self.fetch()
            keys = {
                entry["kid"]: jwt.PyJWK(entry)
                for entry in document["keys"]
                if entry.get("use", "sig") == "sig" and "kid" in entry
            }
        except (httpx.HTTPError, ValueError, KeyError, jwt.PyJWTError) as error:
            # With the keys we have the issuer may be away for a while.
            log.warning("the issuer's keys cannot be read", reason=f"{type(error).__name__}")
            return
        self._keys, self._fetched_at = keys, time.monotonic()


async def verify(token: str, keys: KeySet, *, issuer: str, audience: str) -> Claims:
    """Who the token stands for; raises BadToken when it is not a good access token of ours."""
    if len(token) > LONGEST:
        raise BadToken("too long")
    try:
        header = jwt.get_unverified_header(token)
        if str(header.get("typ", "")).lower().removeprefix("application/") != "at+jwt":
            raise BadToken("not an access token")
        if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
            raise BadToken("algorithm or key id is missing or not accepted")
        key = await keys.key(header["kid"])
        claims = jwt.decode(
            token,
            key,
            # The key's own algorithm, so that a public key is never taken for a shared secret.
            algorithms=[key.algorithm_name],
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY_S,
            options={"require": _REQUIRED},
        )
    except jwt.PyJWTError as error:
        raise BadToken(f"{type(error).__name__}") from None
    if not isinstance(claims["sub"], str) or not isinstance(claims["iat"], (int, float)):
        raise BadToken("sub or iat has the wrong type")
    session = claims.get("sid")
    return Claims(
        claims["sub"],
        session if isinstance(session, str) else None,
        datetime.fromtimestamp(claims["iat"], UTC),
        claims,
    )
