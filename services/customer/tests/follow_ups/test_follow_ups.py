import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from common.auth import Actor
from common.clock import utc_now
from common.days import ZONE
from common.handovers import HandoverRunner
from common.pagination import PageRequest
from common.testing.service import said
from customer.follow_ups import use_cases as follow_ups
from customer.pools import use_cases as pools
from customer.worker import JOBS

from ..builders import a_created_customer, an_added_contact

PATH = "/customer/v1/follow-ups"
TOMORROW = timedelta(days=1)


def in_days(days):
    return (utc_now() + timedelta(days=days)).isoformat()


async def planned(client, customer, **values):
    response = await client.post(
        PATH,
        json={"customer_id": customer["id"], "subject": "回访", "due_at": in_days(1), **values},
    )
    assert response.status_code == 201, response.text
    return response.json()


async def act(client, follow_up, verb, body, status=200):
    response = await client.post(f"{PATH}/{follow_up['id']}:{verb}", json=body)
    assert response.status_code == status, response.text
    return response.json()


async def reminded(database, now):
    async with database.transaction() as session:
        return await follow_ups.remind_of_follow_ups(session, now=now)


@pytest.mark.capability("CUS-19")
async def test_a_plan_has_a_due_time_an_owner_and_a_state(client, session):
    owner = str(uuid4())
    customer = await a_created_customer(client, owner_id=owner)

    follow_up = await planned(client, customer)
    past = await client.post(
        PATH, json={"customer_id": customer["id"], "subject": "x", "due_at": in_days(-1)}
    )

    assert (follow_up["owner_id"], follow_up["state"]) == (owner, "open")
    assert (past.status_code, past.json()["code"]) == (422, "follow_up_due_in_past")
    (told,) = await said(session, "customer.follow_up.planned.v1")
    assert (told["owner_id"], told["cause"]) == (owner, "planned")


@pytest.mark.capability("CUS-19")
async def test_closing_one_can_plan_the_next_and_closes_once(client, session):
    customer = await a_created_customer(client, owner_id=str(uuid4()))
    first = await planned(client, customer)

    done = await act(
        client,
        first,
        "complete",
        {"outcome": "要样品", "next": {"subject": "寄样品", "due_at": in_days(3)}},
    )
    again = await act(client, first, "complete", {}, status=409)
    other = await planned(client, customer)
    await act(client, other, "cancel", {"reason": "moved away"})

    assert (done["state"], done["outcome"]) == ("done", "要样品")
    assert (done["next"]["previous_id"], done["next"]["owner_id"]) == (
        first["id"],
        first["owner_id"],
    )
    assert again["code"] == "follow_up_closed"
    still = (await client.get(PATH, params={"state": "open"})).json()["data"]
    assert [each["id"] for each in still] == [done["next"]["id"]]
    assert len(await said(session, "customer.follow_up.completed.v1")) == 1


@pytest.mark.capability("CUS-19")
async def test_what_is_overdue_is_listed_until_it_is_done(client, database):
    customer = await a_created_customer(client)
    soon, later = (
        await planned(client, customer),
        await planned(client, customer, due_at=in_days(9)),
    )
    async with database.reading() as session:
        follow_up = await follow_ups.get_follow_up(session, UUID(soon["id"]))
        assert not follow_up.is_overdue(utc_now())
        assert follow_up.is_overdue(utc_now() + TOMORROW * 2)

    async def overdue(days):
        async with database.reading() as session:
            page = PageRequest(50, None, None, False, "", b"k" * 32)
            found = await follow_ups.list_follow_ups(
                session, page, filters=[], is_overdue=True, now=utc_now() + timedelta(days=days)
            )
            return [str(each.id) for each in found.data]

    assert await overdue(0) == []
    assert await overdue(2) == [soon["id"]]
    assert await overdue(10) == [soon["id"], later["id"]]
    await act(client, soon, "complete", {})
    assert await overdue(10) == [later["id"]]


@pytest.mark.capability("CUS-19")
async def test_open_follow_ups_go_with_the_customer_and_those_of_others_stay(client, session):
    owner, new_owner, third = (str(uuid4()) for _ in range(3))
    customer = await a_created_customer(client, owner_id=owner)
    mine, done, thirds = (
        await planned(client, customer),
        await planned(client, customer),
        await planned(client, customer, owner_id=third),
    )
    await act(client, done, "complete", {})

    response = await client.post(
        f"/customer/v1/customers/{customer['id']}:transfer",
        json={"owner_id": new_owner, "department_id": None, "reason": "split"},
    )

    assert response.status_code == 200, response.text
    owners = {each["id"]: each["owner_id"] for each in (await client.get(PATH)).json()["data"]}
    assert owners == {mine["id"]: new_owner, done["id"]: owner, thirds["id"]: third}
    (told,) = await said(session, "customer.follow_up.passed_on.v1")
    assert (told["follow_up_id"], told["from_owner_id"]) == (mine["id"], owner)


@pytest.mark.capability("CUS-19")
async def test_open_follow_ups_of_a_customer_wait_in_the_pool_for_who_takes_it(client, database):
    customer = await a_created_customer(client, owner_id=str(uuid4()))
    follow_up = await planned(client, customer)
    actor = Actor(id="x", employee_id=uuid4())

    await client.post(
        f"/customer/v1/customers/{customer['id']}:release", json={"reason": "no time"}
    )
    waiting = (await client.get(f"{PATH}/{follow_up['id']}")).json()["owner_id"]
    async with database.transaction() as session:
        await pools.claim_customer(session, UUID(customer["id"]), actor=actor, now=utc_now())

    assert waiting is None
    taken = (await client.get(f"{PATH}/{follow_up['id']}")).json()["owner_id"]
    assert taken == str(actor.employee_id)


@pytest.mark.capability("CUS-19")
async def test_the_follow_ups_of_somebody_who_left_go_to_the_successor(client, hear, database):
    leaving, successor = uuid4(), uuid4()
    # With a customer of somebody else, so that only the follow-up moves.
    customer = await a_created_customer(client, owner_id=str(uuid4()))
    follow_up = await planned(client, customer, owner_id=str(leaving))
    await hear(
        "channel.employee.changed.v1",
        subject=leaving,
        employee_id=leaving,
        department_id=uuid4(),
        state="left",
        successor_id=successor,
    )

    (runner,) = [job for job in JOBS if isinstance(job, HandoverRunner)]
    while await runner(database):
        pass

    assert (await client.get(f"{PATH}/{follow_up['id']}")).json()["owner_id"] == str(successor)


@pytest.mark.capability("CUS-20")
async def test_the_owner_is_reminded_once_also_by_several_workers_and_after_downtime(
    client, database, session
):
    customer = await a_created_customer(client)
    follow_ups_there = [await planned(client, customer) for _ in range(3)]
    late = utc_now() + timedelta(days=40)

    early = await reminded(database, utc_now())
    counts = await asyncio.gather(*(reminded(database, late) for _ in range(3)))
    again = await reminded(database, late + TOMORROW)

    assert (early, sum(counts), again) == (0, 3, 0)
    told = await said(session, "customer.follow_up.due.v1")
    assert {each["follow_up_id"] for each in told} == {each["id"] for each in follow_ups_there}


@pytest.mark.capability("CUS-20")
async def test_another_due_time_reminds_again(client, database):
    follow_up = await planned(client, await a_created_customer(client))
    await reminded(database, utc_now() + TOMORROW * 2)

    response = await client.patch(f"{PATH}/{follow_up['id']}", json={"due_at": in_days(5)})

    assert response.json()["reminded_at"] is None
    assert await reminded(database, utc_now() + TOMORROW * 6) == 1


@pytest.mark.capability("CUS-13")
async def test_a_reminder_waits_for_the_hours_and_names_the_channel_of_the_contact(
    client, database, session
):
    customer = await a_created_customer(client)
    contact = await an_added_contact(
        client,
        customer,
        preferred_channel="wechat",
        preferred_from="09:00",
        preferred_until="11:00",
    )
    day = (utc_now().astimezone(ZONE) + TOMORROW).date()

    def at(hour, days=0):
        return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE) + timedelta(days=days)

    follow_up = await planned(client, customer, contact_id=contact["id"], due_at=at(3).isoformat())
    counts = [
        await reminded(database, now)
        # In the night, in the afternoon after a morning that nobody worked, and the next morning.
        for now in (at(4), at(14), at(8, days=1), at(9, days=1))
    ]

    assert datetime.fromisoformat(follow_up["remind_at"]) == at(9)
    assert counts == [0, 0, 0, 1]
    (told,) = await said(session, "customer.follow_up.due.v1")
    assert told["channel"] == "wechat"
