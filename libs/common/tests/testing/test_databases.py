import asyncio
import secrets

import asyncpg
import pytest

from common.testing.databases import DatabaseTemplates, truncate_all

SCHEMA = """
CREATE TABLE alembic_version (version_num text);
INSERT INTO alembic_version VALUES ('head');
CREATE TABLE parents (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
CREATE TABLE children (parent_id int REFERENCES parents);
CREATE TABLE countries (code text);
CREATE TABLE events (at date) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE "Odd name" (n int);
"""
ROWS = """
INSERT INTO parents (name) VALUES ('one'), ('two');
INSERT INTO children VALUES (1);
INSERT INTO countries VALUES ('CN');
INSERT INTO events VALUES ('2026-05-01');
INSERT INTO "Odd name" VALUES (1);
"""


class Migration:
    """Counts how often it was asked, and looks at the database while it works."""

    def __init__(self):
        self.runs = 0

    async def __call__(self, url):
        self.runs += 1
        await execute(url, SCHEMA)


async def execute(url, sql):
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def fetch(url, sql):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.fixture
async def templates(postgres_server):
    # Not one name for all: workers share the server.
    templates = DatabaseTemplates(postgres_server, secrets.token_hex(4))
    yield templates
    await templates.drop_all()


async def test_a_template_is_migrated_once_however_many_ask(templates):
    migration = Migration()

    names = await asyncio.gather(*[templates.make("sales", migration) for _ in range(4)])

    assert migration.runs == 1
    assert len(set(names)) == 1
    assert names[0].startswith("tpl_sales_")


async def test_copies_have_the_schema_and_nothing_of_each_other(templates):
    await templates.make("sales", Migration())

    first, second = await asyncio.gather(templates.create("sales"), templates.create("sales"))
    await execute(first, ROWS)

    assert first != second
    assert await fetch(first, "SELECT count(*) FROM parents") == 2
    assert await fetch(second, "SELECT count(*) FROM parents") == 0
    assert await fetch(second, "SELECT version_num FROM alembic_version") == "head"


async def test_a_template_that_failed_is_made_again(templates, postgres_server):
    async def broken(url):
        await execute(url, "CREATE TABLE half_done ()")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await templates.make("sales", broken)
    await templates.make("sales", Migration())

    url = await templates.create("sales")
    assert await fetch(url, "SELECT to_regclass('half_done')") is None


async def test_a_migration_may_forget_a_connection(templates):
    forgotten = []

    async def careless(url):
        forgotten.append(await asyncpg.connect(url))

    await templates.make("sales", careless)

    assert await templates.create("sales")
    forgotten[0].terminate()


async def test_a_copy_is_dropped_although_somebody_is_connected(templates, postgres_server):
    await templates.make("sales", Migration())
    url = await templates.create("sales")
    connection = await asyncpg.connect(url)

    await templates.drop(url)

    count = f"SELECT count(*) FROM pg_database WHERE datname = '{url.rpartition('/')[2]}'"
    assert await fetch(postgres_server, count) == 0
    connection.terminate()


async def test_a_run_drops_its_own_and_leaves_others(templates, postgres_server):
    others = DatabaseTemplates(postgres_server, secrets.token_hex(4))
    gone = [await templates.make("sales", Migration()), await templates.create("sales")]
    kept = await others.make("sales", Migration())

    await templates.drop_all()

    names = "SELECT array_agg(datname::text) FROM pg_database WHERE datname LIKE '%sales%'"
    left = await fetch(postgres_server, names)
    assert kept in left
    assert not any(name.rpartition("/")[2] in left for name in gone)
    await others.drop_all()


async def test_truncating_empties_everything_but_what_is_to_stay(templates):
    await templates.make("sales", Migration())
    url = await templates.create("sales")
    await execute(url, ROWS)

    await truncate_all(url, "countries")

    for table in ("parents", "children", "events", '"Odd name"'):
        assert await fetch(url, f"SELECT count(*) FROM {table}") == 0
    assert await fetch(url, "SELECT count(*) FROM countries") == 1
    assert await fetch(url, "SELECT count(*) FROM alembic_version") == 1
    await execute(url, "INSERT INTO parents (name) VALUES ('again')")
    assert await fetch(url, "SELECT id FROM parents") == 1


async def test_an_identity_restarts_also_when_its_rows_are_gone_already(templates):
    await templates.make("sales", Migration())
    url = await templates.create("sales")
    await execute(url, "INSERT INTO parents (name) VALUES ('one'); DELETE FROM parents")

    await truncate_all(url)

    await execute(url, "INSERT INTO parents (name) VALUES ('again')")
    assert await fetch(url, "SELECT id FROM parents") == 1


async def test_a_forgotten_transaction_makes_truncating_fail_and_not_hang(templates, monkeypatch):
    monkeypatch.setattr("common.testing.databases._LONGEST_WAIT_S", 0.3)
    await templates.make("sales", Migration())
    url = await templates.create("sales")
    await execute(url, ROWS)
    forgetful = await asyncpg.connect(url)
    await forgetful.execute("BEGIN; UPDATE parents SET name = 'mine'")

    with pytest.raises(asyncpg.LockNotAvailableError):
        await truncate_all(url)

    forgetful.terminate()


async def test_a_name_postgresql_would_cut_is_refused(templates):
    with pytest.raises(ValueError, match="cannot name a database"):
        await templates.make("s" * 60, Migration())


async def test_the_fixture_makes_a_migrated_database_a_call(make_database):
    migration = Migration()

    first = await make_database("fixture_test", migration)
    second = await make_database("fixture_test", migration)

    assert first != second
    assert migration.runs == 1
    assert await fetch(second, "SELECT count(*) FROM events") == 0
