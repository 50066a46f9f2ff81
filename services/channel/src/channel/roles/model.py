"""A role and its rules."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from channel import events
from channel.db import Base
from common.access.rights import Scope
from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound

EVERYTHING = "*"


class RoleState(StrEnum):
    """Whether accounts may have the role."""

    ACTIVE = "active"
    REMOVED = "removed"


class RoleNotFound(NotFound):
    """There is no such role."""

    code = "role_not_found"


class RoleUnknown(Invalid):
    """What is written down names a role that is not there, or was removed."""

    code = "role_unknown"


class RoleCodeTaken(Conflict):
    """Another role has this code, or had it when it was removed."""

    code = "role_code_taken"


class RoleInUse(Conflict):
    """Accounts have the role; take it from them first."""

    code = "role_in_use"


class RoleIsRemoved(Conflict):
    """A removed role is not changed; restore it first."""

    code = "role_is_removed"


class Role(Aggregate, Base):
    """Rights, as patterns, over the rows of a scope."""

    __tablename__ = "roles"
    __table_args__ = (Index("ix_roles_name_id", "name", "id"),)

    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    english_name: Mapped[str | None] = mapped_column(String(120))
    rights: Mapped[list[str]] = mapped_column(ARRAY(Text))
    scope: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), index=True)

    @property
    def is_active(self) -> bool:
        """Whether accounts may have the role."""
        return self.state == RoleState.ACTIVE

    @property
    def gives_everything(self) -> bool:
        """Whether who has the role may do everything, everywhere."""
        return self.is_active and EVERYTHING in self.rights and self.scope == Scope.ALL

    @classmethod
    def define(cls, **values: Any) -> tuple["Role", events.RoleChanged]:
        """A new role."""
        role = cls(state=RoleState.ACTIVE, **values)
        return role, role._told()

    def update(self, changes: dict[str, Any]) -> events.RoleChanged | None:
        """Change names, rights or scope; None when every value is the same already."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        if not self.is_active:
            raise RoleIsRemoved(f"the role {self.code} was removed")
        for name, value in changes.items():
            setattr(self, name, value)
        return self._told()

    def remove(self, *, accounts: int) -> events.RoleChanged | None:
        """Take the role away, when no account has it; None when that was done already."""
        if not self.is_active:
            return None
        if accounts:
            raise RoleInUse(f"{accounts} accounts have the role {self.code}", accounts=accounts)
        self.state = RoleState.REMOVED
        return self._told()

    def restore(self) -> events.RoleChanged | None:
        """Bring a removed role back; None when it is there."""
        if self.is_active:
            return None
        self.state = RoleState.ACTIVE
        return self._told()

    def _told(self) -> events.RoleChanged:
        return events.RoleChanged(
            role_id=self.id,
            code=self.code,
            name=self.name,
            english_name=self.english_name,
            rights=self.rights,
            scope=self.scope,
            state=self.state,
        )
