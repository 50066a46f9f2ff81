"""Signing in and out.

Giving tokens out takes transactions of its own, not the request's: what a refused attempt leaves
behind has to stay.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from channel.accounts.hashing import is_secret, new_secret
from channel.accounts.model import Account, AccountKind
from channel.accounts.use_cases import find_account, get_account, set_password
from channel.employees.model import Employee
from channel.partners.model import Partner, PartnerState
from channel.settings import Settings
from channel.sign_in import attempts, keys
from channel.sign_in.crypto import CannotOpen
from channel.sign_in.model import (
    ACCESS_TOKEN_LIFETIME,
    RefreshToken,
    SignInAttempt,
    SignInSession,
    digest_of,
)
from channel.sign_in.schemas import Me, MyAccount, MyEmployee, MyPartner, MyRole, Tokens
from channel.sign_in.sessions import revoke_session
from channel.sign_in.tokens import access_token, session_of
from common.auth import Actor
from common.db import Database
from common.errors import Forbidden, NotSignedIn, Unavailable

OWN_CLIENT = "fairway"
"""The client of a person who does not say through which one they sign in."""


class SignInFailed(NotSignedIn):
    """The name or the secret is wrong, or the account may not sign in; it is not said which."""

    code = "sign_in_failed"


class RefreshTokenRefused(NotSignedIn):
    """The refresh token is not good: expired, revoked, used before or none of ours. Sign in again."""

    code = "refresh_token_refused"


class CurrentPasswordWrong(Forbidden):
    """Only who knows the present password of an account changes it to another."""

    code = "current_password_wrong"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where tokens are asked for: the service's database and settings, the time, the caller."""

    database: Database
    settings: Settings
    now: datetime
    address: str


async def sign_in_person(
    at: SignIn, *, username: str, password: str, client_id: str | None
) -> Tokens:
    """Tokens for a person; raises SignInFailed and TooManyAttempts."""
    proved = await _prove(at, AccountKind.PERSON, username, password)
    async with at.database.transaction() as session:
        account = await _account_that_may(session, proved.id)
        # The secret may have been changed to another since it was looked at.
        if account is None or account.secret_hash != proved.secret_hash:
            raise _sign_in_failed("invalid_grant")
        signed_in = _begin(
            session, account, client_id or OWN_CLIENT, timedelta(days=at.settings.refresh_days), at
        )
        await session.flush()
        return await _tokens(session, account, signed_in, at, refreshable=True)


async def sign_in_client(at: SignIn, *, client_id: str, client_secret: str) -> Tokens:
    """An access token for a program; raises SignInFailed and TooManyAttempts."""
    proved = await _prove(at, AccountKind.CLIENT, client_id, client_secret)
    async with at.database.transaction() as session:
        account = await _account_that_may(session, proved.id)
        # The secret may have been changed to another since it was looked at.
        if account is None or account.secret_hash != proved.secret_hash:
            raise _sign_in_failed("invalid_client")
        signed_in = _begin(session, account, account.username, ACCESS_TOKEN_LIFETIME, at)
        await session.flush()
        return await _tokens(session, account, signed_in, at, refreshable=False)


async def refresh(at: SignIn, *, refresh_token: str, client_id: str | None) -> Tokens:
    """New tokens for a refresh token, which is used up; raises RefreshTokenRefused.

    Of two who use the same one, the second is refused and the session is over: one of them stole
    it, and it cannot be told who.
    """
    async with at.database.transaction() as session:
        tokens = await _rotate(session, digest_of(refresh_token), client_id, at)
    if tokens is None:
        # Not earlier: the end of the session has to be committed.
        raise _refresh_refused()
    return tokens


async def revoke_token(session: AsyncSession, token: str, *, at: SignIn) -> None:
    """End the session of a refresh or access token; any other text changes nothing."""
    found = await session.execute(
        select(RefreshToken.session_id).where(RefreshToken.digest == digest_of(token))
    )
    session_id = found.scalar_one_or_none()
    if session_id is None:
        known = await keys.list_published_keys(session, now=at.now)
        session_id = session_of(token, known, audience=at.settings.audience)
    signed_in = None if session_id is None else await session.get(SignInSession, session_id)
    if signed_in is None:
        return
    # The account first, as everybody: who disables it holds it and waits for the session.
    await session.get(Account, signed_in.account_id, with_for_update={"read": True})
    signed_in = await _lock_session(session, signed_in.id)
    if signed_in is not None:
        await revoke_session(session, signed_in, why="signed out", now=at.now)


async def tell_me(session: AsyncSession, actor: Actor) -> Me:
    """Who the actor is, and what this process knows that they may do."""
    account = await session.get(Account, actor.account_id) if actor.account_id else None
    employee = await session.get(Employee, actor.employee_id) if actor.employee_id else None
    partner = await session.get(Partner, actor.partner_id) if actor.partner_id else None
    return Me(
        id=actor.id,
        account=MyAccount.model_validate(account) if account else None,
        employee=MyEmployee.model_validate(employee) if employee else None,
        partner=MyPartner.model_validate(partner) if partner else None,
        roles=[
            MyRole(code=grant.role, rights=list(grant.rights), scope=grant.scope)
            for grant in actor.grants
        ],
        rights=sorted({right for grant in actor.grants for right in grant.rights}),
    )


async def change_my_password(
    session: AsyncSession,
    actor: Actor,
    *,
    current_password: SecretStr,
    password: SecretStr,
    at: SignIn,
) -> None:
    """Give whoever is signed in another password; every session ends, this one as well.

    Wrong guesses of the present one count like those at sign-in. Raises CurrentPasswordWrong.
    """
    wrong = CurrentPasswordWrong("this is not the present password of a person's account")
    if actor.account_id is None:
        raise wrong
    async with at.database.reading() as looking:
        username = (await get_account(looking, actor.account_id)).username
    try:
        await _prove(at, AccountKind.PERSON, username, current_password.get_secret_value())
    except SignInFailed:
        raise wrong from None
    await set_password(session, actor.account_id, password=password, actor=actor, now=at.now)


async def forget_what_is_over(session: AsyncSession, *, now: datetime) -> None:
    """Remove expired sessions and refresh tokens, old attempts, and keys nobody needs."""
    await session.execute(delete(RefreshToken).where(RefreshToken.expires_at < now))
    await session.execute(delete(SignInSession).where(SignInSession.expires_at < now))
    await session.execute(
        delete(SignInAttempt).where(SignInAttempt.attempted_at < now - attempts.WINDOW)
    )
    await keys.forget_old_keys(session, now=now)


async def _prove(at: SignIn, kind: AccountKind, name: str, secret: str) -> Account:
    """The account whose secret this is; every refusal takes the same work and has the same words."""
    attempt = await attempts.count_attempt(
        at.database, username=name, address=at.address, now=at.now
    )
    async with at.database.reading() as session:
        account = await find_account(session, name)
    if account is not None and account.kind != kind:
        account = None
    kept = None if account is None else account.secret_hash
    is_right = await is_secret(secret, kept)
    if account is None or not is_right or not account.is_active:
        await attempts.note_failure(at.database, attempt)
        raise _sign_in_failed("invalid_grant" if kind == AccountKind.PERSON else "invalid_client")
    await attempts.note_success(at.database, attempt)
    return account


async def _account_that_may(session: AsyncSession, account_id: UUID) -> Account | None:
    """The account, if it may sign in at present; it stays so for this transaction."""
    account = await session.get(
        Account, account_id, with_for_update={"read": True}, populate_existing=True
    )
    if account is None or not account.is_active:
        return None
    if account.employee_id is not None:
        employee = await session.get(Employee, account.employee_id)
        if employee is None or not employee.is_active:
            return None
    if account.partner_id is not None:
        partner = await session.get(Partner, account.partner_id)
        if partner is None or partner.state == PartnerState.ENDED:
            return None
    return account


def _begin(
    session: AsyncSession, account: Account, client_id: str, lifetime: timedelta, at: SignIn
) -> SignInSession:
    signed_in = SignInSession(
        account_id=account.id, client_id=client_id, begun_at=at.now, expires_at=at.now + lifetime
    )
    session.add(signed_in)
    return signed_in


async def _rotate(
    session: AsyncSession, digest: bytes, client_id: str | None, at: SignIn
) -> Tokens | None:
    """New tokens for the token of this digest; None when the session is over by its second use."""
    known = (
        await session.execute(
            select(SignInSession.id, SignInSession.account_id)
            .join(RefreshToken, RefreshToken.session_id == SignInSession.id)
            .where(RefreshToken.digest == digest)
        )
    ).one_or_none()
    if known is None:
        raise _refresh_refused()
    # The account, then the session: the order in which everybody locks them. Who uses a token
    # holds its session.
    account = await _account_that_may(session, known.account_id)
    signed_in = await _lock_session(session, known.id)
    token = await session.get(RefreshToken, digest)
    if account is None or signed_in is None or token is None:
        raise _refresh_refused()
    if token.used_at is not None:
        await revoke_session(session, signed_in, why="refresh token used twice", now=at.now)
        return None
    if token.expires_at <= at.now or (client_id or signed_in.client_id) != signed_in.client_id:
        raise _refresh_refused()
    token.used_at = at.now
    return await _tokens(session, account, signed_in, at, refreshable=True)


async def _lock_session(session: AsyncSession, session_id: UUID) -> SignInSession | None:
    return await session.get(SignInSession, session_id, with_for_update=True)


async def _tokens(
    session: AsyncSession,
    account: Account,
    signed_in: SignInSession,
    at: SignIn,
    *,
    refreshable: bool,
) -> Tokens:
    key = await keys.find_signing_key(session)
    if key is None:
        raise Unavailable("there is no signing key yet: run `python -m channel setup`")
    try:
        private_key = key.opened(at.settings.sealing_secret)
    except CannotOpen:
        raise Unavailable("the signing key does not open: look at FAIRWAY_KEY_SECRET") from None
    refresh_token = None
    if refreshable:
        refresh_token = new_secret()
        idle = timedelta(hours=at.settings.refresh_idle_hours)
        session.add(
            RefreshToken(
                digest=digest_of(refresh_token),
                session_id=signed_in.id,
                issued_at=at.now,
                expires_at=min(at.now + idle, signed_in.expires_at),
            )
        )
    return Tokens(
        access_token=access_token(
            private_key,
            key.kid,
            issuer=at.settings.issuer_name,
            audience=at.settings.audience,
            account=account,
            session_id=signed_in.id,
            client_id=signed_in.client_id,
            now=at.now,
        ),
        expires_in=int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        refresh_token=refresh_token,
    )


def _sign_in_failed(error: str) -> SignInFailed:
    words = "the name or the secret is wrong, or the account may not sign in"
    return SignInFailed(words, error=error, error_description=words)


def _refresh_refused() -> RefreshTokenRefused:
    words = "the refresh token is not good; sign in again"
    return RefreshTokenRefused(words, error="invalid_grant", error_description=words)
