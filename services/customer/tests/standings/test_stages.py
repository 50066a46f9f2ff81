from datetime import timedelta

import pytest

from common.testing.service import said

from ..assessment_policies.test_routes import activated
from ..builders import a_created_customer
from ..merges.test_merges import merge
from ..transactions.builders import told
from .builders import assess_all, in_days, standing_of
from .test_grades import TODAY, buys

CHANGED = "customer.customer.stage_changed.v1"


async def stages(session):
    return [
        (event["from_stage"], event["stage"], event["cause"])
        for event in await said(session, CHANGED)
    ]


@pytest.mark.capability("CUS-33")
async def test_stages_are_entered_one_after_the_other_each_from_its_day(
    client, session, hear, database
):
    customer = await a_created_customer(client)
    await assess_all(database)
    new = await standing_of(client, customer)
    for ago in (30, 10):
        await buys(hear, customer, ago=ago)
    await assess_all(database)
    await assess_all(database)
    now = await standing_of(client, customer)

    assert (new["stage"], new["days_in_stage"]) == ("potential", None)
    assert (now["stage"], now["days_in_stage"], now["order_count"]) == ("repeat", 10, 2)
    assert await stages(session) == [
        ("potential", "first_purchase", "course"),
        ("first_purchase", "repeat", "course"),
    ]
    first, second = await said(session, CHANGED)
    assert first["changed_on"] == (TODAY - timedelta(days=30)).isoformat()
    assert (first["days_in_from_stage"], second["days_in_from_stage"]) == (None, 20)
    page = (await client.get(f"/customer/v1/customers/{customer['id']}/stages")).json()
    assert {row["stage"] for row in page["data"]} == {"first_purchase", "repeat"}


@pytest.mark.capability("CUS-33")
async def test_who_does_not_order_is_lost_by_time_alone_and_returns(
    client, session, hear, database
):
    customer = await a_created_customer(client)
    await buys(hear, customer, ago=360)
    await assess_all(database)
    await assess_all(database, in_days(6))
    lost = await standing_of(client, customer)
    await buys(hear, customer, ago=-7)
    await assess_all(database, in_days(7))

    assert (lost["stage"], lost["stage_since_on"]) == ("lost", str(TODAY + timedelta(days=6)))
    assert (await standing_of(client, customer))["stage"] == "returning"
    assert [stage for _, stage, _ in await stages(session)] == [
        "first_purchase",
        "lost",
        "returning",
    ]


@pytest.mark.capability("CUS-33")
async def test_an_order_that_is_taken_back_takes_its_stage_back(client, session, hear, database):
    customer = await a_created_customer(client)
    order = await buys(hear, customer)
    await assess_all(database)
    await told(hear, order, "cancelled", reason="x", was_confirmed=True)
    await assess_all(database)

    assert await stages(session) == [
        ("potential", "first_purchase", "course"),
        ("first_purchase", "potential", "correction"),
    ]


@pytest.mark.capability("CUS-33")
async def test_another_version_of_the_thresholds_counts_for_everybody(client, hear, database):
    customer = await a_created_customer(client)
    await buys(hear, customer, ago=40)
    await assess_all(database)
    await activated(client, {"kind": "lifecycle", "lost_after_days": 30})
    await assess_all(database)

    standing = await standing_of(client, customer)
    assert (standing["stage"], standing["lifecycle_version"]) == ("lost", 1)


@pytest.mark.capability("CUS-33")
@pytest.mark.capability("CUS-17")
async def test_what_merged_customers_bought_counts_for_the_survivor(client, hear, database):
    survivor, other = [await a_created_customer(client) for _ in range(2)]
    await buys(hear, survivor, ago=5)
    await buys(hear, other, ago=3)
    await assess_all(database)
    before = (await standing_of(client, survivor))["stage"]

    await merge(client, survivor, other)
    await assess_all(database)

    assert (before, (await standing_of(client, survivor))["stage"]) == ("first_purchase", "repeat")
