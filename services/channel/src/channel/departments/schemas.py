"""Input and output of the department endpoints."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from channel.departments.model import DepartmentKind
from common.patches import MergePatch

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
ShortCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,39}$")]
Source = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
ExternalId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class External(BaseModel):
    """Under which id another system knows the record."""

    external_source: Source | None = None
    external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _external_id_is_whole(self) -> "External":
        if (self.external_source is None) != (self.external_id is None):
            raise ValueError("external_source and external_id go together")
        return self


class DepartmentCreate(External):
    """A department to open."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: DepartmentKind
    code: ShortCode | None = None
    parent_id: UUID | None = None
    region_id: UUID | None = None


class DepartmentUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears. The place in the tree changes by a move."""

    stays = frozenset({"name", "kind"})

    name: Name | None = None
    kind: DepartmentKind | None = None
    code: ShortCode | None = None
    region_id: UUID | None = None


class DepartmentMoveTo(BaseModel):
    """Where a department goes, and why; `moved_on` is today when not given."""

    model_config = ConfigDict(extra="forbid")

    parent_id: UUID | None
    reason: Line
    moved_on: date | None = None


class DepartmentRead(BaseModel):
    """A department."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    kind: str
    code: str | None
    parent_id: UUID | None
    region_id: UUID | None
    state: str
    closed_on: date | None
    external_source: str | None
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class DepartmentInTree(DepartmentRead):
    """A department of a tree; `depth` counts from the top of what was asked for, which has 0.

    In the tree of a past day `parent_id` and `depth` are those of that day.
    """

    depth: int


class DepartmentMoveRead(BaseModel):
    """One move of a department."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    from_parent_id: UUID | None
    parent_id: UUID | None
    moved_on: date
    moved_at: datetime
    moved_by: str
    reason: str
