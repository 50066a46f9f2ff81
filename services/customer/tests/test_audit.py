"""The audit trail through the API: who changed which field, also where nobody asked for it."""

import json

import pytest

from common.audit.verify import records_of, verify
from common.auth import LOCAL_OPERATOR
from common.imports.jobs import ImportRunner
from customer.imports.targets import TARGETS

from .builders import a_created_customer, an_added_contact
from .transactions.builders import an_order, confirmed

pytestmark = pytest.mark.capability("P-17")


async def trail_of(client, record_id, **filters):
    response = await client.get(
        "/customer/v1/audit-entries", params={"record_id": record_id, **filters}
    )
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def patch(client, customer, request_id="req-7", **changes):
    return await client.patch(
        f"/customer/v1/customers/{customer['id']}",
        json=changes,
        headers={"X-Request-ID": request_id},
    )


async def test_a_change_is_told_from_what_to_what_by_whom_and_through_which_request(client):
    customer = await a_created_customer(client, city="北京", annual_revenue="1250.50")

    await patch(client, customer, city="上海", annual_revenue=None)

    changed, created = await trail_of(client, customer["id"])
    assert changed["changes"] == {"city": ["北京", "上海"], "annual_revenue": ["1250.5", None]}
    assert (changed["action"], changed["version"]) == ("updated", 2)
    assert changed["record_type"] == "customer.customer"
    assert changed["actor_id"] == LOCAL_OPERATOR.id
    assert changed["request_id"] == "req-7"
    assert changed["events"] == ["customer.customer.updated.v1"]
    assert changed["previous_hash"] == created["hash"]
    assert created["changes"]["city"] == [None, "北京"]


async def test_what_was_refused_leaves_no_entry(client):
    customer = await a_created_customer(client)

    refused = await patch(client, customer, name="新名", parent_id=customer["id"])

    assert refused.status_code == 422
    assert [entry["action"] for entry in await trail_of(client, customer["id"])] == ["created"]


async def test_what_changes_nothing_leaves_no_entry(client):
    customer = await a_created_customer(client, city="北京")

    assert (await patch(client, customer, city="北京")).status_code == 200

    assert len(await trail_of(client, customer["id"])) == 1


async def test_what_an_event_changed_is_there_with_the_event_that_caused_it(client, hear):
    customer = await a_created_customer(client)

    order = await confirmed(hear, an_order(customer))

    entry = (await trail_of(client, customer["id"]))[0]
    assert entry["changes"] == {"status": ["prospect", "active"]}
    assert entry["causation_id"] == str(order.envelope.id)
    assert entry["request_id"] is None


async def test_what_an_import_brought_is_there_with_who_started_it(client, database):
    started = await client.post(
        "/customer/v1/imports",
        files={"file": ("a.csv", "name,id\n远航,7\n".encode())},
        data={
            "target": "customers",
            "mapping": json.dumps(
                {
                    "external_source": "old",
                    "fields": {"name": {"column": "name"}, "external_id": {"column": "id"}},
                }
            ),
        },
    )
    while await ImportRunner(TARGETS)(database):
        pass

    (customer,) = (await client.get("/customer/v1/customers")).json()["data"]
    (entry,) = await trail_of(client, customer["id"])
    assert entry["actor_id"] == LOCAL_OPERATOR.id
    assert entry["correlation_id"] == started.json()["id"]
    assert entry["changes"]["external_id"] == [None, "7"]


async def test_the_whole_trail_of_the_service_is_whole(client, database):
    customer = await a_created_customer(client)
    await an_added_contact(client, customer)
    await patch(client, customer, city="上海")

    found = await verify(database, records_of("customer"))

    assert (found.entries, found.records, found.faults) == (3, 2, [])
