from uuid import uuid4

import pytest

from common.testing.service import said
from customer.transfers import use_cases as transfers
from customer.worker import JOBS

from ..builders import a_created_customer

pytestmark = pytest.mark.capability("CUS-06")

TRANSFER = "/customer/v1/customers:transfer"


async def test_all_customers_of_somebody_go_batch_by_batch_with_the_progress_shown(
    client, session, database, monkeypatch
):
    monkeypatch.setattr(transfers, "AT_ONCE", 2)
    leaving, successor, department = str(uuid4()), str(uuid4()), str(uuid4())
    for name in "甲乙丙":
        await a_created_customer(client, name=name, owner_id=leaving)
    other = await a_created_customer(client, name="丁", owner_id=str(uuid4()))

    started = await client.post(
        TRANSFER,
        json={
            "filter": {"owner_id": leaving},
            "owner_id": successor,
            "department_id": department,
            "reason": "离职交接",
        },
    )
    path = started.headers["operation-location"]
    assert await transfers.transfer_on(database)
    halfway = (await client.get(path)).json()
    while await transfers.transfer_on(database):
        pass
    end = (await client.get(path)).json()

    assert (started.status_code, started.json()["total"]) == (202, 3)
    assert (halfway["state"], halfway["done"]) == ("running", 2)
    assert (end["state"], end["progress"], end["transferred"]) == ("succeeded", 1.0, 3)
    page = await client.get("/customer/v1/customers", params={"owner_id": successor})
    assert {(row["name"], row["department_id"]) for row in page.json()["data"]} == {
        (name, department) for name in "甲乙丙"
    }
    kept = (await client.get(f"/customer/v1/customers/{other['id']}")).json()
    assert kept["owner_id"] == other["owner_id"]
    told = await said(session, "customer.customer.transferred.v1")
    assert {event["reason"] for event in told} == {"离职交接"}
    assert len(told) == 3


@pytest.mark.parametrize("chosen", [{}, {"filter": {}}, {"filter": {}, "customer_ids": ["x"]}])
async def test_a_transfer_of_everybody_by_mistake_is_refused(client, chosen):
    answer = await client.post(
        TRANSFER,
        json={"owner_id": str(uuid4()), "department_id": str(uuid4()), "reason": "?", **chosen},
    )

    assert answer.status_code == 422


def test_the_worker_transfers():
    assert transfers.transfer_on in JOBS
