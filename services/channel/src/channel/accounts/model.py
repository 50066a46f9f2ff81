"""An account and its rules."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from channel import events
from channel.db import Base
from common.aggregate import Aggregate
from common.audit.trail import ONLY_THAT_IT_CHANGED
from common.errors import Conflict, Invalid, NotFound


class AccountKind(StrEnum):
    """Who signs in: a person with a password, or a program with a secret that we made."""

    PERSON = "person"
    CLIENT = "client"


class AccountState(StrEnum):
    """Whether the account may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


class AccountNotFound(NotFound):
    """There is no such account."""

    code = "account_not_found"


class UsernameTaken(Conflict):
    """Another account has this username; capital letters make no difference."""

    code = "username_taken"


class AccountOfTwo(Invalid):
    """An account is an employee's, or a partner's, or nobody's; not of two."""

    code = "account_of_two"


class PasswordOfClient(Invalid):
    """A client has no password: its secret is made here, and shown once."""

    code = "password_of_client"


class SecretOfPerson(Conflict):
    """A person has no secret that is made here, but a password."""

    code = "secret_of_person"


class LastAdministrator(Conflict):
    """Nobody would be left who may do everything: make another administrator first."""

    code = "last_administrator"


class Account(Aggregate, Base):
    """Somebody who signs in; `secret_hash` is None until a password was set.

    `tokens_from` is a whole second: access tokens from before it are not good any more.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("num_nonnulls(employee_id, partner_id) <= 1", name="of_one"),
        Index("uq_accounts_username", text("lower(username)"), unique=True),
        Index("ix_accounts_username_id", "username", "id"),
        Index("ix_accounts_created_at_id", "created_at", "id"),
        Index("ix_accounts_role_ids", "role_ids", postgresql_using="gin"),
    )

    username: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20))
    employee_id: Mapped[UUID | None] = mapped_column(ForeignKey("employees.id"), index=True)
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"), index=True)
    region_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    role_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    state: Mapped[str] = mapped_column(String(20))
    tokens_from: Mapped[datetime]
    secret_hash: Mapped[str | None] = mapped_column(Text, info=ONLY_THAT_IT_CHANGED)

    @property
    def is_active(self) -> bool:
        """Whether the account may sign in."""
        return self.state == AccountState.ACTIVE

    @classmethod
    def open(
        cls, *, secret_hash: str | None, now: datetime, **values: Any
    ) -> tuple["Account", events.AccountChanged]:
        """A new account."""
        _check_owner(values.get("employee_id"), values.get("partner_id"))
        account = cls(
            state=AccountState.ACTIVE,
            tokens_from=now.replace(microsecond=0),
            secret_hash=secret_hash,
            **values,
        )
        return account, account._told()

    def update(self, changes: dict[str, Any], *, now: datetime) -> events.AccountChanged | None:
        """Change name, roles or whose it is; None when every value is the same already.

        Other roles take back the tokens: what was signed in for before is asked for anew.
        """
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        _check_owner(
            changes.get("employee_id", self.employee_id), changes.get("partner_id", self.partner_id)
        )
        if set(changes.get("role_ids", self.role_ids)) != set(self.role_ids):
            self._take_tokens_back(now)
        for name, value in changes.items():
            setattr(self, name, value)
        return self._told()

    def disable(self, *, now: datetime) -> events.AccountChanged | None:
        """Let the account sign in no more; None when that was done already."""
        if not self.is_active:
            return None
        self.state = AccountState.DISABLED
        self._take_tokens_back(now)
        return self._told()

    def enable(self) -> events.AccountChanged | None:
        """Let a disabled account sign in again; None when it may."""
        if self.is_active:
            return None
        self.state = AccountState.ACTIVE
        return self._told()

    def set_password(self, secret_hash: str, *, now: datetime) -> events.AccountChanged:
        """Give a person another password."""
        self.check_has_password()
        return self._set_secret(secret_hash, now)

    def check_has_password(self) -> None:
        """Refuse a password for a client."""
        if self.kind != AccountKind.PERSON:
            raise PasswordOfClient(f"{self.username} is a client; renew its secret instead")

    def renew_secret(self, secret_hash: str, *, now: datetime) -> events.AccountChanged:
        """Give a client another secret; the old one is not good any more."""
        if self.kind != AccountKind.CLIENT:
            raise SecretOfPerson(f"{self.username} is a person; set a password instead")
        return self._set_secret(secret_hash, now)

    def take_tokens_back(self, *, now: datetime) -> events.AccountChanged:
        """Make every token that was given out until now worthless."""
        self._take_tokens_back(now)
        return self._told()

    def _set_secret(self, secret_hash: str, now: datetime) -> events.AccountChanged:
        self.secret_hash = secret_hash
        self._take_tokens_back(now)
        return self._told()

    def _take_tokens_back(self, now: datetime) -> None:
        # A token tells its second only. The next one is the first in which none was given out yet;
        # tokens that follow at once are dated to it.
        self.tokens_from = now.replace(microsecond=0) + timedelta(seconds=1)

    def _told(self) -> events.AccountChanged:
        return events.AccountChanged(
            account_id=self.id,
            username=self.username,
            kind=self.kind,
            employee_id=self.employee_id,
            partner_id=self.partner_id,
            region_ids=self.region_ids,
            role_ids=self.role_ids,
            state=self.state,
            tokens_from=self.tokens_from,
        )


def _check_owner(employee_id: UUID | None, partner_id: UUID | None) -> None:
    if employee_id is not None and partner_id is not None:
        raise AccountOfTwo(
            "an account is an employee's or a partner's, not of both", pointer="/partner_id"
        )
