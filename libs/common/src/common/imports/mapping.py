"""How the columns of a file become the fields of a target, and what is done about its dirt.

Dirt is handled in the open: `replace` corrects a value and says so, `warn_if_blank` keeps the row
with a warning, everything that does not fit is rejected with the reason.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from common.csv_lines import as_meant
from common.custom_fields.columns import PREFIX
from common.errors import Invalid

OWN_SOURCE = "fairway"
"""As which other system we are when we import what we exported."""
ERROR_COLUMN = "import_error"
"""The column that an error file has beside those of the file: such a file was written by us."""


class ColumnMissing(Invalid):
    """The mapping names a column that the file does not have."""

    code = "column_missing"


class RowRejected(Exception):
    """A cell does not fit; the text says which and why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class FieldMapping(BaseModel):
    """Where a field comes from: a column, or a constant `value`, and what happens on the way."""

    model_config = ConfigDict(extra="forbid")

    column: str | None = None
    value: Any = None
    kind: Literal["text", "code", "integer", "decimal", "date"] = "text"
    date_format: str = "%Y-%m-%d"
    replace: dict[str, str] = Field(default_factory=dict)
    lookup: dict[str, str] = Field(
        default_factory=dict, description="like replace, for a translation that is no correction"
    )
    prefix: str = ""
    scale: Annotated[Decimal | None, Field(description="decimals are multiplied by this")] = None
    required: bool = False
    warn_if_blank: str | None = None


class ImportMapping(BaseModel):
    """A mapping: the id of the other system, and the fields."""

    model_config = ConfigDict(extra="forbid")

    external_source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    fields: dict[str, FieldMapping]
    match_on: Annotated[
        list[str] | None,
        Field(
            min_length=1,
            description="By what rows are recognised, the first that fits; by their external_id"
            " where nothing is said",
        ),
    ] = None
    is_own_export: Annotated[
        bool, Field(description="The file is an export of ours, with cells as we write them")
    ] = False

    def check_columns(self, header: Sequence[str]) -> None:
        """Raise ColumnMissing when the file lacks a column."""
        for name, mapped in self.fields.items():
            if mapped.column is not None and mapped.column not in header:
                raise ColumnMissing(
                    f"no column {mapped.column!r}; the file has {', '.join(header)}",
                    pointer=f"/mapping/fields/{name}",
                )


def mapping_of_own_export(header: Sequence[str], fields: Collection[str]) -> ImportMapping:
    """The mapping of a file that a list gave: each column is the field of its name.

    Columns that are no `fields` of the target, as those that only we write, are passed over.
    """
    return ImportMapping(
        external_source=OWN_SOURCE,
        fields={
            name: FieldMapping(column=name)
            for name in header
            if (name in fields and name != "external_id") or name.startswith(PREFIX)
        },
        match_on=["id"],
        is_own_export=True,
    )


class MappedRow(BaseModel):
    """A row as the target takes it; `values` holds the fields, `warnings` what was done to it."""

    line: int
    cells: list[str]
    values: dict[str, Any]
    warnings: list[str]


class RowMapper:
    """Applies a mapping to the rows of a file."""

    def __init__(self, mapping: ImportMapping, header: Sequence[str]) -> None:
        mapping.check_columns(header)
        places = {name: place for place, name in enumerate(header)}
        self._is_exact = mapping.is_own_export
        self._is_escaped = mapping.is_own_export or ERROR_COLUMN in places
        self._fields = [
            (name, mapped, None if mapped.column is None else places[mapped.column])
            for name, mapped in mapping.fields.items()
        ]

    def map(self, line: int, cells: Sequence[str]) -> MappedRow:
        """The row's fields; raises RowRejected."""
        values: dict[str, Any] = {}
        warnings: list[str] = []
        for name, mapped, place in self._fields:
            if place is None:
                values[name] = mapped.value
                continue
            cell = cells[place] if place < len(cells) else ""
            if self._is_escaped:
                cell = as_meant(cell)
            if not self._is_exact:
                cell = cell.strip()
            if not cell:
                if mapped.required:
                    raise RowRejected("value_missing", f"{mapped.column} is blank")
                if mapped.warn_if_blank:
                    warnings.append(mapped.warn_if_blank)
                values[name] = mapped.value
                continue
            if cell in mapped.replace:
                warnings.append(f"{mapped.column}: {cell} corrected to {mapped.replace[cell]}")
                cell = mapped.replace[cell]
            cell = mapped.lookup.get(cell, cell)
            values[name] = _converted(cell, mapped)
        return MappedRow.model_construct(
            line=line, cells=list(cells), values=values, warnings=warnings
        )


_NOT_IN_A_CODE = re.compile(r"[^a-z0-9]+")


def _converted(cell: str, mapped: FieldMapping) -> Any:
    try:
        match mapped.kind:
            case "text":
                return mapped.prefix + cell
            case "code":
                return mapped.prefix + _NOT_IN_A_CODE.sub("_", cell.lower()).strip("_")
            case "integer":
                return int(cell)
            case "decimal":
                amount = Decimal(cell.replace(",", ""))
                if not amount.is_finite():
                    raise ValueError
                return amount if mapped.scale is None else amount * mapped.scale
            case "date":
                return datetime.strptime(cell, mapped.date_format).date()  # noqa: DTZ007 - a day
    except (ValueError, InvalidOperation):
        raise RowRejected(
            "value_not_valid", f"{mapped.column}: {cell!r} is not a {mapped.kind}"
        ) from None
