"""The definition of a custom field and its rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.aggregate import Aggregate
from common.custom_fields.events import CustomFieldChange
from common.custom_fields.values import LONGEST_TEXT, ORDERED, Definition, FieldKind
from common.db import Tables
from common.errors import Conflict, Invalid, NotFound

MOST_FIELDS = 200
"""Of one entity, retired ones counted as well."""
LONGEST_INDEXED_TEXT = 500
"""Characters; an entry of an index has less than a third of a page."""
USUAL_LENGTH, USUAL_SCALE = 200, 2

Say = type[CustomFieldChange]
"""The event as the service says it."""


class CustomFieldNotFound(NotFound):
    """There is no such custom field."""

    code = "custom_field_not_found"


class UnknownEntity(Invalid):
    """The service has no such records, or they have no custom fields."""

    code = "unknown_entity"


class CustomFieldKeyTaken(Conflict):
    """The entity has a field with this key, or had it: `existing_id`. A key is never used again."""

    code = "custom_field_key_taken"


class TooManyCustomFields(Conflict):
    """The entity has as many custom fields as it may have, retired ones counted as well."""

    code = "too_many_custom_fields"


class CustomFieldNotValid(Invalid):
    """The parts of the definition do not fit each other."""

    code = "custom_field_not_valid"


class CustomFieldRetired(Conflict):
    """A retired field is not changed; reinstate it first."""

    code = "custom_field_is_retired"


class _Base(Tables, DeclarativeBase):
    # Of no service: a table that several of them have is in no service's metadata.
    pass


class CustomField(Aggregate, _Base):
    """A field that an installation gives to the records of an entity.

    Entity, key, kind and whether it holds several options stay for ever, so that what records hold
    can always be read. Limits are for values that are written; what is there stays.
    """

    __tablename__ = "custom_fields"

    entity: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    label_zh: Mapped[str] = mapped_column(Text)
    label_en: Mapped[str] = mapped_column(Text)
    help_zh: Mapped[str | None] = mapped_column(Text)
    help_en: Mapped[str | None] = mapped_column(Text)
    is_required: Mapped[bool]
    default_value: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    scale: Mapped[int | None]
    minimum: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    maximum: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    max_length: Mapped[int | None]
    allows_many: Mapped[bool]
    options: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    position: Mapped[int]
    is_indexed: Mapped[bool]
    is_retired: Mapped[bool]

    @classmethod
    def define(cls, say: Say, **values: Any) -> tuple["CustomField", CustomFieldChange]:
        """A new field; raises CustomFieldNotValid."""
        values = _with_usual_limits(values)
        field = cls(**_checked(values), is_retired=False)
        return field, field._told(say)

    def update(self, say: Say, changes: dict[str, Any]) -> CustomFieldChange | None:
        """Change what is not for ever; None when every value is the same already.

        Options are found by their code: those that are not named stay, and none ever goes. Raises
        CustomFieldRetired and CustomFieldNotValid.
        """
        if "options" in changes:
            changes = {**changes, "options": _merged(self.options, changes["options"])}
        if all(getattr(self, name) == value for name, value in changes.items()):
            return None
        if self.is_retired:
            raise CustomFieldRetired(f"{self.key} is retired")
        values = _checked({**self._values(), **changes})
        # A value that is longer than an index takes may be there already.
        if (values["max_length"] or 0) < (self.max_length or 0):
            raise CustomFieldNotValid(
                f"texts of {self.max_length} characters are there", pointer="/max_length"
            )
        for name in changes:
            setattr(self, name, values[name])
        return self._told(say)

    def retire(self, say: Say) -> CustomFieldChange | None:
        """Take nothing new for the field; None when it is so already."""
        if self.is_retired:
            return None
        self.is_retired = True
        return self._told(say)

    def reinstate(self, say: Say) -> CustomFieldChange | None:
        """Take values for a retired field again; None when it is not retired."""
        if not self.is_retired:
            return None
        self.is_retired = False
        return self._told(say)

    def definition(self) -> Definition:
        """What the field takes."""
        return _definition({**self._values(), "is_retired": self.is_retired})

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _PARTS}

    def _told(self, say: Say) -> CustomFieldChange:
        told = self._values()
        return say(
            custom_field_id=self.id,
            is_retired=self.is_retired,
            **{name: value for name, value in told.items() if name in say.model_fields},
        )


_PARTS = (
    "entity",
    "key",
    "kind",
    "label_zh",
    "label_en",
    "help_zh",
    "help_en",
    "is_required",
    "default_value",
    "scale",
    "minimum",
    "maximum",
    "max_length",
    "allows_many",
    "options",
    "position",
    "is_indexed",
)
_KINDS_WITH = {
    "scale": frozenset({FieldKind.DECIMAL}),
    "minimum": ORDERED,
    "maximum": ORDERED,
    "max_length": frozenset({FieldKind.TEXT}),
    "options": frozenset({FieldKind.CHOICE}),
    "allows_many": frozenset({FieldKind.CHOICE}),
}


def _with_usual_limits(values: Mapping[str, Any]) -> dict[str, Any]:
    usual: dict[str, Any] = {}
    if values["kind"] == FieldKind.TEXT and values["max_length"] is None:
        usual["max_length"] = USUAL_LENGTH
    if values["kind"] == FieldKind.DECIMAL and values["scale"] is None:
        usual["scale"] = USUAL_SCALE
    return {**values, **usual}


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a definition, limits and default spelled; raises CustomFieldNotValid."""
    kind = FieldKind(values["kind"])
    for name, kinds in _KINDS_WITH.items():
        if values[name] not in (None, False, []) and kind not in kinds:
            raise CustomFieldNotValid(f"a {kind} has no {name}", pointer=f"/{name}")
    if kind == FieldKind.CHOICE and not values["options"]:
        raise CustomFieldNotValid("a choice has options", pointer="/options")
    if kind == FieldKind.TEXT and not 1 <= (values["max_length"] or 0) <= LONGEST_TEXT:
        raise CustomFieldNotValid(
            f"a text has 1 to {LONGEST_TEXT} characters", pointer="/max_length"
        )
    if kind == FieldKind.DECIMAL and values["scale"] is None:
        raise CustomFieldNotValid("a decimal has a scale", pointer="/scale")
    _check_index(kind, values)
    checked = dict(values)
    unlimited = _definition({**values, "minimum": None, "maximum": None})
    for name in ("minimum", "maximum"):
        checked[name] = unlimited.taken(values[name], pointer=f"/{name}")
    low, high = checked["minimum"], checked["maximum"]
    both = low is not None and high is not None
    if both and unlimited.comparable(low) > unlimited.comparable(high):
        raise CustomFieldNotValid("it would end before it begins", pointer="/maximum")
    checked["default_value"] = _definition(checked).taken(
        values["default_value"], pointer="/default_value"
    )
    return checked


def _check_index(kind: FieldKind, values: Mapping[str, Any]) -> None:
    if not values["is_indexed"]:
        return
    is_long = kind == FieldKind.LINK or (values["max_length"] or 0) > LONGEST_INDEXED_TEXT
    if is_long or values["allows_many"]:
        raise CustomFieldNotValid(
            "an index is for one value, and for texts up to"
            f" {LONGEST_INDEXED_TEXT} characters; equality is fast without it",
            pointer="/is_indexed",
        )


def _definition(values: Mapping[str, Any]) -> Definition:
    return Definition(
        entity=values["entity"],
        key=values["key"],
        kind=FieldKind(values["kind"]),
        is_required=values["is_required"],
        default_value=values["default_value"],
        scale=values["scale"],
        minimum=values["minimum"],
        maximum=values["maximum"],
        max_length=values["max_length"],
        allows_many=values["allows_many"],
        options={option["code"]: option["is_retired"] for option in values["options"]},
        is_retired=values.get("is_retired", False),
    )


def _merged(
    held: Sequence[dict[str, Any]], given: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    by_code = {option["code"]: option for option in held}
    by_code |= {option["code"]: option for option in given}
    return list(by_code.values())
