"""References follow merges and come back, in whichever order merges and writes are heard."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from common import merges
from common.db import Database
from common.merges import Reference
from common.testing.pytest_plugin import MakeDatabase

pytestmark = pytest.mark.capability("N9")

THINGS = [Reference("things")]
CUSTOMERS = [UUID(int=number) for number in range(1, 5)]


def merge_id(number: int) -> UUID:
    return UUID(int=1000 - number)


@pytest_asyncio.fixture
async def following_url(make_database: MakeDatabase) -> str:
    async def migrate(url: str) -> None:
        connection = await asyncpg.connect(url)
        for statement in (
            *merges.V1,
            "CREATE TABLE things (id uuid PRIMARY KEY, customer_id uuid, note text)",
            *merges.follows("things", "customer_id"),
        ):
            await connection.execute(statement)
        await connection.close()

    return await make_database("merges", migrate)


@pytest_asyncio.fixture
async def following(following_url: str) -> AsyncIterator[Database]:
    held = Database("merges", following_url, pool_size=4)
    yield held
    await held.close()


async def write(database: Database, thing: int, customer: UUID, note: str = "") -> None:
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO things VALUES (:id, :customer, :note)
                ON CONFLICT (id) DO UPDATE SET customer_id = :customer, note = :note
            """),
            {"id": UUID(int=thing), "customer": customer, "note": note},
        )


async def merge(database: Database, number: int, loser: UUID, survivor: UUID) -> None:
    async with database.transaction() as session:
        await merges.merge(
            session,
            THINGS,
            merge_id=merge_id(number),
            number=number + 1,
            from_ids=[loser],
            to_id=survivor,
        )


async def unmerge(database: Database, number: int) -> None:
    async with database.transaction() as session:
        await merges.unmerge(session, THINGS, merge_id=merge_id(number))


async def where(database: Database) -> dict[int, UUID]:
    async with database.reading() as session:
        found = await session.execute(text("SELECT id, customer_id FROM things"))
        return {row.id.int: row.customer_id for row in found}


async def test_what_comes_late_for_a_merged_customer_follows_and_comes_back(following):
    old, new, third = CUSTOMERS[:3]
    await write(following, 1, old)
    await write(following, 2, new)
    await merge(following, 1, old, new)
    await write(following, 3, old)
    await write(following, 4, new)
    await write(following, 1, old, note="changed meanwhile")
    await write(following, 5, old)
    await write(following, 5, third)
    await merge(following, 1, old, new)
    assert await where(following) == {1: new, 2: new, 3: new, 4: new, 5: third}

    await unmerge(following, 1)
    await unmerge(following, 1)
    await merge(following, 1, old, new)

    assert await where(following) == {1: old, 2: new, 3: old, 4: new, 5: third}
    async with following.reading() as session:
        note = await session.execute(text("SELECT note FROM things ORDER BY id LIMIT 1"))
        assert note.scalar() == "changed meanwhile"
        left = await session.execute(text("SELECT count(*) FROM merge_moves"))
        assert left.scalar() == 0


async def test_a_merge_waits_for_who_is_just_writing_a_reference(following):
    old, new = CUSTOMERS[:2]
    async with following.transaction() as session:
        await session.execute(
            text("INSERT INTO things VALUES (:id, :customer)"),
            {"id": UUID(int=1), "customer": old},
        )
        merging = asyncio.create_task(merge(following, 1, old, new))
        done, _ = await asyncio.wait([merging], timeout=0.3)
        assert not done
    await merging

    assert await where(following) == {1: new}


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[str, int, UUID, UUID]], dict[UUID, UUID]]:
    """What the customer service may do, in its order, and who is whom in the end."""
    into: dict[UUID, tuple[UUID, int]] = {}
    acts: list[tuple[str, int, UUID, UUID]] = []
    for number in range(draw(st.integers(1, 6))):
        alive = [customer for customer in CUSTOMERS if customer not in into]
        undoable = [(loser, *held) for loser, held in into.items() if held[0] not in into]
        if undoable and (len(alive) < 2 or draw(st.booleans())):
            loser, survivor, merged = draw(st.sampled_from(undoable))
            del into[loser]
            acts.append(("unmerge", merged, loser, survivor))
        else:
            loser, survivor = draw(st.permutations(alive))[:2]
            into[loser] = (survivor, number)
            acts.append(("merge", number, loser, survivor))
    return acts, {loser: survivor for loser, (survivor, _) in into.items()}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories(), data=st.data())
def test_where_a_reference_ends_does_not_depend_on_the_order_of_hearing(
    following_url, history, data
):
    """Each survivor's events come in their order, as the inbox sees to; some come twice."""
    acts, into = history
    streams: dict[UUID, list[tuple[str, int, UUID, UUID]]] = defaultdict(list)
    for act in acts:
        streams[act[3]].append(act)
    program: list[tuple[str, int, UUID, UUID]] = []
    while any(streams.values()):
        survivor = data.draw(st.sampled_from([one for one in CUSTOMERS if streams[one]]))
        act = streams[survivor].pop(0)
        program += [act] * data.draw(st.integers(1, 2))
    given_for = {
        thing: data.draw(st.sampled_from(CUSTOMERS))
        for thing in range(data.draw(st.integers(1, 5)))
    }
    for thing, customer in given_for.items():
        at = data.draw(st.integers(0, len(program)))
        program.insert(at, ("write", thing, customer, customer))

    async def run() -> dict[int, UUID]:
        database = Database("merges", following_url, pool_size=1)
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM things"))
            await merges.forget(session)
        for what, number, one, other in program:
            if what == "write":
                await write(database, number, one)
            elif what == "merge":
                await merge(database, number, one, other)
            else:
                await unmerge(database, number)
        found = await where(database)
        await database.close()
        return found

    def end(customer: UUID) -> UUID:
        return end(into[customer]) if customer in into else customer

    assert asyncio.run(run()) == {thing: end(customer) for thing, customer in given_for.items()}
