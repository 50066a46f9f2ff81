import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from common.access.rows import Rows, narrow
from common.auth import Actor
from common.clock import utc_now
from common.testing.service import said
from customer.customers.model import (
    CustomerHasOwner,
    CustomerNotFound,
    CustomerNotYours,
    CustomerOfPartner,
)
from customer.pools import use_cases as pools
from customer.pools.limits import ClaimantNotEmployee, ClaimCoolingDown, ClaimLimitReached

from ..builders import a_created_customer

pytestmark = [pytest.mark.capability("P-01")]

EAST, NORTH = uuid4(), uuid4()


def somebody(department=EAST, regions=()):
    return Actor(
        id=f"user-{uuid4()}",
        employee_id=uuid4(),
        department_id=department,
        subtree_ids=frozenset({department}),
        region_ids=frozenset(regions),
    )


def own_rows(actor):
    return Rows(owner_id=actor.employee_id)


async def claimed(database, customer, actor, now=None, rows=None):
    async with database.transaction() as session:
        narrow(session, rows or own_rows(actor))
        taken = await pools.claim_customer(
            session, UUID(customer["id"]), actor=actor, now=now or utc_now()
        )
        return taken.version


async def released(database, customer, actor, now=None):
    async with database.transaction() as session:
        await pools.release_customer(
            session, UUID(customer["id"]), reason="no time", actor=actor, now=now or utc_now()
        )


async def tended(database, now):
    """How many are warned of, and how many go back, in one run of the worker."""
    async with database.transaction() as session:
        return (
            await pools.warn_of_recycling(session, now=now),
            await pools.recycle_idle_customers(session, now=now),
        )


async def a_policy(client, **values):
    response = await client.post("/customer/v1/pool-policies", json=values)
    assert response.status_code == 201, response.text
    return response.json()


async def pooled(client, **values):
    return await a_created_customer(client, **{"department_id": str(EAST), **values})


async def owner_of(client, customer):
    return (await client.get(f"/customer/v1/customers/{customer['id']}")).json()["owner_id"]


async def test_one_of_many_gets_a_customer_and_the_others_are_told_so(client, database, session):
    customer = await pooled(client)
    people = [somebody() for _ in range(4)]

    outcomes = await asyncio.gather(
        *(claimed(database, customer, actor) for actor in people), return_exceptions=True
    )

    won = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, int)]
    assert len(won) == 1
    assert sum(isinstance(outcome, CustomerHasOwner) for outcome in outcomes) == 3
    winner = people[won[0]]
    assert await owner_of(client, customer) == str(winner.employee_id)
    # Asking again changes nothing.
    assert await claimed(database, customer, winner) == outcomes[won[0]]
    (told,) = await said(session, "customer.customer.transferred.v1")
    assert (told["how"], told["owner_id"]) == ("claimed", str(winner.employee_id))


async def test_nobody_holds_more_claimed_customers_than_the_policy_of_the_pool_says(
    client, database
):
    await a_policy(client, claim_limit=50)
    await a_policy(client, department_id=str(EAST), claim_limit=2)
    actor = somebody()
    await a_created_customer(client, owner_id=str(actor.employee_id))
    customers = [await pooled(client, name=f"客户{place}") for place in range(4)]

    outcomes = await asyncio.gather(
        *(claimed(database, customer, actor) for customer in customers), return_exceptions=True
    )

    # What was given by others does not count.
    assert sum(isinstance(outcome, int) for outcome in outcomes) == 2
    assert sum(isinstance(outcome, ClaimLimitReached) for outcome in outcomes) == 2


async def test_who_gave_a_customer_back_does_not_take_it_again_for_some_days(client, database):
    await a_policy(client, cool_down_days=7)
    customer, actor, other = await pooled(client), somebody(), somebody()
    await claimed(database, customer, actor)
    await released(database, customer, actor)

    with pytest.raises(ClaimCoolingDown):
        await claimed(database, customer, actor, now=utc_now() + timedelta(days=6))
    await claimed(database, customer, other)
    await released(database, customer, other)
    await claimed(database, customer, actor, now=utc_now() + timedelta(days=7, minutes=1))

    moves = (await client.get(f"/customer/v1/customers/{customer['id']}/moves")).json()
    assert [move["how"] for move in moves] == [
        "claimed",
        "released",
        "claimed",
        "released",
        "claimed",
    ]
    assert moves[1]["reason"] == "no time"


async def test_an_idle_customer_goes_back_once_and_never_without_a_warning(
    client, database, session
):
    await a_policy(client, department_id=str(EAST), recycle_after_days=30, warn_before_days=5)
    actor = somebody()
    idle, spoken_with, elsewhere = (
        await pooled(client, owner_id=str(actor.employee_id)),
        await pooled(client, name="海达", owner_id=str(actor.employee_id)),
        await pooled(
            client, name="北方", owner_id=str(actor.employee_id), department_id=str(NORTH)
        ),
    )
    start = utc_now()

    early = await tended(database, start + timedelta(days=24))
    warned = await tended(database, start + timedelta(days=26))
    # Somebody speaks with one of the two.
    async with database.transaction() as writing:
        await writing.execute(
            text("""
                INSERT INTO interactions (id, customer_id, channel, direction, occurred_at, subject,
                    logged_by, earlier_texts, version, created_at, updated_at)
                SELECT gen_random_uuid(), id, 'phone', 'outbound', CAST(:at AS timestamptz), 'x',
                    'x', '[]', 1, now(), now()
                FROM customers WHERE id = :id
            """),
            {"at": start + timedelta(days=27), "id": UUID(spoken_with["id"])},
        )
    too_soon = await tended(database, start + timedelta(days=30, hours=1))
    due = await tended(database, start + timedelta(days=31, hours=1))
    again = await tended(database, start + timedelta(days=31, hours=2))

    assert (early, warned, too_soon, due, again) == ((0, 0), (2, 0), (0, 0), (0, 1), (0, 0))
    assert await owner_of(client, idle) is None
    assert await owner_of(client, spoken_with) == str(actor.employee_id)
    assert await owner_of(client, elsewhere) == str(actor.employee_id)
    announced = await said(session, "customer.customer.recycle_announced.v1")
    assert {each["customer_id"] for each in announced} == {idle["id"], spoken_with["id"]}
    (told,) = await said(session, "customer.customer.transferred.v1")
    assert (told["how"], told["from_owner_id"]) == ("idle", str(actor.employee_id))


async def test_after_downtime_the_warning_still_comes_first(client, database):
    await a_policy(client, recycle_after_days=30, warn_before_days=5)
    await pooled(client, owner_id=str(uuid4()))
    late = utc_now() + timedelta(days=90)

    runs = [await tended(database, late + timedelta(days=days)) for days in (0, 4, 6)]

    assert runs == [(1, 0), (0, 0), (0, 1)]


async def test_a_warning_from_before_somebody_spoke_with_the_customer_counts_no_more(
    client, database
):
    await a_policy(client, recycle_after_days=30, warn_before_days=5)
    customer = await pooled(client, owner_id=str(uuid4()))
    start = utc_now()
    await tended(database, start + timedelta(days=26))
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO interactions (id, customer_id, channel, direction, occurred_at, subject,
                    logged_by, earlier_texts, version, created_at, updated_at)
                VALUES (gen_random_uuid(), :id, 'phone', 'outbound', CAST(:at AS timestamptz), 'x',
                    'x', '[]', 1, now(), now())
            """),
            {"at": start + timedelta(days=27), "id": UUID(customer["id"])},
        )

    async with database.transaction() as session:
        recycled = await pools.recycle_idle_customers(session, now=start + timedelta(days=90))

    assert recycled == 0


async def test_several_workers_put_a_customer_back_once(client, database, session):
    await a_policy(client, recycle_after_days=30, warn_before_days=0)
    for place in range(6):
        await pooled(client, name=f"客户{place}", owner_id=str(uuid4()))
    late = utc_now() + timedelta(days=31)

    await asyncio.gather(*(tended(database, late) for _ in range(3)))
    await tended(database, late)

    assert len(await said(session, "customer.customer.recycle_announced.v1")) == 6
    assert len(await said(session, "customer.customer.transferred.v1")) == 6


async def test_the_pool_is_seen_by_its_department_and_region_only(client, database):
    region, actor = uuid4(), somebody(EAST)
    traveller = somebody(NORTH, regions=[region])
    in_east = await pooled(client)
    in_region = await a_created_customer(client, name="区域", region_id=str(region))
    nobodys = await a_created_customer(client, name="无处")
    of_partner = await pooled(client, name="经销", partner_id=str(uuid4()))
    owned = await pooled(client, name="已有", owner_id=str(uuid4()))

    async def sees(actor):
        async with database.reading() as session:
            narrow(session, own_rows(actor))
            seen = await pools.list_customer_pools(session, actor=actor)
            return [(pool.department_id, pool.region_id, pool.customers) for pool in seen]

    assert await sees(actor) == [(EAST, None, 1)]
    assert await sees(traveller) == [(None, region, 1)]
    for customer, refusal in (
        (in_region, CustomerNotFound),
        (nobodys, CustomerNotFound),
        (of_partner, CustomerNotFound),
        (owned, CustomerHasOwner),
    ):
        with pytest.raises(refusal):
            await claimed(database, customer, actor)
    await claimed(database, in_east, actor)
    await claimed(database, in_region, traveller)


async def test_a_partner_has_no_pool_and_its_customers_lie_in_none(client, database):
    partner = uuid4()
    customer = await pooled(client, partner_id=str(partner))
    dealer = Actor(id="dealer", employee_id=uuid4(), partner_id=partner)

    with pytest.raises(CustomerOfPartner):
        await claimed(database, customer, dealer, rows=Rows(wall=partner))
    with pytest.raises(CustomerNotFound):
        await claimed(database, await pooled(client), dealer, rows=Rows(wall=partner))
    with pytest.raises(ClaimantNotEmployee):
        await claimed(database, customer, Actor(id="program"))


async def test_only_its_owner_or_who_assigns_customers_gives_one_back(client, database):
    customer, actor = await pooled(client), somebody()
    await claimed(database, customer, actor)

    with pytest.raises(CustomerNotYours):
        await released(database, customer, somebody())
    response = await client.post(
        f"/customer/v1/customers/{customer['id']}:release", json={"reason": "left open too long"}
    )

    assert response.status_code == 200, response.text
    assert await owner_of(client, customer) is None


async def test_a_manager_hands_a_customer_out(client, hear, session):
    employee, department = uuid4(), uuid4()
    await hear(
        "channel.employee.changed.v1",
        subject=employee,
        employee_id=employee,
        number="E1",
        name="李强",
        department_id=department,
        state="active",
    )
    customer = await pooled(client)
    path = f"/customer/v1/customers/{customer['id']}:assign"

    response = await client.post(path, json={"owner_id": str(employee), "reason": "knows them"})
    again = await client.post(path, json={"owner_id": str(employee), "reason": "knows them"})
    unknown = await client.post(path, json={"owner_id": str(uuid4()), "reason": "x"})

    assert response.status_code == 200, response.text
    assert (response.json()["owner_id"], response.json()["department_id"]) == (
        str(employee),
        str(department),
    )
    assert (again.status_code, again.json()["code"]) == (409, "customer_has_owner")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "employee_not_known")
    (told,) = await said(session, "customer.customer.transferred.v1")
    assert (told["how"], told["reason"]) == ("assigned", "knows them")


async def test_a_transfer_by_hand_is_among_the_moves_and_cools_down_as_well(client, database):
    customer, actor = await pooled(client), somebody()
    await claimed(database, customer, actor)
    response = await client.post(
        f"/customer/v1/customers/{customer['id']}:transfer",
        json={"owner_id": None, "department_id": str(EAST), "reason": "off"},
    )

    assert response.status_code == 200, response.text
    with pytest.raises(ClaimCoolingDown):
        await claimed(database, customer, actor)
