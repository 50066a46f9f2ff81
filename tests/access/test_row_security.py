"""Row-level security, the second wall: what a partner may not see, the database does not give."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from common.access import rows
from common.access.rows import Rows, all_rows, is_scoped, narrow
from common.audit.verify import verify
from common.database_roles import PowerfulRole, refuse_powerful_role
from common.db import Database
from common.ids import new_id
from common.testing.databases import app_login
from customer.customers.model import Customer
from fairway.services import PACKAGES

from .conftest import Guard, Guarded
from .test_inventory import mapped_classes

pytestmark = [pytest.mark.capability("X-05"), pytest.mark.capability("N10")]

CUSTOMERS = "/customer/v1/customers"
READ_AND_WRITE = ("customer.customers.read", "customer.customers.write")


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection without anything of ours around it."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def two_customers(guarded: Guarded) -> tuple[UUID, UUID]:
    """A customer of one partner and one of another; the partners."""
    first, second = new_id(), new_id()
    office, _ = await guarded.signed_in(*READ_AND_WRITE)
    for partner_id in (first, second):
        body = {"name": f"of {partner_id}", "partner_id": str(partner_id)}
        (await office.post(CUSTOMERS, json=body)).raise_for_status()
    return first, second


async def seen_by(session: AsyncSession) -> list[UUID]:
    """Whose customers plain SQL finds in this session."""
    return list(await session.scalars(text("SELECT partner_id FROM customers ORDER BY name")))


@pytest.mark.parametrize("package", PACKAGES)
async def test_every_scoped_table_is_behind_the_wall(guard: Guard, package):
    guarded = await guard(package)
    async with raw(guarded.database.dsn) as connection:
        found = await connection.fetch("""
            SELECT relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relrowsecurity AND relforcerowsecurity
              AND (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid) = 2
        """)
    behind = {row["relname"] for row in found}

    for mapped in mapped_classes(package):
        if is_scoped(mapped) or hasattr(mapped, "__seen_with__"):
            table = str(inspect(mapped).local_table)
            assert table in behind, f"a migration has to call protect_rows({table!r}, …)"


async def test_plain_sql_sees_nothing_before_it_says_for_whom(guard: Guard):
    guarded = await guard("customer")
    first, _ = await two_customers(guarded)
    async with raw(await app_login(guarded.database.dsn)) as connection:
        assert await connection.fetch("SELECT id FROM customers") == []

        async with connection.transaction():
            await connection.execute(rows.wall_statement(first))
            found = await connection.fetch("SELECT partner_id FROM customers")
            assert [row["partner_id"] for row in found] == [first]

        assert await connection.fetch("SELECT id FROM customers") == []
        assert await connection.execute("UPDATE customers SET name = 'x'") == "UPDATE 0"
        assert await connection.execute("DELETE FROM customers") == "DELETE 0"


async def test_it_may_not_say_for_whom_beyond_a_transaction(guard: Guard):
    """One connection, used for a partner, for another, and for nobody."""
    guarded = await guard("customer")
    first, second = await two_customers(guarded)
    login = await app_login(guarded.database.dsn)
    for behind_pooler in (False, True):
        database = Database("customer", login, pool_size=1, behind_pooler=behind_pooler)
        try:
            backends = set()
            for partner_id in (first, second, None, first, None):
                for opened in (database.reading, database.transaction):
                    async with opened() as session:
                        if partner_id is not None:
                            narrow(session, Rows(wall=partner_id))
                        expected = [partner_id] if partner_id else [*sorted((first, second))]
                        assert sorted(await seen_by(session)) == expected
                        backends.add(await session.scalar(text("SELECT pg_backend_pid()")))
            assert len(backends) == 1
            if behind_pooler:
                async with database.engine.connect() as connection:
                    found = await connection.execute(text("SELECT id FROM customers"))
                    assert found.all() == []
        finally:
            await database.close()


async def test_a_wall_may_be_lifted_within_a_transaction_and_stands_again(guard: Guard):
    guarded = await guard("customer")
    first, second = await two_customers(guarded)
    async with guarded.database.transaction() as session:
        narrow(session, Rows(wall=first))
        assert await seen_by(session) == [first]
        with all_rows(session):
            assert sorted(await seen_by(session)) == sorted((first, second))
        assert await seen_by(session) == [first]
        with all_rows(session):
            await seen_by(session)
        # A savepoint that is undone takes along that the wall was put back in it.
        with pytest.raises(ZeroDivisionError):
            async with session.begin_nested():
                assert await seen_by(session) == [first]
                raise ZeroDivisionError
        assert await seen_by(session) == [first]


@pytest.fixture
def without_first_wall(monkeypatch):
    """Queries that nobody narrows, as if the first wall had a hole."""
    monkeypatch.setattr(rows, "_criteria", lambda *_: ())
    monkeypatch.setattr(Rows, "hold", lambda *_: True)


async def test_where_the_first_wall_has_a_hole_the_second_holds(guard: Guard, without_first_wall):
    guarded = await guard("customer")
    first, second = await two_customers(guarded)
    dealer, _ = await guarded.signed_in(
        *READ_AND_WRITE, scope="all", kind="partner", partner_id=first
    )
    async with guarded.database.reading() as session:
        ids = {c.partner_id: c.id for c in await session.scalars(select(Customer))}
    strange = f"{CUSTOMERS}/{ids[second]}"

    page = (await dealer.get(CUSTOMERS, params={"include": "total"})).json()
    assert ([row["id"] for row in page["data"]], page["total"]) == ([str(ids[first])], 1)
    assert (await dealer.get(f"{CUSTOMERS}/{ids[first]}")).status_code == 200
    assert (await dealer.get(strange)).status_code == 404
    assert (await dealer.patch(strange, json={"name": "mine"})).status_code == 404
    mine = await dealer.patch(f"{CUSTOMERS}/{ids[first]}", json={"name": "mine"})
    assert mine.status_code == 200, mine.text


async def test_a_record_cannot_be_written_into_the_hands_of_others(guard: Guard):
    guarded = await guard("customer")
    first, second = await two_customers(guarded)
    statements = (
        "UPDATE customers SET partner_id = :other",
        """
        INSERT INTO contacts (id, customer_id, name, partner_id, version, created_at, updated_at)
        SELECT gen_random_uuid(), id, 'x', :other, 1, now(), now() FROM customers
        """,
    )
    for statement in statements:
        with pytest.raises(DBAPIError, match="row-level security policy"):
            async with guarded.database.transaction() as session:
                narrow(session, Rows(wall=first))
                await session.execute(text(statement), {"other": second})


@pytest.mark.parametrize("table", ["audit_entries", "event_log", "alembic_version"])
async def test_what_is_append_only_is_not_changed_by_a_service(guard: Guard, table):
    guarded = await guard("customer")
    await two_customers(guarded)
    column = {"audit_entries": "action", "event_log": "type", "alembic_version": "version_num"}
    for login in (guarded.database.dsn, await app_login(guarded.database.dsn)):
        database = Database("customer", login, pooled=False)
        for statement in (f"UPDATE {table} SET {column[table]} = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="permission denied for table"):
                async with database.transaction() as session:
                    await session.execute(text(statement))
    async with raw(guarded.database.dsn) as connection:
        partitions = await connection.fetch(
            "SELECT relid::text FROM pg_partition_tree('event_log') WHERE level > 0"
        )
        assert partitions
        for (partition,) in partitions:
            assert not await connection.fetchval(
                "SELECT has_table_privilege('fairway_all_rows', $1, 'UPDATE, DELETE, SELECT')",
                partition,
            )


async def test_what_the_owner_changes_in_the_trail_is_found(guard: Guard):
    guarded = await guard("customer")
    await two_customers(guarded)
    assert (await verify(guarded.database, ["customers"])).faults == []
    async with raw(guarded.database.dsn) as owner:
        await owner.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
        try:
            changed = await owner.fetchval(
                "UPDATE audit_entries SET actor_id = 'somebody else' WHERE record_id ="
                " (SELECT min(record_id::text)::uuid FROM audit_entries) RETURNING record_id"
            )
        finally:
            await owner.execute("ALTER TABLE audit_entries ENABLE TRIGGER USER")

    faults = (await verify(guarded.database, ["customers"])).faults
    assert [fault.record_id for fault in faults] == [changed]


async def test_a_service_does_not_start_as_a_role_that_passes_the_wall(guard: Guard):
    guarded = await guard("customer")

    with pytest.raises(PowerfulRole, match="passes row-level security"):
        await refuse_powerful_role(guarded.database.dsn)
    await refuse_powerful_role(await app_login(guarded.database.dsn))


@pytest.mark.parametrize("behind_pooler", [False, True])
async def test_the_wall_costs_no_statement_of_its_own(guard: Guard, behind_pooler, monkeypatch):
    """What is sent to the server, counted where it leaves."""
    guarded = await guard("customer")
    first, _ = await two_customers(guarded)
    database = Database("customer", guarded.database.dsn, pool_size=1, behind_pooler=behind_pooler)
    async with database.reading() as session:
        # The first use of a connection asks for more.
        await session.execute(text("SELECT 1"))
    sent: list[str] = []
    execute = asyncpg.Connection.execute

    async def counting(self, query, *args, **options):
        sent.append(query)
        return await execute(self, query, *args, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", counting)
    counts = {}
    for wall in (None, first):
        for name in ("reading", "transaction"):
            sent.clear()
            async with getattr(database, name)() as session:
                narrow(session, None if wall is None else Rows(wall=wall))
                await session.execute(text("SELECT 1"))
                await session.execute(text("SELECT 1"))
            counts[name, wall is None] = len(sent)
    await database.close()

    # A transaction is BEGIN and COMMIT, whoever asks; a read has them where it needs them.
    assert counts["transaction", True] == counts["transaction", False] == 2
    assert counts["reading", True] == (2 if behind_pooler else 0)
    assert counts["reading", False] == 2
