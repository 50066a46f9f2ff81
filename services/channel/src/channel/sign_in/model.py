"""Signing keys, sessions, refresh tokens and attempts, and their rules."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from channel import events
from channel.db import Base
from channel.sign_in import crypto
from common.aggregate import Aggregate
from common.ids import new_id

ACCESS_TOKEN_LIFETIME = timedelta(seconds=300)
LEEWAY = timedelta(seconds=60)
"""By how much the clocks of those who read tokens may go wrong, and more than they forgive."""


class SigningKey(Base):
    """A key that access tokens are signed with, until the next one takes its place.

    A retired key keeps its public half, for the tokens that are still about.
    """

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    private_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    is_sealed: Mapped[bool]
    created_at: Mapped[datetime]
    active_from: Mapped[datetime] = mapped_column(index=True)
    retired_at: Mapped[datetime | None]

    @classmethod
    def make(cls, *, secret: str | None, now: datetime) -> "SigningKey":
        """A new key that signs from now on; its private half is sealed where there is a secret."""
        private_key = crypto.new_private_key()
        public_jwk = crypto.public_jwk(private_key)
        kid = public_jwk["kid"]
        written = crypto.written(private_key)
        return cls(
            kid=kid,
            public_jwk=public_jwk,
            private_key=written if secret is None else crypto.seal(written, secret, kid),
            is_sealed=secret is not None,
            created_at=now,
            active_from=now,
        )

    def opened(self, secret: str | None) -> EllipticCurvePrivateKey:
        """The private half; raises crypto.CannotOpen when the secret is missing or another one."""
        if self.private_key is None:
            raise crypto.CannotOpen(f"the key {self.kid} is retired")
        if not self.is_sealed:
            return crypto.read(self.private_key)
        if secret is None:
            raise crypto.CannotOpen(f"the key {self.kid} is sealed, and there is no secret")
        return crypto.read(crypto.unseal(self.private_key, secret, self.kid))

    def retire(self, now: datetime) -> None:
        """Sign no more; nobody can with this key from here on."""
        self.retired_at = now
        self.private_key = None

    def is_published(self, now: datetime) -> bool:
        """Whether a token that this key signed may still be good."""
        return self.retired_at is None or now < self.retired_at + ACCESS_TOKEN_LIFETIME + LEEWAY


class SignInSession(Base):
    """A time for which somebody is signed in, at one client; its id is the `sid` of the tokens."""

    __tablename__ = "sign_in_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    client_id: Mapped[str] = mapped_column(String(200))
    begun_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RefreshToken(Base):
    """A refresh token, by its SHA-256; it is good for one use.

    A used one is kept until it expires, to notice that somebody else has a copy.
    """

    __tablename__ = "refresh_tokens"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("sign_in_sessions.id", ondelete="CASCADE"), index=True
    )
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class RevokedSession(Aggregate, Base):
    """A session that was ended before its time, and why; the id is the session's."""

    __tablename__ = "revoked_sessions"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    until: Mapped[datetime]
    why: Mapped[str] = mapped_column(String(80))

    @classmethod
    def end(
        cls, session: SignInSession, *, why: str, now: datetime
    ) -> tuple["RevokedSession", events.SessionRevoked]:
        """The end of the session; the last access token of it dies at `until`."""
        until = now + ACCESS_TOKEN_LIFETIME + LEEWAY
        revoked = cls(id=session.id, account_id=session.account_id, until=until, why=why)
        return revoked, events.SessionRevoked(
            session_id=session.id, account_id=session.account_id, until=until
        )


class SignInAttempt(Base):
    """An attempt to sign in; of username and address only hashes are kept.

    `failed` is false while the attempt is looked into. One that succeeds is forgotten.
    """

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("ix_sign_in_attempts_username", "username_key", "attempted_at"),
        Index("ix_sign_in_attempts_address", "address_key", "attempted_at"),
        Index("ix_sign_in_attempts_attempted_at", "attempted_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    username_key: Mapped[bytes] = mapped_column(LargeBinary)
    address_key: Mapped[bytes] = mapped_column(LargeBinary)
    attempted_at: Mapped[datetime]
    failed: Mapped[bool]


def digest_of(token: str) -> bytes:
    """What is kept of a token, or of a name that is not to be kept."""
    return sha256(token.encode()).digest()
