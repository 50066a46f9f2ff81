import asyncio
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from common.clock import utc_now
from common.days import ZONE, day_of
from common.testing.service import said
from customer.reminders import use_cases as reminders
from customer.reminders.model import birthdays_on

from ..builders import a_created_customer, an_added_contact

pytestmark = [pytest.mark.capability("CUS-20")]

RULES = "/customer/v1/reminder-rules"


async def a_rule(client, **values):
    response = await client.post(
        RULES, json={"name": "该联系了", "kind": "no_contact", "days": 30, **values}
    )
    assert response.status_code == 201, response.text
    return response.json()


async def owned(client, **values):
    return await a_created_customer(client, **{"owner_id": str(uuid4()), **values})


async def planned(database, now):
    async with database.transaction() as session:
        return await reminders.plan_by_rules(session, now=now)


async def spoke(database, customer, at, contact=None, promised_on=None):
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO interactions (id, customer_id, contact_id, channel, direction,
                    occurred_at, subject, logged_by, earlier_texts, promised_on, version,
                    created_at, updated_at)
                VALUES (gen_random_uuid(), :id, :contact_id, 'phone', 'outbound', :at, 'x', 'x',
                    '[]', :promised_on, 1, now(), now())
            """),
            {
                "id": UUID(customer["id"]),
                "contact_id": contact and UUID(contact["id"]),
                "at": at,
                "promised_on": promised_on,
            },
        )


async def graded(database, customer, grade):
    async with database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO standings (id, grade, order_count, breakdown, stage, lifecycle_version,
                    assessed_by)
                VALUES (:id, :grade, 0, '[]', 'potential', 0, '')
                ON CONFLICT (id) DO UPDATE SET grade = EXCLUDED.grade
            """),
            {"id": UUID(customer["id"]), "grade": grade},
        )


async def follow_ups(client):
    return (await client.get("/customer/v1/follow-ups")).json()["data"]


async def test_silence_is_reminded_of_once_until_somebody_speaks_and_is_silent_again(
    client, database, session
):
    await a_rule(client)
    customer = await owned(client)
    await a_created_customer(client, name="公海")
    start = utc_now()

    def later(days):
        return start + timedelta(days=days)

    first = [await planned(database, later(days)) for days in (29, 31, 32, 200)]
    await spoke(database, customer, later(201))
    second = [await planned(database, later(days)) for days in (202, 230, 232, 233)]

    assert (first, second) == ([0, 1, 0, 0], [0, 0, 1, 0])
    planned_there = await follow_ups(client)
    assert {each["cause"] for each in planned_there} == {"no_contact"}
    assert {each["subject"] for each in planned_there} == {"该联系了"}
    assert {each["owner_id"] for each in planned_there} == {customer["owner_id"]}
    told = await said(session, "customer.follow_up.planned.v1")
    assert [each["cause"] for each in told] == ["no_contact", "no_contact"]


async def test_each_grade_has_its_days(client, database):
    await a_rule(client, name="A", days=30, grades=["A"])
    await a_rule(client, name="B和C", days=90, grades=["B", "C"])
    best, second = await owned(client), await owned(client, name="海达")
    await owned(client, name="未定级")
    await graded(database, best, "A")
    await graded(database, second, "B")

    counts = [await planned(database, utc_now() + timedelta(days=days)) for days in (31, 91)]

    assert counts == [1, 1]
    assert {(each["customer_id"], each["subject"]) for each in await follow_ups(client)} == {
        (best["id"], "A"),
        (second["id"], "B和C"),
    }


async def test_several_workers_plan_for_a_cause_once(client, database):
    await a_rule(client)
    for place in range(3):
        await owned(client, name=f"客户{place}")
    late = utc_now() + timedelta(days=365)

    async with database.transaction() as session:
        first = await reminders.plan_by_rules(session, now=late)
        second = asyncio.create_task(planned(database, late))
        await asyncio.sleep(0.2)
        assert not second.done()

    assert (first, await second) == (3, 0)


async def test_a_rule_that_is_switched_off_plans_nothing(client, database):
    rule = await a_rule(client)
    await owned(client)
    response = await client.patch(
        f"{RULES}/{rule['id']}", json={"is_active": False}, headers={"If-Match": '"1"'}
    )

    assert response.status_code == 200, response.text
    assert await planned(database, utc_now() + timedelta(days=365)) == 0


async def test_only_birthdays_have_no_days_of_their_own(client):
    for values in ({"kind": "birthday", "days": 3}, {"kind": "no_contact", "days": None}):
        response = await client.post(RULES, json={"name": "x", **values})
        assert (response.status_code, response.json()["code"]) == (422, "days_of_reminder")


async def test_a_promised_date_is_reminded_of_before_it_comes(client, database):
    await a_rule(client, kind="promised_date", days=2)
    customer = await owned(client)
    start = utc_now()
    await spoke(database, customer, start, promised_on=day_of(start) + timedelta(days=10))

    counts = [await planned(database, start + timedelta(days=days)) for days in (7, 8, 9, 30)]

    assert counts == [0, 1, 0, 0]
    (follow_up,) = await follow_ups(client)
    assert follow_up["interaction_id"] is not None


async def test_a_birthday_is_reminded_of_by_the_parameter_and_every_year(client, database, hear):
    await hear(
        "channel.parameter.changed.v1",
        name="birthday_reminder_lead_days",
        value=5,
        effective_on="2020-01-01",
        reason="x",
    )
    await a_rule(client, kind="birthday", days=None)
    customer = await owned(client)
    birthday = day_of(utc_now()) + timedelta(days=20)
    if (birthday.month, birthday.day) == (2, 29):
        birthday += timedelta(days=1)
    contact = await an_added_contact(
        client, customer, birthday=birthday.replace(year=1980).isoformat()
    )

    counts = [
        await planned(database, utc_now() + timedelta(days=days)) for days in (14, 15, 20, 380, 381)
    ]

    assert sum(counts) == 2
    assert counts[:3] == [0, 1, 0]
    assert {each["contact_id"] for each in await follow_ups(client)} == {contact["id"]}


async def test_a_birthday_that_passed_while_no_worker_ran_is_wished_belatedly(client, database):
    await a_rule(client, kind="birthday", days=None)
    customer = await owned(client)
    birthday = day_of(utc_now()) + timedelta(days=30)
    await an_added_contact(client, customer, birthday=birthday.replace(year=1988).isoformat())

    counts = [await planned(database, utc_now() + timedelta(days=days)) for days in (36, 36, 45)]

    assert counts == [1, 0, 0]


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        (date(2027, 2, 28), {228}),
        (date(2027, 3, 1), {301, 229}),
        (date(2028, 2, 29), {229}),
        (date(2028, 3, 1), {301}),
        (date(2100, 3, 1), {301, 229}),
    ],
)
def test_who_was_born_on_29_february_has_a_birthday_every_year(day, kept):
    assert birthdays_on(day) == kept


async def test_a_birthday_on_29_february_is_reminded_of_in_any_year(client, database):
    await a_rule(client, kind="birthday", days=None)
    await an_added_contact(client, await owned(client), birthday="1992-02-29")

    def at(*day):
        return datetime(*day, 9, tzinfo=ZONE)

    counts = [
        await planned(database, now)
        for now in (at(2027, 2, 25), at(2027, 2, 26), at(2027, 3, 1), at(2028, 2, 26))
    ]

    assert counts == [0, 1, 0, 1]


@pytest.mark.capability("CUS-13")
async def test_who_opted_out_is_left_in_peace_until_they_opt_in(client, database):
    await a_rule(client)
    await a_rule(client, kind="birthday", days=None)
    customer = await owned(client)
    later = utc_now() + timedelta(days=60)
    contact = await an_added_contact(
        client,
        customer,
        is_primary=True,
        is_opted_out=True,
        preferred_channel="wechat",
        birthday=day_of(later).replace(year=1996).isoformat(),
    )

    quiet = await planned(database, later)
    await client.patch(f"/customer/v1/contacts/{contact['id']}", json={"is_opted_out": False})

    assert (quiet, await planned(database, later)) == (0, 2)
    assert {each["channel"] for each in await follow_ups(client)} == {"wechat"}
