"""A look at what is not one's own is answered as if nothing was there, and remembered."""

import time

import httpx
import pytest
from sqlalchemy import text

from common.access import refused_looks
from common.audit.beside import REFUSED_LOOK
from common.audit.verify import records_of, verify
from common.ids import new_id
from common.testing.databases import as_owner

from .conftest import Guard, Guarded

pytestmark = [pytest.mark.capability("X-05"), pytest.mark.capability("P-17")]

CUSTOMERS, CONTACTS = "/customer/v1/customers", "/customer/v1/contacts"
ENTRIES = "/customer/v1/audit-entries"


@pytest.fixture
async def customer(guard: Guard):
    return await guard("customer")


async def a_customer(client: httpx.AsyncClient, **facts) -> str:
    made = await client.post(CUSTOMERS, json={"name": f"海达 {new_id()}", **facts})
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def dealer(customer: Guarded) -> tuple[httpx.AsyncClient, str]:
    client, account = await customer.signed_in("customer.*", partner_id=new_id())
    return client, str(account)


async def looks(customer: Guarded, **asked) -> list[dict]:
    await customer.app.state.refused_looks.settled()
    auditor, _ = await customer.signed_in("customer.audit.inspect")
    answer = await auditor.get(ENTRIES, params={"record_type": REFUSED_LOOK, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.parametrize(
    ("method", "below", "body", "operation"),
    [
        ("GET", "", None, "get_customer"),
        ("PATCH", "", {"name": "我的"}, "update_customer"),
        ("DELETE", "", None, "delete_customer"),
        ("POST", ":restore", None, "restore_customer"),
        ("GET", "/subsidiaries", None, "list_subsidiaries"),
    ],
)
async def test_the_answer_is_that_of_nothing_and_the_look_is_written(
    customer: Guarded, method, below, body, operation
):
    owner, _ = await customer.signed_in("customer.*")
    foreign = await a_customer(owner)
    client, account = await dealer(customer)

    answer = await client.request(method, f"{CUSTOMERS}/{foreign}{below}", json=body)
    nothing = await client.request(method, f"{CUSTOMERS}/{new_id()}{below}", json=body)

    assert answer.status_code == nothing.status_code == 404
    assert answer.json().keys() == nothing.json().keys()
    assert answer.headers.keys() == nothing.headers.keys()
    (look,) = await looks(customer)
    assert (look["record_id"], look["actor_id"], look["action"]) == (foreign, account, "refused")
    assert look["changes"] == {"operation": [None, operation], "looked_for": [None, "customers"]}
    assert look["request_id"] == answer.json()["request_id"]


async def test_nothing_is_written_of_what_is_not_there_or_is_ones_own(customer: Guarded):
    client, _ = await dealer(customer)
    own = await a_customer(client)
    assert (await client.delete(f"{CUSTOMERS}/{own}")).status_code == 204

    assert (await client.get(f"{CUSTOMERS}/{new_id()}")).status_code == 404
    assert (await client.get(f"{CUSTOMERS}/{own}/subsidiaries")).status_code in (200, 404)
    assert (await client.patch(f"{CUSTOMERS}/{own}", json={"name": "x"})).status_code == 404

    assert await looks(customer) == []


async def test_ids_in_bodies_and_batches_are_looks_as_well(customer: Guarded):
    owner, _ = await customer.signed_in("customer.*")
    one, other = await a_customer(owner), await a_customer(owner)
    client, _ = await dealer(customer)

    single = await client.post(CONTACTS, json={"customer_id": one, "name": "王芳"})
    batch = await client.post(
        f"{CONTACTS}:batch", json={"items": [{"customer_id": other, "name": "李强"}]}
    )

    assert (single.status_code, batch.json()["results"][0]["status"]) == (404, 404)
    assert {look["record_id"] for look in await looks(customer)} == {one, other}


async def test_no_event_says_it_and_the_chain_stays_whole(customer: Guarded):
    owner, _ = await customer.signed_in("customer.*")
    foreign = await a_customer(owner)
    for _ in range(2):
        client, _ = await dealer(customer)
        await client.get(f"{CUSTOMERS}/{foreign}")
    await customer.app.state.refused_looks.settled()

    async with customer.database.reading() as session:
        said = await session.execute(
            text("SELECT count(*) FROM event_log WHERE aggregate_id = :id"), {"id": foreign}
        )
    assert said.scalar_one() == 1
    assert [look["version"] for look in await looks(customer, record_id=foreign)] == [2, 1]
    auditor, _ = await customer.signed_in("customer.audit.inspect")
    history = await auditor.get(ENTRIES, params={"record_id": foreign})
    assert [entry["action"] for entry in history.json()["data"]] == ["created"]
    found = await verify(customer.database, records_of("customer"))
    assert found.faults == []
    async with customer.database.transaction() as session:
        await as_owner(session)
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("UPDATE audit_entries SET actor_id = 'x' WHERE action = 'refused' AND version = 1")
        )
    assert len((await verify(customer.database, records_of("customer"))).faults) == 1


async def test_who_goes_on_probing_does_not_fill_the_disk(customer: Guarded, monkeypatch):
    monkeypatch.setattr(refused_looks, "MOST_OF_ACTOR", 3)
    owner, _ = await customer.signed_in("customer.*")
    foreign = [await a_customer(owner) for _ in range(5)]
    client, account = await dealer(customer)

    for record in [*foreign, *foreign]:
        await client.get(f"{CUSTOMERS}/{record}")
    assert len(await looks(customer)) == 3

    monkeypatch.setattr(refused_looks, "WINDOW_S", -1.0)
    await client.get(f"{CUSTOMERS}/{foreign[0]}")
    assert len(await looks(customer, actor_id=account)) == 4


async def test_the_answer_waits_for_nothing_that_is_written(customer: Guarded):
    owner, _ = await customer.signed_in("customer.*")
    foreign = await a_customer(owner)
    client, _ = await dealer(customer)
    await client.get(f"{CUSTOMERS}/{new_id()}")
    async with customer.database.transaction() as holding:
        await as_owner(holding)
        await holding.execute(text("LOCK TABLE audit_entries IN EXCLUSIVE MODE"))
        started = time.monotonic()
        answer = await client.get(f"{CUSTOMERS}/{foreign}")
        took = time.monotonic() - started
    assert (answer.status_code, took < 5) == (404, True)
    assert len(await looks(customer)) == 1
