from datetime import timedelta

import pytest

from common.clock import utc_now
from common.days import day_of
from common.testing.service import said

from ..assessment_policies.test_routes import activated
from ..builders import a_created_customer
from ..transactions.builders import an_order, confirmed, told
from .builders import GRADING, act, assess_all, in_days, standing_of

TODAY = day_of(utc_now())
GRADED = "customer.customer.graded.v1"


async def buys(hear, customer, total="1000.00", ago=0):
    day = (TODAY - timedelta(days=ago)).isoformat()
    order = an_order(customer, total=total, ordered_on=day)
    await confirmed(hear, order)
    return order


async def grades(session):
    return [(event["from_grade"], event["grade"]) for event in await said(session, GRADED)]


@pytest.mark.capability("CUS-31")
async def test_a_grade_follows_what_changes_and_is_told_once(client, session, hear, database):
    customer = await a_created_customer(client)
    await activated(client, GRADING)
    await assess_all(database)
    order = await buys(hear, customer)
    await assess_all(database)
    await assess_all(database)
    standing = await standing_of(client, customer)
    await told(hear, order, "cancelled", reason="x", was_confirmed=True)
    await assess_all(database)

    assert (standing["grade"], standing["score"], standing["grading_version"]) == ("B", "60.00", 1)
    assert standing["breakdown"] == [
        {
            "indicator": "bought",
            "measure": "ordered_amount",
            "value": "1000.00",
            "points": "60",
            "weight": "1",
        }
    ]
    assert await grades(session) == [(None, "C"), ("C", "B"), ("B", "C")]
    page = (await client.get(f"/customer/v1/customers/{customer['id']}/grades")).json()
    assert [row["grade"] for row in page["data"]] == ["C", "B", "C"]


@pytest.mark.capability("CUS-31")
async def test_the_margin_of_the_policy_holds_a_grade(client, hear, database):
    """84 points are an A for somebody who had no grade, and not yet for a B."""
    known, new = [await a_created_customer(client) for _ in range(2)]
    await activated(client, GRADING)
    await buys(hear, known)
    await buys(hear, new, "2000.00")
    await assess_all(database)
    await buys(hear, known)
    await assess_all(database)
    held = (await standing_of(client, known))["grade"]
    await buys(hear, known)
    await assess_all(database)

    assert (held, (await standing_of(client, known))["grade"]) == ("B", "A")
    assert (await standing_of(client, new))["grade"] == "A"


@pytest.mark.capability("CUS-31")
async def test_a_new_policy_grades_everybody_anew_from_its_day_on(client, session, database):
    customer = await a_created_customer(client, employee_count=500)
    await activated(client, GRADING)
    await assess_all(database)
    by_size = {
        **GRADING,
        "indicators": [
            {
                "name": "size",
                "measure": "employee_count",
                "weight": 1,
                "bands": [{"at_least": 100, "points": 100}],
            }
        ],
    }
    await activated(client, by_size, TODAY + timedelta(days=1))
    await assess_all(database)
    before = await standing_of(client, customer)
    await assess_all(database, in_days(1))
    after = await standing_of(client, customer)

    assert (before["grade"], before["grading_version"]) == ("C", 1)
    assert (after["grade"], after["grading_version"]) == ("A", 2)


@pytest.mark.capability("CUS-31")
async def test_an_override_counts_until_its_last_day_is_over(client, session, database):
    customer = await a_created_customer(client)
    await activated(client, GRADING)
    await assess_all(database)

    last = TODAY + timedelta(days=2)
    await act(
        client, customer, "override-grade", 201, grade="A", reason="战略", expires_on=str(last)
    )
    await assess_all(database, in_days(2))
    held = await standing_of(client, customer)
    twice = await act(
        client, customer, "override-grade", 409, grade="B", reason="x", expires_on=str(last)
    )
    await assess_all(database, in_days(3))
    ended = await standing_of(client, customer)

    assert (held["grade"], held["grade_source"], held["computed_grade"]) == ("A", "manual", "C")
    assert (held["override"]["reason"], held["override"]["expires_on"]) == ("战略", str(last))
    assert twice["code"] == "grade_overridden_already"
    assert (ended["grade"], ended["grade_source"], ended["override"]) == ("C", "policy", None)
    assert await grades(session) == [(None, "C"), ("C", "A"), ("A", "C")]
    told_of = (await said(session, GRADED))[1]
    assert (told_of["source"], told_of["reason"], told_of["expires_on"]) == (
        "manual",
        "战略",
        str(last),
    )


@pytest.mark.capability("CUS-31")
async def test_what_was_in_force_on_a_day_stays_readable(client, hear, database):
    customer = await a_created_customer(client)
    path = f"/customer/v1/customers/{customer['id']}/grade"
    await activated(client, GRADING)
    await assess_all(database)
    await buys(hear, customer)
    await assess_all(database, in_days(3))

    async def on(days):
        day = (TODAY + timedelta(days=days)).isoformat()
        grade = (await client.get(path, params={"on": day})).json()["grade"]
        return grade and (grade["grade"], grade["breakdown"][0]["points"])

    assert [await on(days) for days in (-1, 0, 2, 3)] == [None, ("C", "0"), ("C", "0"), ("B", "60")]


@pytest.mark.capability("CUS-31")
async def test_an_override_is_ended_by_hand_and_not_made_for_the_past(client, database):
    customer = await a_created_customer(client)
    yesterday = str(TODAY - timedelta(days=1))

    past = await act(
        client, customer, "override-grade", 422, grade="A", reason="x", expires_on=yesterday
    )
    none = await act(client, customer, "end-grade-override", 409)
    await act(client, customer, "override-grade", 201, grade="A", reason="x", expires_on=str(TODAY))
    ended = await act(client, customer, "end-grade-override")

    assert (past["code"], none["code"]) == ("override_in_the_past", "grade_not_overridden")
    assert ended["ended_at"] is not None
    assert (await standing_of(client, customer))["grade"] is None
