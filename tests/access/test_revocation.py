"""What is taken away is gone everywhere within a minute: by the clock, in a process that knew better.

An event is applied within seconds; what a process has looked up it believes for `GOOD_FOR_S`.
"""

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from common import clock
from common.access import accounts
from common.ids import new_id

from .conftest import Guard, Guarded

pytestmark = [pytest.mark.capability("X-05"), pytest.mark.capability("X-02")]

CUSTOMERS = "/customer/v1/customers"
WAY_OF_AN_EVENT_S = 10
"""The service level of the bus: 99 % of events are applied within it."""


@pytest.fixture
async def customer(guard: Guard):
    return await guard("customer")


@pytest.fixture
def later(monkeypatch):
    """`later(seconds)`: processes believe that so much time has passed."""

    def pass_time(seconds: float) -> None:
        shifted = SimpleNamespace(monotonic=lambda: time.monotonic() + seconds, time=time.time)
        monkeypatch.setattr(accounts, "time", shifted)

    return pass_time


async def disable(customer: Guarded, account, role, office, person, sid):
    await customer.account(role, account_id=account, employee_id=person, state="disabled")


async def take_the_right(customer: Guarded, account, role, office, person, sid):
    await customer.hear(
        "channel.role.changed.v1",
        subject=role,
        role_id=role,
        code="x",
        rights=["sales.*"],
        scope="subtree",
        state="active",
    )


async def end_the_session(customer: Guarded, account, role, office, person, sid):
    # What follows when a refresh token comes a second time.
    await customer.hear(
        "channel.session.revoked.v1",
        subject=sid,
        session_id=sid,
        account_id=account,
        until=(clock.utc_now() + timedelta(minutes=10)).isoformat(),
    )


async def move_the_person(customer: Guarded, account, role, office, person, sid):
    await customer.employee(await customer.department(), employee_id=person)


@pytest.mark.parametrize(
    ("take_away", "record", "listing"),
    [
        (disable, 401, 401),
        (take_the_right, 403, 403),
        (end_the_session, 401, 401),
        (move_the_person, 404, 200),
    ],
)
async def test_what_is_taken_away_is_gone_within_a_minute(
    customer: Guarded, later, take_away, record, listing
):
    office, sid = await customer.department(), new_id()
    person = await customer.employee(office)
    role = await customer.role("customer.*", scope="subtree")
    account = await customer.account(role, employee_id=person)
    writer, _ = await customer.signed_in("customer.*")
    made = await writer.post(CUSTOMERS, json={"name": "海达", "department_id": str(office)})
    there = f"{CUSTOMERS}/{made.json()['id']}"
    client = customer.client(account, sid=str(sid))
    assert (await client.get(there)).status_code == 200

    await take_away(customer, account, role, office, person, sid)
    later(60 - WAY_OF_AN_EVENT_S)

    assert (await client.get(there)).status_code == record
    assert (await client.get(CUSTOMERS)).status_code == listing


async def test_a_department_that_moves_takes_its_records_out_of_the_tree_above(
    customer: Guarded, later
):
    top = await customer.department()
    office = await customer.department(top)
    role = await customer.role("customer.*", scope="subtree")
    account = await customer.account(role, employee_id=await customer.employee(top))
    writer, _ = await customer.signed_in("customer.*")
    made = await writer.post(CUSTOMERS, json={"name": "海达", "department_id": str(office)})
    there = f"{CUSTOMERS}/{made.json()['id']}"
    client = customer.client(account)
    assert (await client.get(there)).status_code == 200

    await customer.department(await customer.department(), department_id=office)
    later(60 - WAY_OF_AN_EVENT_S)

    assert (await client.get(there)).status_code == 404
