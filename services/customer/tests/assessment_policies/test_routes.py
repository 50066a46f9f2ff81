from datetime import timedelta

import pytest

from common.clock import utc_now
from common.days import day_of

TODAY = day_of(utc_now())
POLICIES = "/customer/v1/assessment-policies"
LIFECYCLE = {"kind": "lifecycle", "repeat_from": 3}


async def drafted(client, rules, **values):
    response = await client.post(POLICIES, json={"name": "2026", "rules": rules, **values})
    assert response.status_code == 201, response.text
    return response.json()


async def activated(client, rules, on=None):
    policy = await drafted(client, rules)
    response = await client.post(
        f"{POLICIES}/{policy['id']}:activate",
        json={} if on is None else {"effective_on": on.isoformat()},
    )
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.capability("CUS-31")
@pytest.mark.capability("CUS-33")
async def test_versions_count_up_by_kind_and_stay_as_they_were_once_activated(client):
    first = await activated(client, LIFECYCLE)
    second = await drafted(client, {**LIFECYCLE, "loyal_from": 9})

    changed = await client.patch(
        f"{POLICIES}/{first['id']}", json={"name": "x"}, headers={"If-Match": '"2"'}
    )
    draft = await client.patch(
        f"{POLICIES}/{second['id']}", json={"rules": LIFECYCLE}, headers={"If-Match": '"1"'}
    )

    assert (first["policy_version"], second["policy_version"]) == (1, 2)
    assert (changed.status_code, changed.json()["code"]) == (409, "policy_not_draft")
    assert draft.json()["rules"]["loyal_from"] == 5


@pytest.mark.capability("CUS-31")
async def test_a_version_begins_today_or_later_and_is_withdrawn_only_before(client):
    past = await drafted(client, LIFECYCLE)
    refused = await client.post(
        f"{POLICIES}/{past['id']}:activate",
        json={"effective_on": (TODAY - timedelta(days=1)).isoformat()},
    )
    counts = await activated(client, LIFECYCLE)
    later = await activated(client, LIFECYCLE, TODAY + timedelta(days=1))
    in_force = await client.post(f"{POLICIES}/{counts['id']}:withdraw")
    withdrawn = await client.post(f"{POLICIES}/{later['id']}:withdraw")

    assert refused.json()["code"] == "policy_starts_in_past"
    assert in_force.json()["code"] == "policy_in_force"
    assert withdrawn.json()["state"] == "withdrawn"


@pytest.mark.capability("CUS-28")
async def test_a_rule_that_nobody_could_be_asked_by_is_refused(client):
    rules = {
        "kind": "classification",
        "rules": [
            {
                "class_code": "key",
                "conditions": [{"field": "shoe_size", "op": "is", "value": 42}],
            }
        ],
    }
    response = await client.post(POLICIES, json={"name": "x", "rules": rules})

    assert (response.status_code, response.json()["code"]) == (422, "unknown_condition_field")
