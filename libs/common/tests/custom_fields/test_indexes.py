"""The indexes of fields that are asked for often."""

import pytest
from sqlalchemy import text

from common.migrations import upgrade

from ..shop.db import MIGRATIONS
from ..statements import recorded
from .test_routes import CRATES, FIELDS, a_crate, a_field

pytestmark = pytest.mark.capability("P-18")

_THERE = text("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'by\\_custom\\_%'")


async def indexes(session):
    return sorted((await session.execute(_THERE)).scalars())


@pytest.fixture
async def migrate(client, database_url):
    """Make the indexes, as whoever migrates; afterwards none stays for the next test."""

    async def make():
        await upgrade(database_url, MIGRATIONS)

    yield make
    for field in (await client.get(FIELDS)).json()["data"]:
        await client.post(f"{FIELDS}/{field['id']}:retire")
    await make()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "red"),
        ("integer", 7),
        ("decimal", "7.5"),
        ("boolean", True),
        ("date", "2026-03-02"),
        ("moment", "2026-03-02T09:30:00Z"),
    ],
)
async def test_a_list_is_sorted_in_both_directions_by_the_index(
    client, database, migrate, kind, value
):
    await a_field(client, "value", kind, is_indexed=True)
    await a_crate(client, value=value)

    await migrate()

    for sort in ("custom.value", "-custom.value"):
        statements = []
        with recorded(database, statements):
            answer = await client.get(CRATES, params={"sort": sort})
        assert answer.status_code == 200
        asked = next(statement for statement, _ in statements if "FROM crates" in statement)
        async with database.engine.begin() as connection:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            await connection.execute(text("SET LOCAL enable_sort = off"))
            plan = await connection.execute(
                text("EXPLAIN " + asked.partition(" LIMIT")[0].replace("\n", " "))
            )
            assert "Index Scan using by_custom_crates" in "\n".join(plan.scalars())


async def test_an_index_goes_with_its_field_and_an_invalid_one_is_made_again(
    client, database, session, migrate
):
    field = await a_field(client, "value", "integer", is_indexed=True)
    await migrate()
    made = await indexes(session)
    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL ROLE NONE"))
        await connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(:name)"),
            {"name": made[0]},
        )
    await migrate()
    mended = await session.execute(
        text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"),
        {"name": made[0]},
    )
    await client.patch(
        f"{FIELDS}/{field['id']}", json={"is_indexed": False}, headers={"If-Match": "*"}
    )
    await migrate()

    assert made == [f"by_custom_crates_{field['id'].replace('-', '')}{end}" for end in ("", "_d")]
    assert mended.scalar_one() is True
    assert await indexes(session) == []
