"""Input and output of the dictionary endpoints."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class EntryWrite(BaseModel):
    """An entry as it shall be; retiring and reinstating is done by `is_retired`."""

    model_config = ConfigDict(extra="forbid")

    label_zh: Label
    label_en: Label
    position: int = Field(0, ge=0, le=100_000)
    is_retired: bool = False


class EntryRead(BaseModel):
    """A code and its names. `version` 0 is a standard entry that nobody has changed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    dictionary: str
    code: str
    label_zh: str
    label_en: str
    position: int
    is_retired: bool
    version: int


class DictionaryRead(BaseModel):
    """A dictionary: the field of a customer that takes its codes, and its name."""

    dictionary: str
    field: str
    label_zh: str
    label_en: str
