"""Input and output of the role endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from common.access.rights import PATTERN, Scope
from common.patches import MergePatch

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
RoleCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Right = Annotated[
    str,
    StringConstraints(pattern=PATTERN, max_length=120),
    Field(
        description="`service.feature.action`; a segment may be `*`, and a `*` at the end stands"
        " for all the rest",
        examples=["sales.*.read"],
    ),
]


def _sorted(rights: list[str]) -> list[str]:
    """The same rights are the same value, in whichever order they were sent."""
    return sorted(set(rights))


Rights = Annotated[list[Right], Field(min_length=1, max_length=200), AfterValidator(_sorted)]


class RoleCreate(BaseModel):
    """A role to define."""

    model_config = ConfigDict(extra="forbid")

    code: RoleCode
    name: Label
    english_name: Label | None = None
    rights: Rights
    scope: Scope


class RoleUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears; the code stays for ever."""

    stays = frozenset({"name", "rights", "scope"})

    name: Label | None = None
    english_name: Label | None = None
    rights: Rights | None = None
    scope: Scope | None = None


class RoleRead(BaseModel):
    """A role."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    name: str
    english_name: str | None
    rights: list[str]
    scope: str
    state: str
    version: int
    created_at: datetime
    updated_at: datetime
