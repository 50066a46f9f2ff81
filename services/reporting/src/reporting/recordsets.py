"""Writing and reading many rows with one statement each, made from the tables' own columns."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Dialect, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

Row = dict[str, Any]
"""A row by its columns' names."""

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped there


@cache
def insert_into(table: Table, without: frozenset[str] = frozenset()) -> TextClause:
    """INSERT of `:rows`, a JSON array of objects; columns `without` are left to their defaults."""
    return text(_insert(table, [c.name for c in table.columns if c.name not in without]))


@cache
def upsert_into(
    table: Table, keys: tuple[str, ...], adding: frozenset[str] = frozenset()
) -> TextClause:
    """INSERT of `:rows`, or UPDATE where the keys are there; columns in `adding` count up instead.

    Rows are written in the order of their keys, so that two writers of the same rows wait for each
    other and never for themselves.
    """
    names = [column.name for column in table.columns]
    updates = ", ".join(
        f'"{name}" = "{table.name}"."{name}" + excluded."{name}"'
        if name in adding
        else f'"{name}" = excluded."{name}"'
        for name in names
        if name not in keys
    )
    ordered = _list(keys)
    return text(
        f"{_insert(table, names)} ORDER BY {ordered}"
        f" ON CONFLICT ({ordered}) DO UPDATE SET {updates}"
    )


def _insert(table: Table, names: Sequence[str]) -> str:
    types = ", ".join(
        f'"{name}" {table.columns[name].type.compile(dialect=_DIALECT)}' for name in names
    )
    return (
        f'INSERT INTO "{table.name}" ({_list(names)}) SELECT {_list(names)}'  # noqa: S608 - names of our own
        f" FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS rows ({types})"
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


async def write(session: AsyncSession, statement: TextClause, rows: Collection[Row]) -> None:
    """Run a statement made here over `rows`, if there are any."""
    if rows:
        await session.execute(statement, {"rows": to_json(list(rows)).decode()})


@cache
def _select_from(table: Table, key: str) -> TextClause:
    return text(
        f'SELECT * FROM "{table.name}" WHERE "{key}" = ANY(CAST(:ids AS uuid[]))'  # noqa: S608 - as above
    )


async def read(
    session: AsyncSession, table: Table, ids: Collection[UUID], *, key: str = "id"
) -> list[Row]:
    """The rows whose `key` is one of `ids`."""
    if not ids:
        return []
    found = await session.execute(_select_from(table, key), {"ids": list(ids)})
    return [dict(row) for row in found.mappings()]
