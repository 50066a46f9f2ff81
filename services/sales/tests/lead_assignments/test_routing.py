"""Routing over the API and the worker, on a real database."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from common.clock import utc_now
from common.days import day_of
from common.testing.service import said
from sales.lead_assignments import use_cases as assignments

from ..builders import a_known_employee, a_known_territory, posted

pytestmark = [pytest.mark.capability("SAL-04", "N13")]
TODAY = day_of(utc_now())


async def a_team(client, hear, size, **values):
    """A team with so many members; its id and their employees' ids."""
    team = await posted(client, "routing-teams", name="华东销售一组")
    employees = [await a_known_employee(hear) for _ in range(size)]
    for employee_id in employees:
        await posted(
            client,
            "routing-members",
            employee_id=employee_id,
            team_ids=[team["id"]],
            **values,
        )
    return team["id"], employees


async def a_policy(client, *rules):
    policy = await posted(client, "lead-routing-policies", name="2026", rules=list(rules))
    return await posted(client, f"lead-routing-policies/{policy['id']}:activate", 200)


async def captured(client, **values):
    return await posted(client, "leads", **{"name": f"x{uuid4()}", "source": "fair", **values})


async def waiting_are_routed(database, limit=50):
    async with database.transaction() as session:
        return await assignments.route_waiting_leads(session, now=utc_now(), limit=limit)


async def moves_of(client, lead):
    return (await client.get(f"/sales/v1/leads/{lead['id']}/assignments")).json()


@pytest.mark.capability("C-10")
async def test_leads_at_the_same_time_never_see_the_same_deficits(client, hear):
    team_id, employees = await a_team(client, hear, 3)
    await a_policy(client, {"name": "all", "team_id": team_id})
    leads = [await captured(client) for _ in range(9)]

    answers = await asyncio.gather(
        *(client.post(f"/sales/v1/leads/{lead['id']}:route") for lead in leads)
    )

    assert {answer.status_code for answer in answers} == {200}
    assert Counter(answer.json()["owner_id"] for answer in answers) == dict.fromkeys(employees, 3)


@pytest.mark.capability("C-10")
async def test_who_is_in_two_teams_is_not_filled_beyond_the_capacity_by_both(client, hear):
    teams = [await posted(client, "routing-teams", name=name) for name in ("一组", "二组")]
    employee_id = await a_known_employee(hear)
    await posted(
        client,
        "routing-members",
        employee_id=employee_id,
        team_ids=[team["id"] for team in teams],
        capacity=1,
    )
    await a_policy(
        client,
        *(
            {
                "name": source,
                "team_id": team["id"],
                "when": [{"field": "source", "operator": "one_of", "values": [source]}],
            }
            for source, team in zip(("fair", "web"), teams, strict=True)
        ),
    )
    leads = [await captured(client, source=source) for source in ("fair", "web") * 3]

    answers = await asyncio.gather(
        *(client.post(f"/sales/v1/leads/{lead['id']}:route") for lead in leads)
    )

    owners = [answer.json()["owner_id"] for answer in answers]
    assert (owners.count(employee_id), owners.count(None)) == (1, 5)


@pytest.mark.capability("C-10")
async def test_the_worker_gives_the_best_leads_first_and_nobody_who_is_absent_any(
    client, hear, database, session
):
    team_id, employees = await a_team(client, hear, 2, capacity=2)
    away = (await client.get(f"/sales/v1/routing-members?employee_id={employees[0]}")).json()
    path = f"/sales/v1/routing-members/{away['data'][0]['id']}"
    absence = {"from_on": str(TODAY - timedelta(days=1)), "to_on": str(TODAY + timedelta(days=1))}
    changed = await client.patch(path, json={"absences": [absence]}, headers={"If-Match": "*"})
    assert changed.status_code == 200, changed.text
    poor = await captured(client, priority="low")
    await captured(client, priority="normal")
    best = await captured(client, priority="high")
    assert await waiting_are_routed(database) == 0
    await a_policy(client, {"name": "all", "team_id": team_id})

    assert [await waiting_are_routed(database, limit=1) for _ in range(4)] == [1, 1, 1, 0]

    told = await said(session, "sales.lead.assigned.v1")
    assert [event["assignee_id"] for event in told] == [employees[1]] * 2
    assert (told[0]["lead_id"], told[0]["how"]) == (best["id"], "routed")
    (unrouted,) = await said(session, "sales.lead.left_unrouted.v1")
    assert unrouted["lead_id"] == poor["id"]
    (move,) = await moves_of(client, poor)
    passed_over = {each["why"] for each in move["decision"]["considered"][0]["passed_over"]}
    assert (move["how"], move["to_owner_id"], passed_over) == ("unrouted", None, {"absent", "full"})


async def test_a_decision_is_kept_whole_and_worked_out_again_to_the_same(client, hear):
    east = await a_known_territory(hear)
    zhejiang = await a_known_territory(hear, parent_id=east)
    team_id, employees = await a_team(client, hear, 2, territory_ids=[east], skills=["pumps"])
    policy = await a_policy(
        client,
        {
            "name": "pumps_east",
            "team_id": team_id,
            "skills": ["pumps"],
            "match_territory": True,
            "when": [{"field": "source", "operator": "one_of", "values": ["fair"]}],
        },
    )
    elsewhere = await captured(client)
    lead = await captured(client, region_id=zhejiang, phone="138 1234 5678")

    routed = await posted(client, f"leads/{lead['id']}:route", 200)
    nobody = await posted(client, f"leads/{elsewhere['id']}:route", 200)

    assert routed["owner_id"] in employees
    assert nobody["owner_id"] is None
    (move,) = await moves_of(client, lead)
    assert (move["rule"], move["policy_version"]) == ("pumps_east", policy["policy_version"])
    assert move["decided_by"] in {"waited_longer", "smaller_id"}
    (considered,) = move["decision"]["considered"]
    assert {each["employee_id"] for each in considered["candidates"]} == set(employees)
    path = f"/sales/v1/leads/{lead['id']}/assignments/{move['id']}/replay"
    replayed = (await client.get(path)).json()
    assert (replayed["employee_id"], replayed["is_same"]) == (routed["owner_id"], True)
    assert "1234" not in str(replayed)


async def test_the_fairness_of_a_team_is_told_for_a_period(client, hear, database):
    team_id, _ = await a_team(client, hear, 2)
    await a_policy(client, {"name": "all", "team_id": team_id})
    for _ in range(3):
        await captured(client)
    await waiting_are_routed(database)
    period = f"from_on={TODAY - timedelta(days=1)}&to_on={TODAY}"

    shown = (await client.get(f"/sales/v1/routing-teams/{team_id}/fairness?{period}")).json()
    before = f"from_on={TODAY - timedelta(days=9)}&to_on={TODAY - timedelta(days=1)}"
    empty = (await client.get(f"/sales/v1/routing-teams/{team_id}/fairness?{before}")).json()

    assert shown["leads"] == 3
    assert {each["entitled"] for each in shown["members"]} == {"1.5000"}
    assert sorted(each["assigned"] for each in shown["members"]) == [1, 2]
    # Half a lead of three went to the wrong one, as it has to.
    assert (shown["fairness"], shown["largest_deviation"]) == ("0.8333", "0.5000")
    assert (empty["leads"], empty["fairness"]) == (0, None)


async def test_without_a_policy_nothing_is_routed(client):
    lead = await captured(client)

    response = await client.post(f"/sales/v1/leads/{lead['id']}:route")

    assert (response.status_code, response.json()["code"]) == (409, "no_routing_policy")


async def test_a_lead_that_is_somebodys_is_not_routed(client, hear):
    lead = await captured(client, owner_id=await a_known_employee(hear))

    response = await client.post(f"/sales/v1/leads/{lead['id']}:route")

    assert (response.status_code, response.json()["code"]) == (409, "lead_has_owner")


async def test_a_rule_names_a_team_that_is_there_and_a_policy_in_use_stays(client, hear):
    unknown = {"name": "2026", "rules": [{"name": "all", "team_id": str(uuid4())}]}
    refused = await client.post("/sales/v1/lead-routing-policies", json=unknown)
    team_id, _ = await a_team(client, hear, 0)
    policy = await a_policy(client, {"name": "all", "team_id": team_id})
    path = f"/sales/v1/lead-routing-policies/{policy['id']}"

    changed = await client.patch(path, json={"name": "x"}, headers={"If-Match": "*"})
    withdrawn = await client.post(f"{path}:withdraw")

    assert refused.json()["code"] == "routing_team_not_known"
    assert changed.json()["code"] == "policy_not_draft"
    assert withdrawn.json()["code"] == "policy_in_force"
