"""Input and output of the endpoints of views."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.patches import MergePatch


class Team(BaseModel):
    """A department, as those with whom a view is shared."""

    model_config = ConfigDict(extra="forbid")

    department_id: UUID


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    Field(examples=["我的华东客户"]),
]
ListName = Annotated[
    str,
    Field(max_length=100, description="The list, as its URL names it", examples=["customers"]),
]
_Word = Annotated[str, Field(min_length=1, max_length=100)]
_Value = Annotated[str, Field(max_length=500)]
_QUERY = "Filters of the list, as they would stand in its URL"
Query = Annotated[
    dict[_Word, _Value], Field(max_length=30, description=_QUERY, examples=[{"city": "上海"}])
]
QueryPatch = Annotated[
    dict[_Word, _Value | None],
    Field(max_length=60, description=f"{_QUERY}; those not named stay, null takes one out"),
]
Sort = Annotated[_Word, Field(description="A sort key of the list; `-` before it for descending")]
Columns = Annotated[
    list[_Word],
    Field(min_length=1, max_length=100, description="Fields of the list's rows; null is all"),
]
SharedWithField = Annotated[
    Team | Literal["everybody"],
    Field(description="Who sees it beside you; null is nobody"),
]


class ViewCreate(BaseModel):
    """A view to be saved."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    list: ListName
    query: Query = {}
    sort: Sort | None = None
    columns: Columns | None = None
    shared_with: SharedWithField | None = None


class ViewUpdate(MergePatch):
    """A change of a view; its list stays."""

    stays: ClassVar[frozenset[str]] = frozenset({"name", "query"})

    name: Name | None = None
    query: QueryPatch | None = None
    sort: Sort | None = None
    columns: Columns | None = None
    shared_with: SharedWithField | None = None


class ViewRead(BaseModel):
    """A view."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    name: str
    list: Annotated[str, Field(validation_alias="of_list")]
    query: dict[str, str]
    sort: str | None
    columns: Columns | None
    shared_with: Team | Literal["everybody"] | None
    made_by: Annotated[str, Field(description="The id of the actor who made it")]
    created_at: datetime
    updated_at: datetime
