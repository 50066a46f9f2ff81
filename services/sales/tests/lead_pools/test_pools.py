import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from common.auth import Actor
from common.clock import utc_now
from common.testing.service import said
from sales.lead_pools import use_cases as pools
from sales.lead_pools.limits import (
    ClaimantNotEmployee,
    ClaimCoolingDown,
    ClaimLimitReached,
)
from sales.leads.model import LeadHasOwner, LeadNotYours

from ..builders import a_known_employee, posted

pytestmark = [pytest.mark.capability("P-01")]


async def somebody(hear):
    return Actor(id="somebody", employee_id=UUID(await a_known_employee(hear)))


async def claimed(database, lead, actor, now=None):
    async with database.transaction() as session:
        lead = await pools.claim_lead(session, UUID(lead["id"]), actor=actor, now=now or utc_now())
        return lead.version


async def released(database, lead, actor):
    async with database.transaction() as session:
        await pools.release_lead(
            session, UUID(lead["id"]), reason="no time", actor=actor, now=utc_now()
        )


async def recycled(database, now):
    async with database.transaction() as session:
        return await pools.recycle_idle_leads(session, now=now)


async def parameter(hear, name, value):
    await hear(
        "channel.parameter.changed.v1",
        name=name,
        value=value,
        effective_on="2020-01-01",
        reason="x",
    )


async def a_lead(client, **values):
    return await posted(client, "leads", **{"name": "x", "source": "web", **values})


async def owner_of(client, lead):
    return (await client.get(f"/sales/v1/leads/{lead['id']}")).json()["owner_id"]


async def test_one_of_many_gets_a_lead_from_the_pool(client, hear, database, session):
    lead = await a_lead(client)
    people = [await somebody(hear) for _ in range(4)]

    outcomes = await asyncio.gather(
        *(claimed(database, lead, actor) for actor in people), return_exceptions=True
    )

    won = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, int)]
    assert len(won) == 1
    assert sum(isinstance(outcome, LeadHasOwner) for outcome in outcomes) == 3
    assert await owner_of(client, lead) == str(people[won[0]].employee_id)
    # Asking again changes nothing.
    assert await claimed(database, lead, people[won[0]]) == outcomes[won[0]]
    (told,) = await said(session, "sales.lead.assigned.v1")
    assert told["how"] == "claimed"


async def test_nobody_holds_more_claimed_leads_than_the_limit(client, hear, database):
    await parameter(hear, "claimed_leads_limit", 2)
    actor = await somebody(hear)
    given = await a_lead(client, owner_id=str(actor.employee_id))
    leads = [await a_lead(client) for _ in range(4)]

    outcomes = await asyncio.gather(
        *(claimed(database, lead, actor) for lead in leads), return_exceptions=True
    )

    # What was given by others does not count.
    assert given["owner_id"] == str(actor.employee_id)
    assert sum(isinstance(outcome, int) for outcome in outcomes) == 2
    assert sum(isinstance(outcome, ClaimLimitReached) for outcome in outcomes) == 2


async def test_who_gave_a_lead_back_does_not_take_it_again_for_some_days(client, hear, database):
    lead, actor, other = await a_lead(client), await somebody(hear), await somebody(hear)
    await claimed(database, lead, actor)
    await released(database, lead, actor)

    with pytest.raises(ClaimCoolingDown):
        await claimed(database, lead, actor, now=utc_now() + timedelta(days=6))
    await claimed(database, lead, other)
    await released(database, lead, other)
    await claimed(database, lead, actor, now=utc_now() + timedelta(days=7, minutes=1))

    moves = (await client.get(f"/sales/v1/leads/{lead['id']}/assignments")).json()
    assert [move["how"] for move in moves] == [
        "claimed",
        "released",
        "claimed",
        "released",
        "claimed",
    ]
    assert moves[1]["from_owner_id"] == str(actor.employee_id)


async def test_a_lead_that_nobody_follows_up_returns_to_the_pool_once(
    client, hear, database, session
):
    await parameter(hear, "unclaimed_lead_days", 10)
    actor = await somebody(hear)
    idle, worked_on = await a_lead(client), await a_lead(client)
    for lead in (idle, worked_on):
        await claimed(database, lead, actor, now=utc_now() - timedelta(days=9))
    await posted(client, f"leads/{worked_on['id']}:note-contact", 200)

    counts = [
        await recycled(database, utc_now()),
        await recycled(database, utc_now() + timedelta(days=2)),
        await recycled(database, utc_now() + timedelta(days=2)),
    ]

    assert counts == [0, 1, 0]
    assert await owner_of(client, idle) is None
    assert await owner_of(client, worked_on) == str(actor.employee_id)
    (told,) = await said(session, "sales.lead.released.v1")
    assert (told["lead_id"], told["cause"], told["from_owner_id"]) == (
        idle["id"],
        "idle",
        str(actor.employee_id),
    )
    with pytest.raises(ClaimCoolingDown):
        await claimed(database, idle, actor)


async def test_only_its_owner_or_who_assigns_leads_gives_a_lead_back(client, hear, database):
    lead, actor, other = await a_lead(client), await somebody(hear), await somebody(hear)
    await claimed(database, lead, actor)

    with pytest.raises(LeadNotYours):
        await released(database, lead, other)
    await posted(client, f"leads/{lead['id']}:release", 200, reason="handed out wrongly")

    assert await owner_of(client, lead) is None


async def test_a_manager_hands_a_lead_out_of_the_pool_and_it_is_kept(client, hear):
    lead, employee_id = await a_lead(client), await a_known_employee(hear)

    await posted(client, f"leads/{lead['id']}:assign", 200, assignee_id=employee_id, reason="near")

    (move,) = (await client.get(f"/sales/v1/leads/{lead['id']}/assignments")).json()
    assert (move["how"], move["to_owner_id"], move["reason"], move["by"]) == (
        "manual",
        employee_id,
        "near",
        "local-operator",
    )


async def test_a_program_takes_no_leads(client, database):
    with pytest.raises(ClaimantNotEmployee):
        await claimed(database, await a_lead(client), Actor(id="program"))


async def test_the_pools_are_listed_by_department_and_region(client, hear):
    await a_lead(client)
    await a_lead(client)
    await a_lead(client, owner_id=await a_known_employee(hear))
    department_id = str(uuid4())
    await hear(
        "channel.department.changed.v1",
        subject=UUID(department_id),
        department_id=department_id,
        name="华东",
        state="active",
    )
    await a_lead(client, department_id=department_id)

    listed = (await client.get("/sales/v1/lead-pools")).json()
    page = (await client.get("/sales/v1/leads?is_in_pool=true&include=total")).json()

    assert [(pool["department_id"], pool["leads"]) for pool in listed] == [
        (None, 2),
        (department_id, 1),
    ]
    assert page["total"] == 3
