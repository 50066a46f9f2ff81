"""Input and output of the endpoints of custom fields."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from common.custom_fields.values import FieldKind
from common.patches import MergePatch

Key = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"),
    Field(description="Stays for ever", examples=["storage_class"]),
]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Help = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Option(BaseModel):
    """An option of a choice; a retired one stays with the records that have it."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")

    code: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]
    label_zh: Label
    label_en: Label
    is_retired: bool = False


def _each_once(options: list[Option]) -> list[Option]:
    if len({option.code for option in options}) != len(options):
        raise ValueError("a code is named twice")
    return options


Options = Annotated[list[Option], Field(max_length=200), AfterValidator(_each_once)]
_Limit = Annotated[str | int, Field(description="A value of the field")]
_Length = Annotated[int, Field(ge=1, le=4000, description="Of a text; 200 unless told")]
_Scale = Annotated[int, Field(ge=0, le=6, description="Decimal places of a decimal; 2 unless told")]
_Default = Annotated[Any, Field(description="What a new record has that says nothing of the field")]
_Position = Annotated[int, Field(ge=0, le=10_000, description="Where it stands among the others")]
_Required = Annotated[bool, Field(description="New records must have a value; old ones stay")]
_Indexed = Annotated[
    bool, Field(description="Ranges and order are asked often: the worker makes an index")
]


class CustomFieldCreate(BaseModel):
    """A field to give to the records of an entity."""

    model_config = ConfigDict(extra="forbid")

    entity: Annotated[str, Field(max_length=60, examples=["customers"])]
    key: Key
    kind: FieldKind
    label_zh: Label
    label_en: Label
    help_zh: Help | None = None
    help_en: Help | None = None
    is_required: _Required = False
    default_value: _Default = None
    scale: _Scale | None = None
    minimum: _Limit | None = None
    maximum: _Limit | None = None
    max_length: _Length | None = None
    allows_many: Annotated[bool, Field(description="Several options at once")] = False
    options: Options = []
    position: _Position = 0
    is_indexed: _Indexed = False


class CustomFieldUpdate(MergePatch):
    """A merge patch: absent fields stay, null clears.

    Options are found by their code: those left out stay. Entity, key and kind stay for ever.
    """

    stays: ClassVar[frozenset[str]] = frozenset(
        {
            "label_zh",
            "label_en",
            "is_required",
            "scale",
            "max_length",
            "options",
            "position",
            "is_indexed",
        }
    )

    label_zh: Label | None = None
    label_en: Label | None = None
    help_zh: Help | None = None
    help_en: Help | None = None
    is_required: _Required | None = None
    default_value: _Default = None
    scale: _Scale | None = None
    minimum: _Limit | None = None
    maximum: _Limit | None = None
    max_length: _Length | None = None
    options: Options | None = None
    position: _Position | None = None
    is_indexed: _Indexed | None = None


class CustomFieldRead(BaseModel):
    """A custom field."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    entity: str
    key: str
    kind: str
    label_zh: str
    label_en: str
    help_zh: str | None
    help_en: str | None
    is_required: bool
    default_value: Any
    scale: int | None
    minimum: str | int | None
    maximum: str | int | None
    max_length: int | None
    allows_many: bool
    options: list[Option]
    position: int
    is_indexed: bool
    is_retired: bool
    created_at: datetime
    updated_at: datetime
