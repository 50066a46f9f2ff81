"""Custom fields in lists: filters, order and columns.

`custom.<key>=value`, `custom.<key>[in]=a,b`, `[gte]` and `[lte]` for what has an order, and
`[exists]=true|false`. Equality is answered by the index over all values, whatever the field;
ranges and order by the index of a field that is indexed (`indexes.py`), and by reading the rows of
the list otherwise.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Numeric,
    Text,
    and_,
    cast,
    collate,
    literal_column,
    not_,
    or_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from common.custom_fields.columns import PREFIX, Extensible, entity_of
from common.custom_fields.definitions import Definitions, read_again, remembered
from common.custom_fields.values import (
    ORDERED,
    Definition,
    FieldKind,
)
from common.errors import Invalid

MOST_ALTERNATIVES = 100
"""Values of one `[in]`."""

T = TypeVar("T")

_PARAMETER = re.compile(r"custom\.([a-z][a-z0-9_]*)(?:\[(gte|lte|in|exists)\])?")
_TYPES: dict[FieldKind, type] = {
    FieldKind.INTEGER: int,
    FieldKind.DECIMAL: Decimal,
    FieldKind.BOOLEAN: bool,
}
_AS_SPELLED = frozenset({FieldKind.DATE, FieldKind.MOMENT})


class UnknownCustomParameter(Invalid):
    """The list has no such custom field, or it is not asked so."""

    code = "unknown_parameter"


class CustomFilterNotValid(Invalid):
    """The filter of a custom field has a value that is none."""

    code = "filter_not_valid"


Asked = Sequence[tuple[str, str]]
"""The parameters of a query that are about custom fields, and their values."""


async def conditions(
    session: AsyncSession, model: type[Extensible], asked: Asked
) -> list[ColumnElement[bool]]:
    """What the parameters ask of the records.

    Raises UnknownCustomParameter, CustomFilterNotValid, and the refusals of values.
    """
    entity = entity_of(model)
    return await _with_definitions(
        session,
        lambda known: [_condition(model, known, entity, name, value) for name, value in asked],
    )


async def ordering(
    session: AsyncSession, model: type[Extensible], name: str
) -> tuple[ColumnElement[Any], type, str] | None:
    """How a list is sorted by `custom.<key>`: expression, type of its values, and the key.

    None where there is no such field, or one that holds several values.
    """
    definition = await _find(session, entity_of(model), name)
    if definition is None or definition.allows_many:
        return None
    return typed(model, definition), _TYPES.get(definition.kind, str), definition.key


async def columns(session: AsyncSession, entity: str) -> list[str]:
    """`custom.<key>` of all fields of an entity, in their order; retired ones as well."""
    return [f"{PREFIX}{key}" for key in (await read_again(session)).of(entity)]


async def has_column(session: AsyncSession, entity: str, name: str) -> bool:
    """Whether `custom.<key>` is a field of the entity."""
    return await _find(session, entity, name) is not None


def typed(model: Any, definition: Definition) -> ColumnElement[Any]:
    """The value as the database compares it; the expression that an index of the field is over.

    The key is written into it: an index is not found by a parameter. Keys are letters, digits and
    underscores.
    """
    value = model.custom.op("->>", return_type=Text())(literal_column(f"'{definition.key}'"))
    match definition.kind:
        case FieldKind.INTEGER:
            return cast(value, BigInteger)
        case FieldKind.DECIMAL:
            return cast(value, Numeric)
        case FieldKind.BOOLEAN:
            return cast(value, Boolean)
        case FieldKind.DATE | FieldKind.MOMENT:
            return collate(value, "C")
    return value


async def _with_definitions(session: AsyncSession, read: Callable[[Definitions], T]) -> T:
    definitions = await remembered(session)
    try:
        return read(definitions)
    except Invalid:
        now = await read_again(session)
        if now.revision == definitions.revision:
            raise
        return read(now)


async def _find(session: AsyncSession, entity: str, name: str) -> Definition | None:
    key = name.removeprefix(PREFIX)
    found = (await remembered(session)).of(entity).get(key)
    return found or (await read_again(session)).of(entity).get(key)


def _condition(
    model: Any, known: Definitions, entity: str, name: str, text: str
) -> ColumnElement[bool]:
    there = known.of(entity)
    parts = _PARAMETER.fullmatch(name)
    if parts is None or parts[1] not in there:
        raise UnknownCustomParameter(
            f"unknown parameter {name!r}; custom fields here are {', '.join(there) or 'none'}",
            pointer=f"/{name}",
        )
    definition, pointer = there[parts[1]].without_limits, f"/{name}"
    match parts[2]:
        case None:
            return _holds(model, definition, _asked_for(definition, text, pointer))
        case "in":
            return _is_one_of(model, definition, text.split(","), pointer)
        case "exists":
            if text not in ("true", "false"):
                raise CustomFilterNotValid(f"{name} is true or false", pointer=pointer)
            exists: ColumnElement[bool] = model.custom.has_key(definition.key)
            return exists if text == "true" else not_(exists)
    if definition.kind not in ORDERED:
        raise UnknownCustomParameter(f"{definition.key} has no order", pointer=pointer)
    spelled = _asked_for(definition, text, pointer)
    bound = spelled if definition.kind in _AS_SPELLED else definition.comparable(spelled)
    value = typed(model, definition)
    return value >= bound if parts[2] == "gte" else value <= bound


def _is_one_of(
    model: Any, definition: Definition, texts: Sequence[str], pointer: str
) -> ColumnElement[bool]:
    if len(texts) > MOST_ALTERNATIVES:
        raise CustomFilterNotValid(f"at most {MOST_ALTERNATIVES} values", pointer=pointer)
    values = [_asked_for(definition, text, pointer) for text in texts]
    return or_(*(_holds(model, definition, value) for value in values))


def _asked_for(definition: Definition, text: str, pointer: str) -> Any:
    value = definition.read(text, pointer=pointer)
    if value is None:
        raise CustomFilterNotValid(f"a value of {definition.key} is needed", pointer=pointer)
    return value


def _holds(model: Any, definition: Definition, value: Any) -> ColumnElement[bool]:
    # The second condition is what the index says of its rows, so that it is used.
    is_there = model.custom.op("<>", is_comparison=True)(literal_column("'{}'::jsonb"))
    return and_(model.custom.contains({definition.key: value}), is_there)


def narrowed(values: Any, wanted: Sequence[str]) -> dict[str, Any]:
    """The values of a row that are wanted by `custom.<key>`."""
    keys = [name.removeprefix(PREFIX) for name in wanted if name.startswith(PREFIX)]
    return {key: values[key] for key in keys if key in values}
