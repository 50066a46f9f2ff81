"""Changes to a part of a thing, as PATCH takes them."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class MergePatch(BaseModel):
    """A JSON merge patch (RFC 7396): absent fields stay, null clears.

    Every field has None as its default, which is never used: `changes` holds what was sent.
    """

    model_config = ConfigDict(extra="forbid")

    stays: ClassVar[frozenset[str]] = frozenset()
    """The fields that can be changed and not cleared."""

    @model_validator(mode="after")
    def _required_fields_stay(self) -> Self:
        for name in sorted(self.stays & self.model_fields_set):
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be cleared")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, and their values."""
        return self.model_dump(exclude_unset=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # The schema says what is true: an absent field has no default, and not all can be null.
        written = handler(core_schema)
        for name, field in handler.resolve_ref_schema(written).get("properties", {}).items():
            field.pop("default", None)
            kinds = field.get("anyOf")
            if name in cls.stays and kinds:
                kept = [kind for kind in kinds if kind != {"type": "null"}]
                if len(kept) == 1:
                    del field["anyOf"]
                    field.update(kept[0])
                else:
                    field["anyOf"] = kept
        return written
