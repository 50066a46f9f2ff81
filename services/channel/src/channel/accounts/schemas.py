"""Input and output of the account endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from channel.accounts.model import AccountKind
from common.patches import MergePatch

Username = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+\-]{1,79}$")]
Password = Annotated[SecretStr, Field(min_length=1, max_length=256)]


def _once_each(ids: list[UUID]) -> list[UUID]:
    return sorted(set(ids))


Ids = Annotated[list[UUID], Field(max_length=100), AfterValidator(_once_each)]


class AccountCreate(BaseModel):
    """An account to open, of an employee, a partner or nobody.

    A person without a password cannot sign in before one is set. The secret of a client is made
    here and shown in the answer, once. `region_ids` are the territories for roles with that scope.
    """

    model_config = ConfigDict(extra="forbid")

    username: Username
    kind: AccountKind = AccountKind.PERSON
    password: Password | None = None
    employee_id: UUID | None = None
    partner_id: UUID | None = None
    region_ids: Ids = []
    role_ids: Ids = []


class AccountUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears."""

    stays = frozenset({"username", "region_ids", "role_ids"})

    username: Username | None = None
    employee_id: UUID | None = None
    partner_id: UUID | None = None
    region_ids: Ids | None = None
    role_ids: Ids | None = None


class PasswordSet(BaseModel):
    """Another password for a person."""

    model_config = ConfigDict(extra="forbid")

    password: Password


class AccountRead(BaseModel):
    """An account."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    username: str
    kind: str
    employee_id: UUID | None
    partner_id: UUID | None
    region_ids: list[UUID]
    role_ids: list[UUID]
    state: str
    tokens_from: datetime
    version: int
    created_at: datetime
    updated_at: datetime


class AccountWithSecret(AccountRead):
    """An account, and the secret of a client: it is shown here and never again."""

    client_secret: str | None = None
