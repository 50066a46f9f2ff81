"""A class that stands in a statement twice is narrowed twice: under each of its names."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import aliased

from common.access.rows import Rows, narrow
from common.ids import new_id
from customer.customers.model import Customer
from customer.duplicates.use_cases import scan_on

from .conftest import Guard

pytestmark = [pytest.mark.capability("X-05"), pytest.mark.capability("N10")]
CUSTOMERS = "/customer/v1/customers"


async def test_an_alias_is_narrowed_as_its_class_is(guard: Guard):
    guarded = await guard("customer")
    operator, _ = await guarded.signed_in("*")
    ours, theirs = new_id(), new_id()
    parent = await operator.post(CUSTOMERS, json={"name": "金桥", "owner_id": str(theirs)})
    child = await operator.post(
        CUSTOMERS,
        json={"name": "海达", "owner_id": str(ours), "parent_id": parent.json()["id"]},
    )
    one, other = aliased(Customer), aliased(Customer)

    async with guarded.database.reading() as session:
        narrow(session, Rows(owner_id=ours))
        upwards = select(Customer.name, other.name).join(other, other.id == Customer.parent_id)
        downwards = select(Customer.name, other.name).join(other, other.parent_id == Customer.id)
        both = select(one.name, other.name).outerjoin(other, other.id == one.parent_id)

        assert (await session.execute(upwards)).all() == []
        assert (await session.execute(downwards)).all() == []
        child_name, parent_name = (await session.execute(both)).one()
        assert (child_name, parent_name or "none") == ("海达", "none")
    assert child.status_code == 201


async def test_of_suspected_duplicates_one_sees_and_decides_only_about_ones_own(guard: Guard):
    guarded = await guard("customer")
    ours, theirs = new_id(), new_id()
    dealer, _ = await guarded.signed_in("customer.*", scope="partner", partner_id=ours)
    other, _ = await guarded.signed_in("customer.*", scope="partner", partner_id=theirs)
    for client in (dealer, dealer, other, other):
        name = "海达" if client is dealer else "金桥"
        made = await client.post(CUSTOMERS, json={"name": f"{name}机电设备有限公司"})
        assert made.status_code == 201, made.text
    await _scan(guarded, dealer)

    (own,) = (await dealer.get("/customer/v1/duplicate-groups")).json()["data"]
    (foreign,) = (await other.get("/customer/v1/duplicate-groups")).json()["data"]
    refused = await dealer.post(f"/customer/v1/duplicate-groups/{foreign['id']}:dismiss", json={})
    decided = await dealer.post(f"/customer/v1/duplicate-groups/{own['id']}:dismiss", json={})

    assert [pair["one"]["name"] for pair in own["pairs"]] == ["海达机电设备有限公司"]
    assert (refused.status_code, decided.status_code) == (404, 204)
    assert (await dealer.get("/customer/v1/duplicate-groups")).json()["data"] == []
    assert (await other.get("/customer/v1/duplicate-groups")).json()["data"] == [foreign]


async def _scan(guarded, client) -> None:
    started = await client.post("/customer/v1/duplicate-scans", json={})
    assert started.status_code == 202, started.text
    while await scan_on(guarded.database):
        pass
