from datetime import timedelta
from uuid import uuid4

import pytest

from common.clock import utc_now
from common.days import day_of
from common.testing.service import published, said

from ..builders import a_created_customer

TODAY = day_of(utc_now())
TOMORROW, YESTERDAY = TODAY + timedelta(days=1), TODAY - timedelta(days=1)


async def done(client, customer, act, status=200, **body):
    """What is answered to an act on a customer's credit."""
    response = await client.post(
        f"/customer/v1/customers/{customer['id']}:{act}", json={"reason": "年度评审", **body}
    )
    assert response.status_code == status, response.text
    return response.json()


async def credit_of(client, customer, on=None):
    path = f"/customer/v1/customers/{customer['id']}/credit"
    return (await client.get(path, params={"on": on.isoformat()} if on else None)).json()


@pytest.mark.capability("CUS-14")
async def test_a_rating_counts_from_its_day_and_is_told_with_its_reason(client, session):
    customer = await a_created_customer(client)
    await done(client, customer, "rate", 201, grade="AA")
    await done(
        client, customer, "rate", 201, grade="C", effective_on=TOMORROW.isoformat(), reason="拖欠"
    )

    assert (await credit_of(client, customer))["rating"]["grade"] == "AA"
    tomorrow = (await credit_of(client, customer, TOMORROW))["rating"]
    assert (tomorrow["grade"], tomorrow["reason"]) == ("C", "拖欠")
    assert (await credit_of(client, customer, YESTERDAY))["rating"] is None
    told = await said(session, "customer.customer.credit_changed.v1")
    assert [(event["rating"]["grade"], event["reason"]) for event in told] == [
        ("AA", "年度评审"),
        ("C", "拖欠"),
    ]
    page = (await client.get(f"/customer/v1/customers/{customer['id']}/credit-ratings")).json()
    assert [row["grade"] for row in page["data"]] == ["C", "AA"]


@pytest.mark.capability("CUS-14")
async def test_grades_are_those_of_the_dictionary(client):
    customer = await a_created_customer(client)
    grades = (await client.get("/customer/v1/credit-grades")).json()

    await done(client, customer, "rate", 422, grade="E")

    assert [row["code"] for row in grades] == ["AAA", "AA", "A", "B", "C", "D"]
    assert all(row["name"] and row["english_name"] for row in grades)


@pytest.mark.capability("CUS-14")
async def test_a_rating_that_is_over_counts_no_more_and_no_older_one_does(client):
    customer = await a_created_customer(client)
    await done(client, customer, "rate", 201, grade="AAA")
    await done(client, customer, "rate", 201, grade="B", effective_until=TODAY.isoformat())

    assert (await credit_of(client, customer))["rating"]["grade"] == "B"
    assert (await credit_of(client, customer, TOMORROW))["rating"] is None


@pytest.mark.capability("CUS-15")
async def test_a_limit_has_amount_currency_and_validity_and_its_history_stays(client, session):
    customer = await a_created_customer(client)
    await done(client, customer, "set-credit-limit", 201, amount="500000.00")
    await done(
        client,
        customer,
        "set-credit-limit",
        201,
        amount="80000.00",
        currency="USD",
        valid_until=TOMORROW.isoformat(),
    )

    limit = (await credit_of(client, customer))["limit"]
    assert (limit["amount"], limit["currency"]) == ("80000.00", "USD")
    assert (await credit_of(client, customer, TOMORROW + timedelta(days=1)))["limit"] is None
    told = (await said(session, "customer.customer.credit_changed.v1"))[-1]
    assert told["limit"] == {
        "amount": "80000.00",
        "currency": "USD",
        "valid_from": TODAY.isoformat(),
        "valid_until": TOMORROW.isoformat(),
    }
    page = (await client.get(f"/customer/v1/customers/{customer['id']}/credit-limits")).json()
    assert [row["amount"] for row in page["data"]] == ["80000.00", "500000.00"]


@pytest.mark.capability("CUS-14")
@pytest.mark.capability("CUS-15")
@pytest.mark.parametrize(
    ("act", "body", "code"),
    [
        ("rate", {"grade": "A", "effective_on": str(YESTERDAY)}, "decided_for_the_past"),
        ("set-credit-limit", {"amount": "1", "valid_from": str(YESTERDAY)}, "decided_for_the_past"),
        (
            "set-credit-limit",
            {"amount": "1", "valid_until": str(YESTERDAY)},
            "ends_before_it_begins",
        ),
        ("set-credit-limit", {"amount": "-1"}, "not_valid"),
    ],
)
async def test_what_was_in_force_is_not_decided_anew(client, session, act, body, code):
    customer = await a_created_customer(client)

    assert (await done(client, customer, act, 422, **body))["code"] == code
    assert "customer.customer.credit_changed.v1" not in await published(session)


@pytest.mark.capability("CUS-15")
async def test_a_hold_is_told_until_it_is_released(client, session):
    customer = await a_created_customer(client)

    await done(client, customer, "hold-credit", reason="诉讼")
    held = await credit_of(client, customer)
    twice = await done(client, customer, "hold-credit", 409)
    await done(client, customer, "set-credit-limit", 201, amount="1.00")
    released = await done(client, customer, "release-credit", reason="已结清")
    again = await done(client, customer, "release-credit", 409)

    assert (held["is_held"], held["hold"]["reason"]) == (True, "诉讼")
    assert (twice["code"], again["code"]) == ("credit_held_already", "credit_not_held")
    assert released["release_reason"] == "已结清"
    assert (await credit_of(client, customer))["is_held"] is False
    told = await said(session, "customer.customer.credit_changed.v1")
    assert [event["is_held"] for event in told] == [True, True, False]


async def test_the_credit_of_nobody_is_not_found(client):
    assert (await client.get(f"/customer/v1/customers/{uuid4()}/credit")).status_code == 404
