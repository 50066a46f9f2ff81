"""Custom fields in the rows of an import: a column that is mapped to `custom.<key>`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from common.custom_fields.columns import PREFIX
from common.custom_fields.definitions import read_again
from common.custom_fields.values import Definition
from common.errors import Invalid, Refusal


class Row(Protocol):
    """A row on its way into a target."""

    fields: Any

    def reject(self, refusal: Refusal) -> None:
        """The rules refuse the row."""


AnyRow = TypeVar("AnyRow", bound=Row)


def gathered(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row with those of `custom.<key>` put together; a blank cell says nothing."""
    own = {name: value for name, value in values.items() if not name.startswith(PREFIX)}
    custom = {
        name.removeprefix(PREFIX): value
        for name, value in values.items()
        if name.startswith(PREFIX) and value is not None
    }
    return {**own, "custom": custom} if custom else own


async def read_rows(session: AsyncSession, entity: str, rows: Sequence[AnyRow]) -> list[AnyRow]:
    """Read the cells of custom fields as values of these; rows where one is none are rejected."""
    with_custom = [row for row in rows if row.fields.custom]
    if not with_custom:
        return list(rows)
    definitions = (await read_again(session)).of(entity)
    refused = []
    for row in with_custom:
        try:
            row.fields.custom = {
                key: _read(definitions.get(key), value) for key, value in row.fields.custom.items()
            }
        except Invalid as refusal:
            row.reject(refusal)
            refused.append(row)
    return [row for row in rows if row not in refused]


def _read(definition: Definition | None, value: Any) -> Any:
    """As it is where there is no such field: who writes it refuses it."""
    if definition is None or not isinstance(value, str):
        return value
    return definition.without_limits.read_cell(value)
