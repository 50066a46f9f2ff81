"""Looking for duplicates: at a new customer, in an import, and when somebody asks."""

import pytest

from customer.customers.model import Customer

from ..builders import a_created_customer, an_added_contact

CUSTOMERS = "/customer/v1/customers"

pytestmark = [pytest.mark.capability("C-01"), pytest.mark.capability("X-16")]


async def policy(hear, value, source="created"):
    await hear(
        "channel.parameter.changed.v1",
        name=f"duplicate_customers_{source}",
        value=value,
        effective_on="2020-01-01",
    )


async def find(client, *items):
    response = await client.post(f"{CUSTOMERS}:find-duplicates", json={"items": items})
    assert response.status_code == 200, response.text
    return [each["candidates"] for each in response.json()["results"]]


@pytest.mark.capability("C-02")
async def test_many_are_asked_about_at_once_and_each_reason_is_said(client):
    there = await a_created_customer(
        client,
        name="杭州遠航機電有限公司",
        phone="138 0013 8000",
        email="Info@Yuanhang.example",
        tax_number="91330100MA27X0AB1C",
    )

    found = await find(
        client,
        {"name": "杭州远航机电股份有限公司"},
        {"phone": "+86 138-0013-8000", "name": "别的公司"},
        {"email": "info@yuanhang.example"},
        {"tax_number": "91330100ma27x0ab1c"},
        {"name": "杭州远行机电有限公司"},
        {"name": "远航机电（杭州）有限公司"},
        {"name": "上海大众汽车"},
    )

    assert [[each["customer_id"] for each in candidates] for candidates in found] == [
        *[[there["id"]]] * 6,
        [],
    ]
    reasons = [
        [(reason["field"], reason["similarity"]) for reason in candidates[0]["reasons"]]
        for candidates in found[:6]
    ]
    assert reasons[:4] == [
        [("name", 100)],
        [("phone", 100)],
        [("email", 100)],
        [("tax_number", 100)],
    ]
    assert [field for (field, similarity), *_ in reasons[4:] if similarity < 100] == ["name"] * 2


async def test_a_customer_is_found_by_how_its_people_are_reached_and_not_by_their_names(client):
    there = await a_created_customer(client, name="远航机电")
    await an_added_contact(client, there, name="王芳", mobile_phone="13800138000")

    by_phone, by_name = await find(client, {"phone": "138 0013 8000"}, {"name": "王芳"})

    assert [each["customer_id"] for each in by_phone] == [there["id"]]
    assert by_name == []


async def test_other_tax_numbers_are_other_companies(client):
    await a_created_customer(client, name="远航机电", tax_number="91330100MA27X0AB1C")

    (found,) = await find(client, {"name": "远航机电", "tax_number": "91330100MA27X0AB2D"})

    assert found == []


async def test_keys_follow_every_change_and_the_deleted_are_no_candidates(client):
    there = await a_created_customer(client, name="远航机电", phone="13800138000")
    await client.patch(f"{CUSTOMERS}/{there['id']}", json={"phone": "13900139000"})

    old, new = await find(client, {"phone": "13800138000"}, {"phone": "13900139000"})
    await client.delete(f"{CUSTOMERS}/{there['id']}")
    (deleted,) = await find(client, {"phone": "13900139000"})

    assert (old, [each["customer_id"] for each in new], deleted) == ([], [there["id"]], [])


async def test_by_default_a_duplicate_is_taken_on_with_a_warning(client):
    there = await a_created_customer(client, name="远航机电有限公司")

    taken = await a_created_customer(client, name="远航机电")

    assert taken["id"] != there["id"]
    assert [each["customer_id"] for each in taken["possible_duplicates"]] == [there["id"]]


async def test_a_duplicate_can_be_refused(client, hear):
    there = await a_created_customer(client, name="远航机电有限公司")
    await policy(hear, "block")

    refused = await client.post(CUSTOMERS, json={"name": "远航机电"})
    alike = await client.post(CUSTOMERS, json={"name": "远行机电有限公司"})
    known = await client.post(
        CUSTOMERS,
        json={"name": "远航机电", "not_duplicate_of": [there["id"], alike.json()["id"]]},
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "customer_is_there")
    assert refused.json()["existing_id"] == there["id"]
    assert refused.json()["candidates"][0]["reasons"] == [{"field": "name", "similarity": 100}]
    # What is only alike is not refused.
    assert alike.status_code == 201
    assert known.status_code == 201


async def test_a_duplicate_can_be_answered_with_the_one_that_is_there(client, hear):
    there = await a_created_customer(client, name="远航机电有限公司")
    await policy(hear, "link")

    linked = await client.post(CUSTOMERS, json={"name": "远航机电"})
    batch = await client.post(
        f"{CUSTOMERS}:batch", json={"items": [{"name": "远航机电"}, {"name": "上海大众"}]}
    )

    assert (linked.status_code, linked.json()["id"]) == (200, there["id"])
    assert [each["outcome"] for each in batch.json()["results"]] == ["unchanged", "created"]


async def test_keys_are_made_for_what_was_there_before_them(client, database, session):
    from sqlalchemy import text

    from customer.duplicates.keeping import make_missing_keys

    there = await a_created_customer(client, name="远航机电")
    async with database.transaction() as writing:
        await writing.execute(text("DELETE FROM duplicate_keys"))

    (before,) = await find(client, {"name": "远航机电"})
    while await make_missing_keys(database):
        pass
    (after,) = await find(client, {"name": "远航机电"})

    assert (before, [each["customer_id"] for each in after]) == ([], [there["id"]])


def test_every_field_that_makes_keys_is_watched():
    from customer.duplicates.keeping import READ_OF
    from customer.duplicates.model import keys_row

    customer = Customer(id=None, **dict.fromkeys(READ_OF[Customer]), number="C1")
    for field, value in {
        "name": "远航",
        "tax_number": "91330100MA27X0AB1C",
        "phone": "13800138000",
        "finance_phone": "13900139000",
        "email": "a@b.example",
    }.items():
        assert field in READ_OF[Customer]
        before = keys_row(customer)["tokens"]
        setattr(customer, field, value)
        assert keys_row(customer)["tokens"] != before
