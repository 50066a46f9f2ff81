import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from common.handovers import BATCH, HandoverRunner, look_again
from common.testing.service import said
from customer.customers import use_cases as customers
from customer.follow_ups import use_cases as follow_ups
from customer.worker import JOBS, TIMERS

from ..builders import a_created_customer

RUNNER = HandoverRunner([customers.hand_over_customers], batch=2)


async def somebody_left(hear, employee_id, successor_id, department_id=None):
    return await hear(
        "channel.employee.changed.v1",
        subject=employee_id,
        employee_id=employee_id,
        department_id=uuid4(),
        state="left",
        successor_id=successor_id,
        successor_department_id=department_id,
    )


async def work_off(database, runner=RUNNER):
    """How many transactions it took until nothing was left to hand over."""
    batches = 0
    while await runner(database):
        batches += 1
    return batches


async def owners(session):
    found = await session.execute(text("SELECT owner_id, count(*) FROM customers GROUP BY 1"))
    return {row.owner_id: row.count for row in found}


@pytest.mark.capability("X-04")
async def test_the_customers_of_somebody_who_left_go_to_the_successor(
    client, session, database, hear
):
    leaving, successor, department = uuid4(), uuid4(), uuid4()
    mine = await a_created_customer(client, owner_id=str(leaving))
    other = await a_created_customer(client, owner_id=str(uuid4()))

    left = await somebody_left(hear, leaving, successor, department)
    assert (await client.get(f"/customer/v1/customers/{mine['id']}")).json()["owner_id"] == str(
        leaving
    )
    await work_off(database)

    moved = (await client.get(f"/customer/v1/customers/{mine['id']}")).json()
    assert (moved["owner_id"], moved["department_id"]) == (str(successor), str(department))
    kept = (await client.get(f"/customer/v1/customers/{other['id']}")).json()
    assert kept["owner_id"] == other["owner_id"]
    (told,) = await said(session, "customer.customer.transferred.v1")
    assert (told["customer_id"], told["from_owner_id"], told["owner_id"]) == (
        mine["id"],
        str(leaving),
        str(successor),
    )
    caused_by = await session.execute(
        text("""
            SELECT convert_from(body, 'UTF8')::jsonb->>'causationid' FROM event_log
            WHERE type = 'customer.customer.transferred.v1'
        """)
    )
    assert caused_by.scalar() == str(left.envelope.id)


@pytest.mark.capability("X-04")
async def test_many_are_handed_over_batch_by_batch_and_a_stopped_worker_goes_on(
    client, session, database, hear
):
    leaving, successor = uuid4(), uuid4()
    for _ in range(5):
        await a_created_customer(client, owner_id=str(leaving))
    await somebody_left(hear, leaving, successor)

    assert await RUNNER(database)
    assert await owners(session) == {leaving: 3, successor: 2}
    assert await work_off(database) == 2

    assert await owners(session) == {successor: 5}
    assert len(await said(session, "customer.customer.transferred.v1")) == 5


@pytest.mark.capability("X-04")
async def test_hearing_it_again_and_working_at_once_hands_over_once(
    client, session, database, hear
):
    leaving, successor = uuid4(), uuid4()
    for _ in range(5):
        await a_created_customer(client, owner_id=str(leaving))

    left = await somebody_left(hear, leaving, successor)
    await hear.again(left)
    await asyncio.gather(*(work_off(database) for _ in range(4)))
    await work_off(database)
    await somebody_left(hear, leaving, successor)
    await work_off(database)

    assert await owners(session) == {successor: 5}
    assert len(await said(session, "customer.customer.transferred.v1")) == 5


@pytest.mark.capability("X-04")
@pytest.mark.parametrize("first", ["leaving", "successor"])
async def test_what_goes_to_somebody_who_left_as_well_goes_on_to_the_next(
    client, session, database, hear, first
):
    leaving, successor, last = uuid4(), uuid4(), uuid4()
    for owner in (leaving, leaving, leaving, successor):
        await a_created_customer(client, owner_id=str(owner))

    facts = {"leaving": (leaving, successor), "successor": (successor, last)}
    await somebody_left(hear, *facts.pop(first))
    await RUNNER(database)
    for rest in facts.values():
        await somebody_left(hear, *rest)
    await work_off(database)

    assert await owners(session) == {last: 4}


@pytest.mark.capability("X-04")
async def test_while_one_worker_hands_over_the_others_wait_for_their_turn(database, hear):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(session, handover, limit):
        begun.set()
        await go_on.wait()
        return 0

    await somebody_left(hear, uuid4(), uuid4())
    await somebody_left(hear, uuid4(), uuid4())
    first = asyncio.create_task(HandoverRunner([slow])(database))
    await begun.wait()

    async with asyncio.timeout(5):
        assert await RUNNER(database) is False
    go_on.set()
    assert await first
    assert await work_off(database) == 1


@pytest.mark.capability("X-04")
async def test_what_comes_late_to_somebody_who_left_is_handed_over_as_well(
    client, session, database, hear
):
    leaving, successor = uuid4(), uuid4()
    late = await a_created_customer(client)
    await somebody_left(hear, leaving, successor)
    await work_off(database)
    async with database.transaction() as importing:
        await importing.execute(
            text("UPDATE customers SET owner_id = :owner WHERE id = :id"),
            {"owner": leaving, "id": late["id"]},
        )
    assert await work_off(database) == 0

    async with database.transaction() as timer:
        await look_again(timer)
    await work_off(database)

    assert await owners(session) == {successor: 1}


@pytest.mark.capability("X-04")
async def test_nothing_new_comes_to_somebody_who_has_left(client, hear):
    gone = uuid4()
    await somebody_left(hear, gone, None)
    customer = await a_created_customer(client, owner_id=str(uuid4()))

    taken_on = await client.post(
        "/customer/v1/customers", json={"name": "远航机电", "owner_id": str(gone)}
    )
    transferred = await client.post(
        f"/customer/v1/customers/{customer['id']}:transfer",
        json={"owner_id": str(gone), "department_id": None, "reason": "分配"},
    )

    for refused in (taken_on, transferred):
        assert (refused.status_code, refused.json()["code"]) == (422, "owner_has_left")
        assert refused.json()["errors"][0]["pointer"] == "/owner_id"


async def test_without_a_successor_everything_keeps_its_owner(client, session, database, hear):
    leaving = uuid4()
    await a_created_customer(client, owner_id=str(leaving))

    await somebody_left(hear, leaving, None)

    assert await work_off(database) == 0
    assert await owners(session) == {leaving: 1}


def test_the_worker_hands_over_in_batches():
    (runner,) = [job for job in JOBS if isinstance(job, HandoverRunner)]

    assert look_again in [timer.run for timer in TIMERS]
    assert runner.batch == BATCH
    assert runner.steps == [customers.hand_over_customers, follow_ups.hand_over_follow_ups]
