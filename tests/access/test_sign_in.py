"""Who gets in: the rows "AuthN" and "Function level" of the security matrix, at a real service."""

import time
from datetime import timedelta

import pytest
from pydantic import SecretStr

from common import clock
from common.ids import new_id

from .conftest import Guard

CUSTOMERS = "/customer/v1/customers"
NEW = {"name": "宁波海达经销有限公司"}


@pytest.fixture
async def customer(guard: Guard):
    return await guard("customer")


@pytest.mark.capability("X-02")
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer x.y.z", "Basic YTpi", "x"]
)
async def test_nobody_gets_in_without_a_good_token(customer, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    async with customer.client() as client:
        answer = await client.get(CUSTOMERS, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_signed_in"


@pytest.mark.capability("X-02")
async def test_an_account_gets_in_and_is_named_in_what_it_writes(customer):
    client, account = await customer.signed_in("customer.customers.*")

    created = await client.post(CUSTOMERS, json=NEW)

    assert created.status_code == 201, created.text
    assert created.json()["registered_by"] == str(account)


@pytest.mark.capability("X-05")
async def test_only_what_a_role_gives_is_allowed_and_the_answer_names_the_right(customer):
    client, _ = await customer.signed_in("customer.customers.read")

    assert (await client.get(CUSTOMERS)).status_code == 200
    refused = await client.post(CUSTOMERS, json=NEW)

    assert refused.status_code == 403
    assert refused.json()["right"] == "customer.customers.write"


@pytest.mark.capability("X-02")
@pytest.mark.parametrize(
    "subject", ["01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f", "nobody", "' OR 1=1 --"]
)
async def test_a_good_token_of_an_unknown_account_is_no_use(customer, subject):
    async with customer.client(subject) as client:
        assert (await client.get(CUSTOMERS)).status_code == 401


@pytest.mark.capability("X-02")
async def test_a_disabled_account_is_out_within_a_minute(customer):
    client, account = await customer.signed_in("*")
    assert (await client.get(CUSTOMERS)).status_code == 200

    await customer.account(account_id=account, state="disabled")
    customer.forget()

    assert (await client.get(CUSTOMERS)).status_code == 401


@pytest.mark.capability("X-02")
async def test_tokens_of_before_are_taken_back(customer):
    role = await customer.role("*")
    account = await customer.account(role)
    client = customer.client(account, iat=int(time.time()) - 60)
    assert (await client.get(CUSTOMERS)).status_code == 200

    now = clock.utc_now()
    await customer.account(role, account_id=account, tokens_from=now.isoformat())
    customer.forget()

    assert (await client.get(CUSTOMERS)).status_code == 401
    assert (await customer.client(account).get(CUSTOMERS)).status_code == 200


@pytest.mark.capability("X-02")
async def test_a_session_that_is_over_is_over_everywhere(customer):
    role = await customer.role("*")
    account = await customer.account(role)
    session = new_id()
    client = customer.client(account, sid=str(session))
    assert (await client.get(CUSTOMERS)).status_code == 200

    until = clock.utc_now() + timedelta(minutes=10)
    await customer.hear(
        "channel.session.revoked.v1",
        subject=session,
        session_id=session,
        account_id=account,
        until=until.isoformat(),
    )
    customer.forget()

    assert (await client.get(CUSTOMERS)).status_code == 401
    assert (await customer.client(account).get(CUSTOMERS)).status_code == 200


@pytest.mark.capability("X-05")
async def test_a_role_that_changes_is_in_effect_within_a_minute(customer):
    role = await customer.role("customer.customers.read")
    account = await customer.account(role)
    client = customer.client(account)
    assert (await client.post(CUSTOMERS, json=NEW)).status_code == 403

    await customer.hear(
        "channel.role.changed.v1",
        subject=role,
        role_id=role,
        code="sales",
        rights=["customer.*"],
        scope="all",
        state="active",
    )
    customer.forget()

    assert (await client.post(CUSTOMERS, json=NEW)).status_code == 201


@pytest.mark.capability("X-04")
async def test_who_has_left_does_not_get_in(customer):
    office = await customer.department()
    person = await customer.employee(office)
    client, _ = await customer.signed_in("*", employee_id=person)
    assert (await client.get(CUSTOMERS)).status_code == 200

    await customer.hear(
        "channel.employee.changed.v1",
        subject=person,
        employee_id=person,
        number="E000001",
        name="王芳",
        department_id=office,
        state="left",
    )
    customer.forget()

    assert (await client.get(CUSTOMERS)).status_code == 401


@pytest.mark.capability("X-05")
@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", CUSTOMERS, {"X-HTTP-Method-Override": "GET"}),
        ("POST", f"{CUSTOMERS}/", {}),
        ("HEAD", CUSTOMERS, {}),
        ("OPTIONS", CUSTOMERS, {}),
        ("TRACE", CUSTOMERS, {}),
        ("GET", "/customer/v1/Customers", {}),
        ("GET", "/customer/v1/%63ustomers", {}),
        ("GET", "/customer//v1/customers", {}),
    ],
)
async def test_no_spelling_of_a_request_gets_around_the_decision(customer, method, path, headers):
    client, _ = await customer.signed_in("customer.contacts.read")

    answer = await client.request(method, path, headers=headers)

    assert answer.status_code in (403, 404, 405, 307)
    assert "data" not in answer.text


@pytest.mark.capability("X-02")
async def test_the_feed_of_the_services_is_not_for_people(customer):
    customer.app.state.settings = customer.app.state.settings.model_copy(
        update={"internal_token": SecretStr("a-token-of-at-least-24-characters")}
    )
    client, _ = await customer.signed_in("*")

    assert (await client.get("/customer/internal/events")).status_code == 403
    inside = {"Authorization": "Bearer a-token-of-at-least-24-characters"}
    assert (await client.get("/customer/internal/events", headers=inside)).status_code == 200
    assert (await client.get(CUSTOMERS, headers=inside)).status_code == 401
