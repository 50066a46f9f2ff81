"""Values on their way into a record: what is taken, and that it was taken by the rules in force.

The definitions that a process remembers may have changed a moment ago elsewhere. What is checked by
them is noted with the session. The statement that keeps the transaction's events also reads the
revision of the definitions; where that is another one, all that was noted is checked again by the
new definitions, before the commit. So a write with the values of custom fields costs no statement
more than one without, and so does the check that a required field is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from common import context
from common.custom_fields.columns import Extensible, entity_of
from common.custom_fields.definitions import (
    REVISION,
    Definitions,
    read_again,
    read_at_commit,
    remembered,
)
from common.custom_fields.values import (
    CustomFieldIsRetired,
    CustomValueMissing,
    Definition,
    UnknownCustomField,
)
from common.errors import Conflict, Invalid
from common.messaging.outbox import ask_with_commit

LARGEST_VALUES = 16 * 1024
"""Bytes of the values of one record: an event with them still fits, with all else it says."""

_CHECKED = "fairway_custom_values_checked"


class CustomValuesTooLarge(Invalid):
    """The values of all custom fields of a record together are too long."""

    code = "custom_values_too_large"


class CustomFieldsChanged(Conflict):
    """The custom fields were changed while this was written; repeat it."""

    code = "custom_fields_changed"


@dataclass(frozen=True, slots=True)
class _Checked:
    """Values that were checked: by which definitions, and what came out."""

    revision: UUID | None
    entity: str
    given: Mapping[str, Any]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    is_asked: bool

    def comes_out_by(self, definitions: Definitions) -> dict[str, Any]:
        """What comes out by other definitions; raises what they refuse."""
        return settled(definitions.of(self.entity), self.given, self.before, is_asked=self.is_asked)


async def for_new(
    session: AsyncSession, model: type[Extensible], values: dict[str, Any]
) -> dict[str, Any]:
    """The values of a record to be made, with `custom` as it is kept: checked, with defaults.

    What an event makes is asked for nothing: nobody is there to answer. Raises the refusals of
    `values.py`, CustomValueMissing for a required field among them.
    """
    given = values.get("custom") or {}
    return {**values, "custom": await _written(session, entity_of(model), given, None)}


async def for_change(
    session: AsyncSession, record: Extensible, changes: dict[str, Any]
) -> dict[str, Any]:
    """The changes of a record, with `custom` as it will be: keys left out stay, null clears one.

    What a record has it keeps, sent again or not, whatever its field takes by now. Changes without
    `custom` are returned as they are. Raises the refusals of `values.py`.
    """
    if "custom" not in changes:
        return changes
    after = await _written(session, entity_of(type(record)), changes["custom"] or {}, record.custom)
    return {**changes, "custom": after}


async def _written(
    session: AsyncSession,
    entity: str,
    given: Mapping[str, Any],
    before: Mapping[str, Any] | None,
) -> dict[str, Any]:
    definitions = await remembered(session)
    is_asked = context.current().causation_id is None
    try:
        after = settled(definitions.of(entity), given, before, is_asked=is_asked)
    except Invalid:
        # Nobody is refused by what is only remembered.
        now = await read_again(session)
        if now.revision == definitions.revision:
            raise
        definitions, after = now, settled(now.of(entity), given, before, is_asked=is_asked)
    _note(session, _Checked(definitions.revision, entity, given, before, after, is_asked))
    return after


def settled(
    definitions: Mapping[str, Definition],
    given: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    *,
    is_asked: bool = True,
) -> dict[str, Any]:
    """The values of a record after `given`; `before` is None for one to be made.

    `is_asked`: whether there is somebody to be asked for the values of required fields.
    """
    held = before or {}
    after = dict(held)
    for key, value in given.items():
        definition = definitions.get(key)
        if definition is None:
            raise UnknownCustomField(
                f"no custom field {key!r} here; there are {', '.join(definitions) or 'none'}",
                pointer=f"/custom/{key}",
            )
        taken = _taken(definition, value, held.get(key))
        if taken is not None:
            after[key] = taken
        elif after.pop(key, None) is not None and definition.is_required:
            raise _missing(definition)
    if before is None:
        for definition in definitions.values():
            if definition.is_retired:
                continue
            if definition.key not in given and definition.default_value is not None:
                after[definition.key] = definition.default_value
            if definition.is_required and is_asked and definition.key not in after:
                raise _missing(definition)
    if len(to_json(after)) > LARGEST_VALUES:
        raise CustomValuesTooLarge(
            f"the values of all custom fields have at most {LARGEST_VALUES} bytes",
            pointer="/custom",
        )
    return after


def _taken(definition: Definition, value: Any, held: Any) -> Any:
    if value is None:
        return None
    if held is not None and definition.without_limits.taken(value) == held:
        return held
    if definition.is_retired:
        raise CustomFieldIsRetired(f"{definition.key} is retired", pointer=definition.pointer)
    return definition.for_one_with(held).taken(value)


def _missing(definition: Definition) -> CustomValueMissing:
    return CustomValueMissing(f"{definition.key} is required", pointer=definition.pointer)


def _note(session: AsyncSession, checked: _Checked) -> None:
    session.sync_session.info.setdefault(_CHECKED, []).append(checked)
    ask_with_commit(session, REVISION, _check_again)


def _check_again(session: Session, revision: UUID | None) -> None:
    """Raises CustomFieldsChanged, or what the definitions refuse that are in force now."""
    noted: list[_Checked] = session.info.pop(_CHECKED, [])
    old = [checked for checked in noted if checked.revision != revision]
    if not old:
        return
    now: Definitions = read_at_commit(session)
    for checked in old:
        if checked.comes_out_by(now) != checked.after:
            raise CustomFieldsChanged("the custom fields were changed meanwhile; repeat this")
