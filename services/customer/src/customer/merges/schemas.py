"""Input and output of the merge endpoints."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from customer.customers.schemas import CustomerRead, Line
from customer.merges.model import EditedFields

MOST_MERGED = 50


class MergeRequest(BaseModel):
    """Which customers are the same as the one in the path, and whose value each field gets.

    `choices`: for a field of the customer, the id of one of those who take part. What is not chosen
    stays the survivor's, and is filled from the others where the survivor has nothing.
    """

    model_config = ConfigDict(extra="forbid")

    customer_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_MERGED)]
    choices: dict[str, UUID] = {}
    reason: Line | None = None


class ChosenField(BaseModel):
    """A field of the survivor that changes, and whose value it gets."""

    field: str
    value: Any
    from_customer_id: UUID


class MergePreview(BaseModel):
    """What a merge would do; nothing is changed.

    `moves` are the exact numbers here; the services in `follow_by_event` move what they have of the
    merged customers when they hear of the merge.
    """

    result: CustomerRead
    changes: list[ChosenField]
    moves: dict[str, int]
    follow_by_event: list[str]


class MergeRead(BaseModel):
    """A merge of a customer."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: int
    survivor_id: UUID
    merged_ids: list[UUID]
    survivor_changes: dict[str, list[Any]]
    reason: str | None
    merged_by: str
    merged_at: datetime
    unmerged_by: str | None
    unmerged_at: datetime | None


class UnmergeRequest(BaseModel):
    """Which merge to undo; `edited_fields` says what becomes of a field that was edited since."""

    model_config = ConfigDict(extra="forbid")

    merge_id: UUID
    edited_fields: EditedFields = EditedFields.KEEP


class FieldConflict(BaseModel):
    """A field of the survivor that was edited after the merge had set it."""

    field: str
    before: Any
    merged: Any
    now: Any


class Unmerged(BaseModel):
    """The merge that was undone, and the fields that somebody has to look at."""

    merge: MergeRead
    conflicts: list[FieldConflict]
