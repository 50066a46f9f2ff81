from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from common.clock import utc_now
from common.pagination import PageRequest
from common.testing.service import said
from customer.verification import use_cases as verification
from customer.verification.model import FieldGroup

from ..builders import a_created_customer

pytestmark = [pytest.mark.capability("CUS-26")]

POLICIES = "/customer/v1/verification-policies"


async def a_policy(client, **values):
    response = await client.post(POLICIES, json={"field_group": "address", **values})
    assert response.status_code == 201, response.text
    return response.json()


async def verified(client, customer, **values):
    response = await client.post(
        f"/customer/v1/customers/{customer['id']}:verify",
        json={"field_group": "address", "result": "confirmed", **values},
    )
    assert response.status_code == 201, response.text
    return response.json()


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


async def due(database, days, grade=None):
    async with database.reading() as session:
        found = await verification.list_due(
            session,
            PageRequest(50, None, None, False, "", b"k" * 32),
            field_group=FieldGroup.ADDRESS,
            grade=grade,
            owner_id=None,
            now=utc_now() + timedelta(days=days),
        )
        return {str(each.customer_id) for each in found.data}


async def state_of(client, customer, group="address"):
    states = (await client.get(f"/customer/v1/customers/{customer['id']}/verification")).json()
    return next(each for each in states if each["field_group"] == group)


async def test_what_is_due_follows_from_age_and_grade(client, database):
    await a_policy(client, every_days=365)
    await a_policy(client, grade="A", every_days=90)
    best, other = await a_created_customer(client), await a_created_customer(client, name="海达")
    await graded(database, best, "A")

    assert await due(database, 89) == set()
    assert await due(database, 91) == {best["id"]}
    assert await due(database, 366) == {best["id"], other["id"]}
    assert await due(database, 366, grade="A") == {best["id"]}


async def test_without_a_policy_or_with_never_nothing_is_due(client, database):
    await a_created_customer(client)
    assert await due(database, 3000) == set()
    policy = await a_policy(client, every_days=10)
    assert len(await due(database, 11)) == 1
    response = await client.patch(
        f"{POLICIES}/{policy['id']}", json={"every_days": None}, headers={"If-Match": '"1"'}
    )
    assert response.status_code == 200, response.text
    assert await due(database, 3000) == set()


async def test_a_verification_counts_for_its_group_and_what_is_wrong_is_due_at_once(
    client, database, session
):
    await a_policy(client, every_days=30)
    customer = await a_created_customer(client)

    await verified(client, customer, result="changed", note="新地址")
    confirmed = await state_of(client, customer)
    other = await state_of(client, customer, "reachability")
    await verified(client, customer, result="wrong")
    wrong = await state_of(client, customer)

    assert confirmed["last_verified_at"] is not None
    assert confirmed["fields"] == ["country", "city", "address", "postcode"]
    assert (confirmed["last_result"], confirmed["is_due"]) == ("changed", False)
    assert other["last_verified_at"] is None
    assert (wrong["last_verified_at"], wrong["is_due"]) == (None, True)
    assert await due(database, 0) == {customer["id"]}
    await verified(client, customer)
    assert await due(database, 29) == set()
    assert await due(database, 31) == {customer["id"]}
    results = [each["result"] for each in await said(session, "customer.customer.verified.v1")]
    assert results == ["changed", "wrong", "confirmed"]


async def test_a_group_and_grade_have_one_policy(client):
    first = await a_policy(client, every_days=30)
    again = await client.post(POLICIES, json={"field_group": "address", "every_days": 60})

    assert (again.status_code, again.json()["existing_id"]) == (409, first["id"])
