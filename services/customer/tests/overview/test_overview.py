from uuid import UUID, uuid4

import pytest

from customer.transactions.model import OrderState
from customer.transactions.use_cases import keep_order, say_that_it_listens

from ..builders import a_created_customer, an_added_contact
from ..standings.builders import assess_all
from ..transactions.builders import SCOPE, an_order, confirmed

CONTRACT = {
    "number": "CT2026-000001",
    "kind": "sales",
    "title": "离心泵采购合同",
    "total": "1000.00",
    "currency": "CNY",
    "starts_on": "2020-01-01",
    "ends_on": "2099-12-31",
    **SCOPE,
}


async def overview_of(client, customer):
    response = await client.get(f"/customer/v1/customers/{customer['id']}/overview")
    assert response.status_code == 200, response.text
    return response.json()


async def listening(database):
    async with database.transaction() as session:
        await say_that_it_listens(session)


@pytest.mark.capability("CUS-22")
async def test_one_read_shows_all_that_is_known_each_part_with_its_age(client, hear, database):
    customer = await a_created_customer(client)
    await an_added_contact(client, customer)
    await confirmed(hear, an_order(customer))
    contract_id, ticket_id = uuid4(), uuid4()
    contract = {**CONTRACT, "customer_id": customer["id"]}
    await hear("contract.contract.drafted.v1", subject=contract_id, **contract)
    await hear("contract.contract.signed.v1", subject=contract_id, **contract)
    await hear(
        "service_desk.ticket.opened.v1",
        subject=ticket_id,
        number="T2026-000001",
        customer_id=customer["id"],
        category="hardware",
        priority="high",
        opened_at="2026-03-02T04:00:00Z",
        **SCOPE,
    )
    await assess_all(database)
    await listening(database)

    shown = await overview_of(client, customer)

    assert shown["profile"]["data"]["id"] == customer["id"]
    assert shown["contacts"]["data"]["count"] == 1
    assert shown["standing"]["data"]["stage"] == "first_purchase"
    assert shown["transactions"]["data"]["totals"][0]["amount"] == "1000.00"
    assert len(shown["transactions"]["data"]["latest"]) == 1
    assert (shown["contracts"]["data"]["in_force"], shown["tickets"]["data"]["open"]) == (1, 1)
    assert {part["state"] for part in shown.values()} == {"current"}
    assert all(part["as_of"] for part in shown.values())

    await hear(
        "service_desk.ticket.closed.v1",
        subject=ticket_id,
        ticket_id=str(ticket_id),
        closed_at="2026-03-03T04:00:00Z",
        **SCOPE,
    )
    assert (await overview_of(client, customer))["tickets"]["data"]["open"] == 0


@pytest.mark.capability("CUS-22")
async def test_a_part_that_is_behind_or_was_never_heard_of_spoils_no_other(client, hear, database):
    customer = await a_created_customer(client)
    order = an_order(customer)
    await confirmed(hear, order)
    await hear(
        "contract.contract.drafted.v1", subject=uuid4(), customer_id=customer["id"], **CONTRACT
    )
    # Its first event is missing.
    hear._versions["contract.contract", gap := uuid4()] = 1
    await hear("contract.contract.signed.v1", subject=gap, customer_id=customer["id"], **CONTRACT)
    await listening(database)

    shown = await overview_of(client, customer)

    states = {name: part["state"] for name, part in shown.items()}
    assert states == {
        "profile": "current",
        "contacts": "current",
        "standing": "current",
        "transactions": "current",
        "payments": "current",
        "contracts": "behind",
        "tickets": "never_heard",
    }
    assert shown["contracts"]["data"]["count"] == 1
    assert (shown["tickets"]["as_of"], shown["tickets"]["data"]["count"]) == (None, 0)


async def test_what_is_told_before_the_order_is_known_changes_nothing(database):
    async with database.transaction() as session:
        await keep_order(session, UUID(int=1), {"state": OrderState.SHIPPED})
