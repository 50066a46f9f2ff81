from datetime import timedelta

import pytest

from common.clock import utc_now
from common.days import day_of
from common.testing.service import said
from sales.leads import use_cases as leads

from ..builders import posted

pytestmark = [pytest.mark.capability("SAL-03")]
TODAY = day_of(utc_now())
FAIRS = {
    "name": "fairs",
    "points": 70,
    "because": "fairs are what we live by",
    "when": [{"field": "source", "operator": "one_of", "values": ["fair"]}],
}


async def a_policy(client, *, effective_on=None, **values):
    policy = await posted(
        client, "lead-scoring-policies", **{"name": "2026", "rules": [FAIRS], **values}
    )
    path = f"lead-scoring-policies/{policy['id']}:activate"
    return await posted(client, path, 200, effective_on=effective_on and str(effective_on))


async def rescored(database, now=None, limit=200):
    async with database.transaction() as session:
        return await leads.rescore_leads(session, now=now or utc_now(), limit=limit)


async def score_of(client, lead):
    return (await client.get(f"/sales/v1/leads/{lead['id']}/score")).json()


async def test_open_leads_are_scored_anew_when_a_policy_comes_into_force(client, session, database):
    first, second = [await posted(client, "leads", name="a", source="fair") for _ in range(2)]
    lost = await posted(client, "leads", name="b", source="fair")
    await posted(client, f"leads/{lost['id']}:lose", 200, reason="x")
    policy = await a_policy(client, effective_on=TODAY + timedelta(days=1))

    assert await rescored(database) == 0
    tomorrow = utc_now() + timedelta(days=1)
    counts = [await rescored(database, now=tomorrow, limit=1) for _ in range(3)]

    assert counts == [1, 1, 0]
    shown = await score_of(client, first)
    assert (shown["score"], shown["rating"]) == (70, "hot")
    assert shown["policy_version"] == policy["policy_version"] == 2
    assert [part["because"] for part in shown["contributions"]] == ["fairs are what we live by"]
    # What is over keeps the version it was scored by, and is still explained by it.
    assert (await score_of(client, lost))["policy_version"] == 1
    told = await said(session, "sales.lead.scored.v1")
    assert {event["lead_id"] for event in told} == {first["id"], second["id"]}
    assert (told[0]["from_score"], told[0]["score"], told[0]["from_policy_version"]) == (25, 70, 1)


async def test_new_leads_and_changes_are_scored_by_the_policy_in_force(client):
    old = await posted(client, "leads", name="a", source="fair")
    await a_policy(client)

    new = await posted(client, "leads", name="b", source="fair")
    changed = await client.patch(f"/sales/v1/leads/{old['id']}", json={"need": "泵"})

    assert (new["score"], new["score_rules_version"]) == (70, 2)
    assert changed.json()["score_rules_version"] == 2


async def test_of_two_policies_the_one_with_the_later_day_counts(client):
    await a_policy(client, name="later", effective_on=TODAY + timedelta(days=1))
    await a_policy(client, name="today", rules=[{**FAIRS, "points": 10}])

    assert (await posted(client, "leads", name="b", source="fair"))["score"] == 10


async def test_a_policy_is_a_draft_until_it_is_activated_and_then_stays(client):
    draft = await posted(client, "lead-scoring-policies", name="2026", rules=[FAIRS])
    path = f"/sales/v1/lead-scoring-policies/{draft['id']}"
    lead = await posted(client, "leads", name="b", source="fair")

    changed = await client.patch(path, json={"hot_from": 80}, headers={"If-Match": '"1"'})
    past = await client.post(
        f"{path}:activate", json={"effective_on": str(TODAY - timedelta(days=1))}
    )
    await posted(client, f"lead-scoring-policies/{draft['id']}:activate", 200)
    too_late = await client.patch(path, json={"hot_from": 90}, headers={"If-Match": "*"})

    assert lead["score_rules_version"] == 1
    assert (changed.status_code, changed.json()["hot_from"]) == (200, 80)
    assert past.json()["code"] == "policy_starts_in_past"
    assert too_late.json()["code"] == "policy_not_draft"


async def test_a_planned_policy_can_be_withdrawn(client):
    policy = await a_policy(client, effective_on=TODAY + timedelta(days=1))

    withdrawn = await posted(client, f"lead-scoring-policies/{policy['id']}:withdraw", 200)

    assert withdrawn["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"rules": [FAIRS, FAIRS]}, "rule_named_twice"),
        ({"hot_from": 30}, "ratings_out_of_order"),
        (
            {"rules": [{**FAIRS, "when": [{"field": "score", "operator": "is_set"}]}]},
            "not_valid",
        ),
    ],
)
async def test_rules_that_make_no_sense_are_refused(client, values, code):
    body = {"name": "2026", "rules": [FAIRS], **values}

    response = await client.post("/sales/v1/lead-scoring-policies", json=body)

    assert response.status_code == 422
    assert response.json()["code"] == code
