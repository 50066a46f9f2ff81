import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from common.testing.service import said
from contract.contracts import use_cases as contracts
from contract.milestones import use_cases as milestones

from ..builders import a_contract_in_force, a_drafted_contract, milestones_of


def on(day):
    return datetime.fromisoformat(f"{day}T04:00:00+00:00").astimezone(UTC)


async def announce(database, day):
    async with database.transaction() as session:
        await milestones.announce_due_milestones(session, now=on(day))


async def miss(database, day):
    async with database.transaction() as session:
        await milestones.miss_overdue_milestones(session, now=on(day))


async def announce_ends(database, day):
    async with database.transaction() as session:
        await contracts.announce_ending_contracts(session, now=on(day))


async def expire(database, day):
    async with database.transaction() as session:
        await contracts.expire_contracts(session, now=on(day))


@pytest.mark.capability("CON-14")
async def test_the_timer_announces_what_is_due_within_a_week_once(client, session, database, hear):
    contract = await a_contract_in_force(client, hear)

    await announce(database, "2026-03-24")
    assert await said(session, "contract.milestone.due.v1") == []
    await announce(database, "2026-03-25")
    await announce(database, "2026-03-26")

    (due,) = await said(session, "contract.milestone.due.v1")
    assert (due["contract_id"], due["kind"], due["due_on"]) == (
        contract["id"],
        "payment",
        "2026-04-01",
    )


@pytest.mark.capability("CON-11")
async def test_the_timer_tells_what_was_missed_once(client, session, database, hear):
    contract = await a_contract_in_force(client, hear)

    await miss(database, "2026-04-01")
    assert await said(session, "contract.milestone.missed.v1") == []
    await miss(database, "2026-04-02")
    await miss(database, "2026-04-03")

    (missed,) = await said(session, "contract.milestone.missed.v1")
    assert missed["contract_id"] == contract["id"]


async def test_a_second_worker_passes_over_what_the_first_is_telling(
    client, session, database, hear
):
    await a_contract_in_force(client, hear)

    async with database.transaction() as first:
        await milestones.miss_overdue_milestones(first, now=on("2026-04-02"))
        async with asyncio.timeout(10):
            await miss(database, "2026-04-02")

    assert len(await said(session, "contract.milestone.missed.v1")) == 1


async def test_a_draft_promises_nothing_yet(client, session, database, hear):
    await a_drafted_contract(client, hear)

    await announce(database, "2026-03-26")
    await miss(database, "2026-04-02")

    assert await said(session, "contract.milestone.due.v1") == []
    assert await said(session, "contract.milestone.missed.v1") == []


@pytest.mark.capability("CON-11")
async def test_the_late_list_shows_what_a_signed_contract_lacks(client, hear):
    late = await a_contract_in_force(
        client, hear, payment_schedule=[{"due_on": "2020-04-01", "share": "1"}]
    )
    await a_drafted_contract(
        client,
        hear,
        customer_id=late["customer_id"],
        payment_schedule=[{"due_on": "2020-04-01", "share": "1"}],
    )

    page = (await client.get("/contract/v1/milestones", params={"late": True})).json()

    assert [(row["contract_id"], row["kind"]) for row in page["data"]] == [(late["id"], "payment")]


@pytest.mark.capability("CON-11")
async def test_a_milestone_is_met_by_hand_with_a_note(client, session, hear):
    contract = await a_contract_in_force(client, hear, acceptance_on="2026-02-01")
    acceptance = (await milestones_of(client, contract, kind="acceptance"))[0]
    path = f"/contract/v1/milestones/{acceptance['id']}"

    response = await client.post(f"{path}:meet", json={"met_on": "2026-02-03", "note": "签字"})
    again = await client.post(f"{path}:meet", json={})

    assert (response.json()["state"], response.json()["met_by"]) == ("met", "hand")
    assert (again.status_code, again.json()["code"]) == (409, "milestone_not_open")
    (met,) = await said(session, "contract.milestone.met.v1")
    assert (met["met_on"], met["late"]) == ("2026-02-03", True)


async def test_a_milestone_nobody_knows_is_not_found(client):
    response = await client.get("/contract/v1/milestones/01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f")

    assert (response.status_code, response.json()["code"]) == (404, "milestone_not_found")


@pytest.mark.capability("CON-14")
async def test_the_end_of_a_contract_is_announced_once_and_then_comes(
    client, session, database, hear
):
    contract = await a_contract_in_force(client, hear)
    path = f"/contract/v1/contracts/{contract['id']}"

    for day in ("2026-11-30", "2026-12-01", "2026-12-02"):
        await announce_ends(database, day)
    await expire(database, "2026-12-31")
    before = (await client.get(path)).json()["state"]
    await expire(database, "2027-01-01")
    await expire(database, "2027-01-02")

    assert len(await said(session, "contract.contract.expiring.v1")) == 1
    assert (before, (await client.get(path)).json()["state"]) == ("signed", "expired")
    (expired,) = await said(session, "contract.contract.expired.v1")
    assert expired["contract_id"] == contract["id"]


async def test_what_an_expired_contract_promised_is_owed_still(client, session, database, hear):
    await a_contract_in_force(client, hear)
    await expire(database, "2027-01-01")

    await miss(database, "2027-01-02")

    assert len(await said(session, "contract.milestone.missed.v1")) == 2


@pytest.mark.capability("X-01")
async def test_the_notice_days_are_those_an_administrator_has_set(client, session, database, hear):
    await a_contract_in_force(client, hear)
    parameter = uuid4()
    for days, effective_on in ((2, "2026-03-01"), (10, "2026-03-24")):
        await hear(
            "channel.parameter.changed.v1",
            subject=parameter,
            name="milestone_notice_days",
            value=days,
            effective_on=effective_on,
        )

    await announce(database, "2026-03-23")
    assert await said(session, "contract.milestone.due.v1") == []
    await announce(database, "2026-03-24")

    assert len(await said(session, "contract.milestone.due.v1")) == 1


@pytest.mark.capability("X-01")
async def test_withdrawn_notice_days_do_not_count(client, session, database, hear):
    await a_contract_in_force(client, hear)
    planned = {"name": "milestone_notice_days", "effective_on": "2026-03-20"}
    parameter = uuid4()
    await hear("channel.parameter.changed.v1", subject=parameter, value=60, **planned)
    await hear("channel.parameter.withdrawn.v1", subject=parameter, **planned)

    await announce(database, "2026-03-22")

    assert await said(session, "contract.milestone.due.v1") == []
