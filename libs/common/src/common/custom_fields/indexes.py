"""Indexes of custom fields that are asked for often: made by whoever migrates, beside running writes.

A service owns no tables, so it changes none. `migrate` and `setup` end with making the indexes that
fields marked `is_indexed` lack, and dropping those that no field asks for any more. Each is made
concurrently: that reads the table twice, and keeps nobody from writing. One that broke off is
invalid, and made again.
"""

from collections.abc import Iterable
from typing import Any

import structlog
from sqlalchemy import Column, Index, MetaData, Row, Table, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.schema import CreateIndex

from common.custom_fields.listing import typed
from common.custom_fields.values import Definition, FieldKind
from common.database_roles import OWNER_TO_BECOME
from common.ids import stable_hash

log = structlog.get_logger(__name__)

NAMED = "by_custom_"
"""Before the names of these indexes; no other index begins so."""

_LOCK = {"lock": stable_hash(b"fairway indexes of custom fields") - 2**63}

_HAS_FIELDS = text("SELECT to_regclass('custom_fields') IS NOT NULL")
_WANTED = text("""
    SELECT id, entity, key, kind FROM custom_fields WHERE is_indexed AND NOT is_retired
    ORDER BY id
""")
_THERE = text("""
    SELECT c.relname AS name, i.indisvalid AS is_valid
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE starts_with(c.relname, :named) AND c.relnamespace = current_schema()::regnamespace
""")


async def make_indexes(engine: AsyncEngine) -> None:
    """Bring the indexes to what the definitions ask for; waits while another process does so."""
    by_itself = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with by_itself.connect() as connection:
        if not await connection.scalar(_HAS_FIELDS):
            return
        if (owner := await connection.scalar(text(OWNER_TO_BECOME))) is not None:
            await connection.execute(text(f"SET ROLE {owner}"))
        # Of the connection and not of a transaction: concurrent making waits for all of these.
        while not await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), _LOCK):
            await connection.execute(text("SELECT pg_sleep(0.2)"))
        wanted = {
            str(index.name): index
            for row in (await connection.execute(_WANTED)).all()
            for index in _indexes_of(row)
        }
        found = await connection.execute(_THERE, {"named": NAMED})
        there = {row.name: row.is_valid for row in found.all()}
        for name, is_valid in there.items():
            if name not in wanted or not is_valid:
                await connection.execute(text(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"'))
                log.info("index of a custom field dropped", index=name)
        for name, index in wanted.items():
            if not there.get(name):
                await connection.execute(CreateIndex(index))
                log.info("index of a custom field made", index=name)
        await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), _LOCK)


def _indexes_of(row: Row[Any]) -> Iterable[Index]:
    """One for each direction: without a value comes last in both, which no index has backwards."""
    table = Table(row.entity, MetaData(), Column("id", Uuid), Column("custom", JSONB))
    value = typed(table.c, Definition(row.entity, row.key, FieldKind(row.kind)))
    name = f"{NAMED}{row.entity}_{row.id.hex}"
    yield Index(name, value, table.c.id, postgresql_concurrently=True)
    yield Index(
        f"{name}_d", value.desc().nulls_last(), table.c.id.desc(), postgresql_concurrently=True
    )
