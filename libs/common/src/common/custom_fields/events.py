"""What every service says of its custom fields; its `events.py` gives it the wire name."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from common.events import Event, Id

_Word = Annotated[str, Field(examples=["storage_class"])]
_Label = Annotated[str, Field(examples=["Storage class"])]
_Limit = Annotated[str | int | None, Field(examples=["0"])]


class CustomOption(BaseModel):
    """An option of a custom field."""

    code: Annotated[str, Field(examples=["cold"])]
    label_zh: Annotated[str, Field(examples=["冷藏"])]
    label_en: Annotated[str, Field(examples=["Cold"])]
    is_retired: bool


class CustomFieldChange(Event):
    """A custom field was defined or changed; these are the values after it."""

    custom_field_id: Id
    entity: Annotated[str, Field(examples=["customers"])]
    key: _Word
    kind: Annotated[str, Field(examples=["choice"])]
    label_zh: Annotated[str, Field(examples=["仓储等级"])]
    label_en: _Label
    is_required: bool
    default_value: Annotated[Any, Field(examples=["cold"])] = None
    scale: int | None = None
    minimum: _Limit = None
    maximum: _Limit = None
    max_length: int | None = None
    allows_many: bool
    options: list[CustomOption] = []
    position: int
    is_indexed: bool
    is_retired: bool
