"""Input and output of the territory endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from common.patches import MergePatch

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
ShortCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,39}$")]


class TerritoryCreate(BaseModel):
    """A territory to open."""

    model_config = ConfigDict(extra="forbid")

    code: ShortCode
    name: Label
    english_name: Label | None = None
    parent_id: UUID | None = None


class TerritoryUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears; `parent_id` null makes it a top region."""

    stays = frozenset({"code", "name"})

    code: ShortCode | None = None
    name: Label | None = None
    english_name: Label | None = None
    parent_id: UUID | None = None


class TerritoryRead(BaseModel):
    """A territory."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    name: str
    english_name: str | None
    parent_id: UUID | None
    state: str
    version: int
    created_at: datetime
    updated_at: datetime


class TerritoryInTree(TerritoryRead):
    """A territory of a subtree; `depth` counts from the territory that was asked for, which has 0."""

    depth: int
