import asyncio

from sqlalchemy import text

from common.db import Database
from common.errors import Conflict
from common.numbers import BLOCK, next_number, next_numbers
from common.testing.databases import as_owner


async def draw(database, count=1):
    async with database.transaction() as session:
        return await next_numbers(session, "baskets", count)


async def test_fifty_creators_at_once_get_fifty_numbers(database):
    drawn = await asyncio.gather(*(draw(database) for _ in range(50)))

    assert len({number for numbers in drawn for number in numbers}) == 50


async def test_batches_of_any_size_at_once_never_collide_and_are_whole(database):
    sizes = [1, BLOCK - 1, BLOCK, BLOCK + 1, 3, 2 * BLOCK + 5, 7, 1] * 4

    drawn = await asyncio.gather(*(draw(database, size) for size in sizes))

    assert [len(numbers) for numbers in drawn] == sizes
    everything = [number for numbers in drawn for number in numbers]
    assert len(set(everything)) == len(everything)


async def test_processes_draw_different_numbers(database):
    other = Database("other", database.dsn)
    try:
        drawn = await asyncio.gather(
            *(draw(held, 3) for held in (database, other) for _ in range(10))
        )
    finally:
        await other.close()

    assert len({number for numbers in drawn for number in numbers}) == 60


async def test_a_new_series_counts_up_from_one(database):
    async with database.transaction() as session:
        await as_owner(session)
        await session.execute(text("CREATE SEQUENCE fresh_numbers INCREMENT BY 20"))
    try:
        async with database.transaction() as session:
            drawn = [await next_number(session, "fresh") for _ in range(2 * BLOCK + 1)]
    finally:
        async with database.transaction() as session:
            await as_owner(session)
            await session.execute(text("DROP SEQUENCE fresh_numbers"))

    assert drawn == list(range(1, 2 * BLOCK + 2))


async def test_a_number_of_a_creation_that_failed_is_not_given_again(database):
    lost = []
    try:
        async with database.transaction() as session:
            lost = await next_numbers(session, "baskets", 3)
            raise Conflict("not this time")
    except Conflict:
        pass

    assert not set(lost) & set(await draw(database, 3 * BLOCK))
