"""From a token to an actor: the account, its roles, and its place in the organisation."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.access.rights import Grant, Scope
from common.access.tokens import BadToken, Claims, KeySet, verify
from common.auth import LOCAL_OPERATOR, Actor
from common.db import Database
from common.settings import ServiceSettings

GOOD_FOR_S = 15.0
"""How long a looked-up actor is good. With the event's way this keeps the promise that a changed
permission is in effect everywhere within a minute."""
MOST_KEPT = 10_000

_FIND = text("""
    WITH RECURSIVE account AS (
        SELECT a.*, e.department_id
        FROM access_accounts a
        LEFT JOIN access_employees e ON e.id = a.employee_id AND e.state = 'active'
        WHERE a.state = 'active'
          AND (a.id = :id OR (CAST(:username AS text) IS NOT NULL
                              AND lower(a.username) = lower(:username)))
    ), subtree AS (
        SELECT department_id AS id FROM account WHERE department_id IS NOT NULL
        UNION
        SELECT d.id FROM access_departments d JOIN subtree s ON d.parent_id = s.id
    ), regions AS (
        SELECT unnest(region_ids) AS id FROM account
        UNION
        SELECT d.region_id FROM access_departments d JOIN account a ON d.id = a.department_id
        WHERE d.region_id IS NOT NULL AND a.region_ids = '{}'
        UNION
        SELECT t.id FROM access_territories t JOIN regions r ON t.parent_id = r.id
    )
    SELECT account.id, account.employee_id, account.department_id, account.partner_id,
        account.tokens_from,
        (SELECT count(*) FROM access_employees e
         WHERE e.id = account.employee_id AND e.state <> 'active') AS has_left,
        ARRAY(SELECT id FROM subtree) AS subtree_ids,
        ARRAY(SELECT id FROM regions) AS region_ids,
        (SELECT json_agg(json_build_object('code', r.code, 'rights', r.rights, 'scope', r.scope)
                         ORDER BY r.code)
         FROM access_roles r
         WHERE r.id = ANY(account.role_ids) AND r.state = 'active') AS roles
    FROM account
""")
_REVOKED = text("SELECT id FROM access_revoked_sessions WHERE until > now()")


@dataclass(frozen=True, slots=True)
class _Known:
    actor: Actor
    tokens_from: datetime
    found_at: float


@dataclass(frozen=True, slots=True)
class _Verified:
    claims: Claims
    until: float
    expires_at: float


@dataclass(slots=True)
class Accounts:
    """Who asks this process, by the tokens of the configured issuer."""

    database: Database
    settings: ServiceSettings
    keys: KeySet
    _known: dict[str, _Known] = field(default_factory=dict)
    _verified: dict[str, _Verified] = field(default_factory=dict)
    _revoked: frozenset[str] = frozenset()
    _revoked_at: float = -GOOD_FOR_S

    async def actor_of(self, token: str) -> Actor:
        """The actor the token stands for; raises BadToken when it stands for nobody."""
        assert self.settings.issuer is not None
        claims = await self._claims(token, self.settings.issuer)
        known = await self._account(claims)
        # A token's time has no fractions.
        if claims.issued_at < known.tokens_from.replace(microsecond=0):
            raise BadToken("the account's tokens of that time were taken back")
        if claims.session is not None and claims.session in await self._revoked_sessions():
            raise BadToken("the session is over")
        return known.actor

    async def _claims(self, token: str, issuer: str) -> Claims:
        """What the token says; a signature that was good is not computed again for a while."""
        now = time.monotonic()
        verified = self._verified.get(token)
        if verified is not None and now < verified.until and time.time() < verified.expires_at:
            return verified.claims
        claims = await verify(token, self.keys, issuer=issuer, audience=self.settings.audience)
        if len(self._verified) >= MOST_KEPT:
            self._verified.clear()
        self._verified[token] = _Verified(claims, now + GOOD_FOR_S, claims.everything["exp"])
        return claims

    async def _account(self, claims: Claims) -> _Known:
        now = time.monotonic()
        known = self._known.get(claims.subject)
        if known is None or now - known.found_at > GOOD_FOR_S:
            known = await self._look_up(claims, now)
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[claims.subject] = known
        return known

    async def _look_up(self, claims: Claims, now: float) -> _Known:
        name = claims.everything.get(self.settings.account_claim)
        async with self.database.reading() as session:
            row = await _find(session, claims.subject, name if isinstance(name, str) else None)
        if row is None:
            self._known.pop(claims.subject, None)
            raise BadToken("no such account, or it is disabled")
        return _Known(_actor(row), row["tokens_from"].astimezone(UTC), now)

    async def _revoked_sessions(self) -> frozenset[str]:
        now = time.monotonic()
        if now - self._revoked_at > GOOD_FOR_S:
            async with self.database.reading() as session:
                rows = await session.execute(_REVOKED)
                self._revoked = frozenset(str(row.id) for row in rows)
            self._revoked_at = now
        return self._revoked


async def find_actor(session: AsyncSession, actor_id: str) -> Actor | None:
    """The actor whose id was kept with a piece of work, as it is now; None when it is gone."""
    if actor_id == LOCAL_OPERATOR.id:
        return LOCAL_OPERATOR
    row = await _find(session, actor_id, None)
    return None if row is None else _actor(row)


async def _find(session: AsyncSession, subject: str, username: str | None) -> Any:
    found = await session.execute(_FIND, {"id": _as_id(subject), "username": username})
    row = found.mappings().first()
    return None if row is None or row["has_left"] else row


def _as_id(subject: str) -> UUID | None:
    try:
        return UUID(subject)
    except ValueError:
        return None


def _actor(row: Mapping[Any, Any]) -> Actor:
    return Actor(
        id=str(row["id"]),
        account_id=row["id"],
        employee_id=row["employee_id"],
        department_id=row["department_id"],
        partner_id=row["partner_id"],
        subtree_ids=frozenset(row["subtree_ids"]),
        region_ids=frozenset(row["region_ids"]),
        grants=tuple(
            Grant(role["code"], tuple(role["rights"]), Scope(role["scope"]))
            for role in row["roles"] or ()
        ),
    )
