"""What is known of a customer beside its record is seen by who sees the record, and by right."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio

from common.clock import utc_now
from common.ids import new_id
from customer.segments.use_cases import refresh_next
from customer.transactions.model import KnownOrder

from .conftest import Guard, Guarded

CUSTOMERS, SEGMENTS = "/customer/v1/customers", "/customer/v1/segments"


@pytest_asyncio.fixture
async def customer(guard: Guard):
    return await guard("customer")


def an_order(customer_id: UUID, number: str, **scope: UUID) -> KnownOrder:
    return KnownOrder(
        id=new_id(),
        customer_id=customer_id,
        number=number,
        state="confirmed",
        total=Decimal(100),
        currency="CNY",
        ordered_on=date(2026, 3, 2),
        told_at=datetime(2026, 3, 2, tzinfo=UTC),
        **scope,
    )


@pytest.mark.capability("CUS-29")
@pytest.mark.capability("X-05")
async def test_members_and_sizes_are_of_the_customers_that_one_sees(customer: Guarded):
    office, other = await customer.department(), await customer.department()
    writer, _ = await customer.signed_in("customer.*")
    for place in (office, other):
        made = await writer.post(
            CUSTOMERS,
            json={"name": f"海达 {new_id()}", "department_id": str(place), "city": "杭州"},
        )
        assert made.status_code == 201, made.text
    conditions = [{"field": "city", "op": "is", "value": "杭州"}]
    reader = customer.client(
        await customer.account(
            await customer.role("customer.*.read", scope="department"),
            employee_id=await customer.employee(office),
        )
    )
    segment = await writer.post(
        SEGMENTS,
        json={"name": "杭州", "conditions": conditions, "department_id": str(office)},
    )
    assert segment.status_code == 201, segment.text
    while await refresh_next(customer.database, now=utc_now()):
        pass

    async def seen(client):
        size = (await client.post(f"{SEGMENTS}:preview", json={"conditions": conditions})).json()
        members = await client.get(f"{SEGMENTS}/{segment.json()['id']}/members")
        return size["size"], len(members.json()["data"])

    assert (await seen(writer), await seen(reader)) == ((2, 2), (1, 1))


@pytest.mark.capability("CUS-17")
@pytest.mark.capability("CUS-22")
@pytest.mark.capability("X-05")
async def test_a_partner_sees_its_own_orders_of_a_customer_and_no_part_without_the_right(
    customer: Guarded,
):
    partner, rival = new_id(), new_id()
    writer, _ = await customer.signed_in("customer.*")
    made = await writer.post(CUSTOMERS, json={"name": "海达", "partner_id": str(partner)})
    customer_id = UUID(made.json()["id"])
    async with customer.database.transaction() as session:
        session.add_all(
            [
                an_order(customer_id, "O-own", partner_id=partner),
                an_order(customer_id, "O-rival", partner_id=rival),
            ]
        )
    dealer = customer.client(
        await customer.account(
            await customer.role(
                "customer.customers.read", "customer.transactions.read", scope="partner"
            ),
            partner_id=partner,
        )
    )

    orders = (await dealer.get(f"{CUSTOMERS}/{customer_id}/transactions")).json()["data"]
    summary = (await dealer.get(f"{CUSTOMERS}/{customer_id}/transaction-summary")).json()
    overview = (await dealer.get(f"{CUSTOMERS}/{customer_id}/overview")).json()

    assert [row["number"] for row in orders] == ["O-own"]
    assert summary["totals"][0]["orders"] == 1
    assert overview["transactions"]["data"]["totals"][0]["orders"] == 1
    assert (overview["standing"]["state"], overview["standing"]["data"]) == ("not_permitted", None)
    assert overview["contacts"]["state"] == "not_permitted"


@pytest.mark.capability("CUS-06")
@pytest.mark.capability("X-05")
async def test_a_transfer_is_its_starters_and_takes_nobody_out_of_the_pool(customer: Guarded):
    office = await customer.department()
    own = await customer.role("customer.*", scope="department")
    people = [await customer.employee(office) for _ in range(2)]
    starter, colleague = [
        customer.client(await customer.account(own, employee_id=person)) for person in people
    ]
    headquarters, _ = await customer.signed_in("customer.*")
    seller = customer.client(
        await customer.account(
            await customer.role("customer.customers.transfer", scope="department"),
            employee_id=await customer.employee(office),
        )
    )
    for name, owner in (("海达", str(people[0])), ("远航", None)):
        body = {"name": name, "department_id": str(office), "owner_id": owner}
        made = await headquarters.post(CUSTOMERS, json=body)
        assert made.status_code == 201, made.text
    asked = {
        "filter": {"department_id": str(office)},
        "owner_id": str(people[1]),
        "department_id": str(office),
        "reason": "离职交接",
    }

    of_a_seller = await seller.post(f"{CUSTOMERS}:transfer", json=asked)
    of_the_starter = await starter.post(f"{CUSTOMERS}:transfer", json=asked)

    assert (of_a_seller.json()["total"], of_the_starter.json()["total"]) == (1, 2)
    path = of_the_starter.headers["operation-location"]
    seen = [(await who.get(path)).status_code for who in (starter, headquarters, colleague)]
    assert seen == [200, 200, 404]
