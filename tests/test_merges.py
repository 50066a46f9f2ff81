"""Customers that are merged: whatever names one follows in every service, and comes back."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import Date, DateTime, Table, Uuid, insert, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import Boolean, Integer, Numeric

from common.db import Database
from common.ids import new_id
from common.merges import Reference
from common.migrations import upgrade
from common.testing.databases import truncate_all
from common.testing.pytest_plugin import MakeDatabase
from common.testing.service import Hearing
from fairway.services import PACKAGES, load_one

pytestmark = [pytest.mark.capability("CUS-09"), pytest.mark.capability("N9")]

NAMES_A_CUSTOMER = {
    "customer_id": frozenset(PACKAGES),
    "end_customer_id": frozenset({"sales"}),
    "parent_id": frozenset({"customer.customers", "reporting.customers"}),
}
_ASSESSED = "what followed from the one that was merged; the survivor is assessed anew"
_DECIDED = "a decision about the one that was merged: limits do not add up, the survivor's hold"
NOT_MOVED = {
    "customer.credit_holds.customer_id": _DECIDED,
    "customer.credit_limits.customer_id": _DECIDED,
    "customer.credit_ratings.customer_id": _DECIDED,
    "customer.class_entries.customer_id": _ASSESSED,
    "customer.grade_entries.customer_id": _ASSESSED,
    "customer.grade_overrides.customer_id": _DECIDED,
    "customer.stage_entries.customer_id": _ASSESSED,
    "customer.customer_transfer_items.customer_id": "worked off soon; one that is merged is passed over",
    "sales.credit_accounts.customer_id": _DECIDED,
    "sales.known_credit_limits.customer_id": _DECIDED,
}
"""Columns that stay as they are, and why that is right."""
_made: dict[str, str] = {}
_numbers = count(1)


def references_of(package: str) -> list[Reference]:
    if package == "customer":
        return list(import_module("customer.merges.use_cases").REFERENCES)
    return list(getattr(import_module(f"{package}.consumers"), "CUSTOMER_REFERENCES", ()))


def tables_of(package: str) -> list[Table]:
    load_one(package)
    return list(import_module(f"{package}.db").Base.metadata.sorted_tables)


class Following(NamedTuple):
    package: str
    database: Database
    hear: Hearing


@pytest_asyncio.fixture(params=PACKAGES)
async def service(request: Any, make_database: MakeDatabase) -> AsyncIterator[Following]:
    package = request.param
    entry = load_one(package)

    async def migrate(url: str) -> None:
        await upgrade(url, entry.migrations)

    if package in _made:
        await truncate_all(_made[package])
    else:
        _made[package] = await make_database(package, migrate)
    database = Database(package, _made[package], pool_size=4)
    yield Following(package, database, Hearing(entry, database))
    await database.close()


async def test_every_column_that_names_a_customer_follows_merges(service):
    """A table that somebody adds is not forgotten."""
    named = {
        (table.name, column)
        for table in tables_of(service.package)
        for column, where in NAMES_A_CUSTOMER.items()
        if column in table.columns
        and (service.package in where or f"{service.package}.{table.name}" in where)
        and f"{service.package}.{table.name}.{column}" not in NOT_MOVED
    }
    async with service.database.reading() as session:
        triggers = await session.execute(
            text("""
                SELECT tgrelid::regclass::text, replace(tgname, 'follow_merges_of_', '')
                FROM pg_trigger WHERE tgname LIKE 'follow_merges_of_%'
            """)
        )
        following = {tuple(row) for row in triggers}

    listed = {(reference.table, reference.column) for reference in references_of(service.package)}
    assert named == listed == following


def a_value(column: Any) -> Any:
    match column.type:
        case Uuid():
            return new_id()
        case DateTime():
            return datetime.now(UTC)
        case Date():
            return date(2026, 3, 2)
        case Boolean():
            return False
        case Numeric():
            return Decimal(1)
        case Integer():
            return next(_numbers)
        case JSONB() | ARRAY():
            return []
    return f"{new_id().hex[-12:]}"[: column.type.length or 12]


async def put(service: Following, reference: Reference, customer_id: UUID) -> UUID:
    """A row that names this customer, and the rows that it needs."""
    tables = {table.name: table for table in tables_of(service.package)}
    row_id = new_id()
    async with service.database.transaction() as session:

        async def insert_into(table: Table, **given: Any) -> UUID:
            values = {"id": new_id()} | given
            for column in table.columns:
                if column.name in values or column.nullable or column.server_default is not None:
                    continue
                foreign = next(iter(column.foreign_keys), None)
                values[column.name] = (
                    a_value(column) if foreign is None else await insert_into(foreign.column.table)
                )
            await (await session.connection()).execute(insert(table).values(**values))
            return UUID(str(values["id"]))

        await insert_into(tables[reference.table], **{"id": row_id, reference.column: customer_id})
    return row_id


async def where(service: Following, reference: Reference, *row_ids: UUID) -> list[UUID]:
    async with service.database.reading() as session:
        found = await session.execute(text(f"SELECT id, {reference.column} FROM {reference.table}"))
        places = {row[0]: row[1] for row in found}
    return [places[row_id] for row_id in row_ids]


async def test_references_follow_a_merge_and_come_back(service):
    if service.package == "customer":
        pytest.skip("its own requests merge there; services/customer/tests/merges")
    for reference in references_of(service.package):
        old, new, newest = new_id(), new_id(), new_id()
        inner = {"merge_id": new_id(), "merge_number": 1, "merged_customer_ids": [old]}
        outer = {"merge_id": new_id(), "merge_number": 2, "merged_customer_ids": [new]}
        inner["customer_id"], outer["customer_id"] = new, newest
        early = await put(service, reference, old)
        own = await put(service, reference, new)

        # The later merge is heard first, and both twice.
        second = await service.hear("customer.customer.merged.v1", subject=newest, **outer)
        first = await service.hear("customer.customer.merged.v1", subject=new, **inner)
        await service.hear.again(second)
        await service.hear.again(first)
        late = await put(service, reference, old)
        added = await put(service, reference, newest)
        rows = (early, late, own, added)
        merged = await where(service, reference, *rows)

        await service.hear("customer.customer.unmerged.v1", subject=newest, **outer)
        one_undone = await where(service, reference, *rows)
        await service.hear("customer.customer.unmerged.v1", subject=new, **inner)
        await service.hear.again(first)
        both_undone = await where(service, reference, *rows)

        assert merged == [newest] * 4, reference
        assert one_undone == [new, new, new, newest], reference
        assert both_undone == [old, old, new, newest], reference
