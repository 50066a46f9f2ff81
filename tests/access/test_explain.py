"""The explanation endpoint, asked by those whom a decision concerns."""

import pytest

from common.ids import new_id

from .conftest import Guard

pytestmark = pytest.mark.capability("X-05")

EXPLAIN = "/channel/v1/authorization:explain"


async def ask(client, right="sales.quotes.write", **more):
    answer = await client.post(EXPLAIN, json={"right": right, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_deciding_grant_is_named(guard: Guard):
    guarded = await guard("channel")
    office = await guarded.department()
    person = await guarded.employee(office)
    roles = [
        await guarded.role("sales.*", scope="own"),
        await guarded.role("sales.*.write", scope="subtree"),
    ]
    client = guarded.client(await guarded.account(*roles, employee_id=person))

    ours = await ask(client, record={"department_id": str(office)})
    foreign = await ask(client, record={"department_id": str(new_id())})

    assert (ours["is_allowed"], ours["scope"], ours["missing"]) == (True, "subtree", None)
    assert (foreign["is_allowed"], foreign["missing"]) == (False, "scope")
    assert [grant["scope"] for grant in foreign["considered"]] == ["subtree", "own"]


async def test_the_missing_right_is_named(guard: Guard):
    guarded = await guard("channel")
    client, _ = await guarded.signed_in("customer.*")

    answer = await ask(client)

    assert (answer["is_allowed"], answer["missing"]) == (False, "sales.quotes.write")


async def test_only_who_reads_accounts_asks_about_others(guard: Guard):
    guarded = await guard("channel")
    client, account = await guarded.signed_in("sales.*")
    administrator, _ = await guarded.signed_in("*")

    assert (await ask(administrator, account_id=str(account)))["is_allowed"]
    refused = await client.post(
        EXPLAIN, json={"right": "sales.quotes.write", "account_id": str(new_id())}
    )
    assert refused.status_code == 403
    unknown = await administrator.post(
        EXPLAIN, json={"right": "sales.quotes.write", "account_id": str(new_id())}
    )
    assert unknown.status_code == 404
