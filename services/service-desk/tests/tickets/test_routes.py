import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from common.auth import LOCAL_OPERATOR
from common.clock import utc_now
from common.testing.service import published, said
from service_desk.tickets import use_cases as tickets
from service_desk.tickets.schemas import TicketClose, TicketOpen, TicketRespond

from ..builders import (
    TICKETS,
    a_closed_ticket,
    a_known_customer,
    a_known_partner,
    a_signed_contract,
    an_opened_ticket,
    did,
)

REQUEST = {"subject": "水泵不转", "category": "hardware.pump", "channel": "phone"}


@pytest.mark.capability("SVC-01")
async def test_a_request_becomes_a_ticket_with_a_number_and_is_told(client, session):
    response = await client.post(TICKETS, json={**REQUEST, "requester": "王芳 138 0000 0000"})

    assert response.status_code == 201
    ticket = response.json()
    assert ticket["number"].startswith("T2")
    assert ticket["state"] == "open"
    assert response.headers["location"] == f"{TICKETS}/{ticket['id']}"
    (opened,) = await said(session, "service_desk.ticket.opened.v1")
    assert opened["ticket_id"] == ticket["id"]
    assert "王芳" not in str(opened)


@pytest.mark.capability("SVC-01")
async def test_a_repeated_message_of_a_channel_is_the_same_ticket(client, session):
    message = {**REQUEST, "channel": "email", "channel_message_id": "<4711@远航.example>"}

    first = await client.post(TICKETS, json=message)
    second = await client.post(TICKETS, json={**message, "subject": "Re: 水泵不转"})
    other = await client.post(TICKETS, json={**message, "channel": "wechat"})

    assert (first.status_code, second.status_code, other.status_code) == (201, 200, 201)
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["subject"] == "水泵不转"
    assert len(await published(session)) == 2


@pytest.mark.capability("SVC-01")
async def test_messages_that_come_twice_at_once_are_one_ticket(client, session):
    message = {**REQUEST, "channel": "chat", "channel_message_id": "4711"}

    answers = await asyncio.gather(*(client.post(TICKETS, json=message) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await published(session)) == 1


@pytest.mark.capability("SVC-01")
async def test_the_requester_is_found_by_number_and_gives_the_ticket_its_scope(
    client, session, hear
):
    owner, department, partner = uuid4(), uuid4(), uuid4()
    customer = await a_known_customer(
        hear, number="C2026-000007", owner_id=owner, department_id=department, partner_id=partner
    )

    ticket = await an_opened_ticket(client, customer_number="C2026-000007")

    assert ticket["customer_id"] == str(customer)
    (opened,) = await said(session, "service_desk.ticket.opened.v1")
    assert (opened["owner_id"], opened["department_id"], opened["partner_id"]) == (
        str(owner),
        str(department),
        str(partner),
    )


async def test_the_caller_decides_on_the_scope_where_he_says_so(client, hear):
    customer = await a_known_customer(hear, owner_id=uuid4(), region_id=uuid4())
    region = str(uuid4())

    ticket = await an_opened_ticket(
        client, customer_id=str(customer), owner_id=None, region_id=region
    )

    assert (ticket["owner_id"], ticket["region_id"]) == (None, region)


@pytest.mark.parametrize("name", ["customer_id", "partner_id"])
async def test_a_reference_nobody_told_us_of_is_refused(client, session, name):
    response = await client.post(TICKETS, json={**REQUEST, name: str(uuid4())})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == f"/{name}"
    assert await published(session) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", " "),
        ("category", "Hardware"),
        ("channel", "smoke"),
        ("impact", "huge"),
        ("opened_at", "2026-03-02T09:30:00"),
        ("colour", "red"),
    ],
)
async def test_a_field_that_does_not_fit_is_named_and_nothing_is_written(
    client, session, field, value
):
    response = await client.post(TICKETS, json={**REQUEST, field: value})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == f"/{field}"
    assert await published(session) == []


async def test_a_priority_by_hand_needs_its_reason(client):
    response = await client.post(TICKETS, json={**REQUEST, "priority": "urgent"})

    assert response.status_code == 422


async def test_an_external_id_names_one_ticket(client):
    first = await an_opened_ticket(client, external_source="old_desk", external_id="4711")

    response = await client.post(
        TICKETS, json={**REQUEST, "external_source": "old_desk", "external_id": "4711"}
    )

    assert response.status_code == 409
    assert response.json()["existing_id"] == first["id"]


async def test_moments_are_kept_and_told_in_utc(client, session):
    ticket = await an_opened_ticket(client, opened_at="2025-11-03T09:00:00+08:00")

    assert ticket["number"].startswith("T2025-")
    assert ticket["opened_at"] == "2025-11-03T01:00:00Z"
    (opened,) = await said(session, "service_desk.ticket.opened.v1")
    assert opened["opened_at"] == "2025-11-03T01:00:00.000000Z"
    assert opened["response_due_at"] == "2025-11-03T06:00:00.000000Z"


@pytest.mark.capability("SVC-13")
async def test_a_ticket_shows_whether_a_contract_covers_it(client, hear):
    customer, product = await a_known_customer(hear), str(uuid4())
    contract = await a_signed_contract(hear, customer)
    about = {"customer_id": str(customer), "product_id": product}

    covered = await an_opened_ticket(client, **about, opened_at="2026-03-02T02:00:00Z")
    before = await an_opened_ticket(client, **about, opened_at="2025-03-02T02:00:00Z")

    assert (covered["covered"], covered["coverage_reason"]) == (True, "covered_by_contract")
    assert covered["contract_id"] == str(contract)
    assert (before["covered"], before["coverage_reason"]) == (False, "not_started")
    assert before["contract_id"] is None


@pytest.mark.capability("SVC-06")
async def test_every_step_is_kept_with_what_was_done_and_what_came_of_it(client, session):
    agent = str(uuid4())
    ticket = await an_opened_ticket(client)

    await did(client, ticket, "assign", assignee_id=agent, team="east", note="熟悉这个型号")
    await did(client, ticket, "respond", note="已电话联系")
    await did(client, ticket, "work", activity="现场检查", result="密封圈老化")
    await did(client, ticket, "close", solution="更换了密封圈")
    await did(client, ticket, "reopen", reason="又漏了")

    history = (await client.get(f"{TICKETS}/{ticket['id']}/history")).json()
    assert [(step["activity"], step["from_state"], step["state"]) for step in history] == [
        ("opened", None, "open"),
        ("assigned", "open", "assigned"),
        ("responded", "assigned", "in_progress"),
        ("worked_on", "in_progress", "in_progress"),
        ("closed", "in_progress", "closed"),
        ("reopened", "closed", "reopened"),
    ]
    assert history[1]["assignee_id"] == agent
    assert (history[3]["note"], history[3]["result"]) == ("现场检查", "密封圈老化")
    assert history[4]["result"] == "更换了密封圈"
    assert {step["by"] for step in history} == {"local-operator"}
    assert [name for name in await published(session) if ".ticket." in name] == [
        f"service_desk.ticket.{verb}.v1"
        for verb in ("opened", "assigned", "responded", "worked_on", "closed", "reopened")
    ]


@pytest.mark.capability("SVC-06")
@pytest.mark.parametrize(
    "change", ["UPDATE ticket_steps SET note = 'x'", "DELETE FROM ticket_steps"]
)
async def test_the_database_refuses_to_change_the_history(client, database, change):
    await an_opened_ticket(client)

    with pytest.raises(DBAPIError, match="only ever added"):
        async with database.transaction() as session:
            await session.execute(text(change))


async def test_a_ticket_of_a_teams_queue_belongs_to_whoever_takes_it(client, session):
    agent = str(uuid4())
    ticket = await an_opened_ticket(client, team="east")

    queued = await did(client, ticket, "assign", team="west")
    taken = await did(client, ticket, "assign", assignee_id=agent)

    assert (queued["state"], queued["team"], queued["assignee_id"]) == ("open", "west", None)
    assert (taken["state"], taken["team"], taken["owner_id"]) == ("assigned", "west", agent)
    (assigned,) = await said(session, "service_desk.ticket.assigned.v1")
    assert (assigned["assignee_id"], assigned["team"]) == (agent, "west")


async def test_an_assignment_names_somebody(client):
    ticket = await an_opened_ticket(client)

    response = await client.post(f"{TICKETS}/{ticket['id']}:assign", json={})

    assert response.status_code == 422


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("assign", {"team": "east"}),
        ("respond", {}),
        ("work", {"activity": "检查"}),
        ("close", {"solution": "重启"}),
        ("reopen", {"reason": "又坏了"}),
        ("reclassify", {"category": "other", "reason": "错"}),
    ],
)
async def test_a_ticket_nobody_knows_is_not_found(client, verb, body):
    response = await client.post(f"{TICKETS}/{uuid4()}:{verb}", json=body)

    assert response.status_code == 404
    assert response.json()["code"] == "ticket_not_found"


async def test_a_closed_ticket_refuses_by_name(client):
    ticket = await a_closed_ticket(client)

    response = await client.post(f"{TICKETS}/{ticket['id']}:close", json={"solution": "重启"})

    assert response.status_code == 409
    assert response.json()["code"] == "ticket_already_closed"


@pytest.mark.capability("SVC-02")
async def test_a_ticket_is_classified_anew_with_a_reason(client, session):
    ticket = await an_opened_ticket(client)

    after = await did(
        client, ticket, "reclassify", category="software", urgency="high", reason="程序问题"
    )

    assert (after["category"], after["priority"]) == ("software", "high")
    assert after["priority_reason"] == "impact medium and urgency high give high by policy 1"
    assert after["response_due_at"] < ticket["response_due_at"]
    (told,) = await said(session, "service_desk.ticket.reclassified.v1")
    assert told["reason"] == "程序问题"
    history = (await client.get(f"{TICKETS}/{ticket['id']}/history")).json()
    assert history[-1]["note"] == "software, high: 程序问题"


async def test_a_category_finds_what_lies_below_it(client):
    pump = await an_opened_ticket(client, category="hardware.pump")
    trunk = await an_opened_ticket(client, category="hardware")
    await an_opened_ticket(client, category="hardware_old")

    page = (await client.get(TICKETS, params={"category": "hardware"})).json()

    assert {row["id"] for row in page["data"]} == {pump["id"], trunk["id"]}


@pytest.mark.capability("SVC-07")
async def test_late_tickets_are_those_whose_clock_runs_and_has_run_out(client):
    long_ago = {"opened_at": "2026-01-05T02:00:00Z"}
    late = await an_opened_ticket(client, **long_ago)
    solved = await an_opened_ticket(client, **long_ago)
    await did(client, solved, "close", solution="重启")
    await an_opened_ticket(client)

    page = (await client.get(TICKETS, params={"late": True})).json()
    breached = (await client.get(TICKETS, params={"breached": True})).json()

    assert [(row["id"], row["late_clocks"]) for row in page["data"]] == [
        (late["id"], ["response", "solution"])
    ]
    assert [row["id"] for row in breached["data"]] == [solved["id"]]


async def test_a_moment_to_filter_by_has_its_offset(client):
    ticket = await an_opened_ticket(client)

    naive = await client.get(TICKETS, params={"opened_since": "2026-01-01T00:00:00"})
    aware = await client.get(TICKETS, params={"opened_since": ticket["opened_at"]})
    later = await client.get(TICKETS, params={"opened_since": "2999-01-01T00:00:00+08:00"})

    assert naive.status_code == 422
    assert [row["id"] for row in aware.json()["data"]] == [ticket["id"]]
    assert later.json()["data"] == []


async def test_a_walk_over_the_pages_sees_every_ticket_once(client):
    for _ in range(5):
        await an_opened_ticket(client, opened_at="2026-01-05T02:00:00Z")

    for sort in ("opened_at", "-updated_at", "solution_due_at"):
        seen, cursor = [], ""
        while True:
            page = (await client.get(f"{TICKETS}?limit=2&sort={sort}{cursor}")).json()
            seen += [row["id"] for row in page["data"]]
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert len(seen) == len(set(seen)) == 5


@pytest.mark.capability("SVC-25")
async def test_a_partners_tickets_are_listed_and_rated_as_the_partners(client, session, hear):
    partner = str(await a_known_partner(hear))
    ticket = await an_opened_ticket(client, channel="partner", partner_id=partner)
    await an_opened_ticket(client)

    page = (await client.get(TICKETS, params={"partner_id": partner})).json()
    await did(client, ticket, "close", solution="已答复")
    (survey,) = (
        await client.get("/service-desk/v1/surveys", params={"partner_id": partner})
    ).json()["data"]
    await client.post(f"/service-desk/v1/surveys/{survey['token']}:answer", json={"score": 5})

    assert [row["id"] for row in page["data"]] == [ticket["id"]]
    (answered,) = await said(session, "service_desk.survey.answered.v1")
    assert (answered["partner_id"], answered["score"]) == (partner, 5)


@pytest.mark.capability("SVC-07")
async def test_a_breach_is_told_once_a_clock_also_after_downtime(client, database, session):
    ticket = await an_opened_ticket(
        client, opened_at="2026-01-05T02:00:00Z", priority="urgent", priority_reason="停产"
    )
    now = utc_now()

    for _ in range(3):
        async with database.transaction() as transaction:
            await tickets.tell_breaches(transaction, now=now)

    told = await said(session, "service_desk.ticket.sla_breached.v1")
    assert [(breach["ticket_id"], breach["clock"]) for breach in told] == [
        (ticket["id"], "response"),
        (ticket["id"], "solution"),
    ]
    assert told[0]["due_at"] == "2026-01-05T02:30:00.000000Z"
    history = (await client.get(f"{TICKETS}/{ticket['id']}/history")).json()
    assert (history[-1]["activity"], history[-1]["note"]) == ("breached", "response, solution")


async def test_a_clock_that_still_runs_or_has_stopped_is_not_told_of(client, database, session):
    await an_opened_ticket(client)
    await a_closed_ticket(client)

    async with database.transaction() as transaction:
        told = await tickets.tell_breaches(transaction, now=utc_now())

    assert told == 0
    assert "service_desk.ticket.sla_breached.v1" not in await published(session)


async def test_two_timers_share_the_work(client, database, session):
    for _ in range(4):
        await an_opened_ticket(client, opened_at="2026-01-05T02:00:00Z")

    async with database.transaction() as one, database.transaction() as other:
        first = await tickets.tell_breaches(one, now=utc_now(), limit=3)
        second = await tickets.tell_breaches(other, now=utc_now(), limit=3)

    assert (first, second) == (3, 1)
    assert len(await said(session, "service_desk.ticket.sla_breached.v1")) == 8


async def test_a_batch_is_taken_in_the_statements_of_one(database, session, hear):
    customer = await a_known_customer(hear)
    now = utc_now()
    news = [
        TicketOpen(
            **REQUEST,
            customer_id=customer,
            product_id=uuid4(),
            channel_message_id=f"call-{number % 40}",
            external_source="old_desk",
            external_id=str(number),
            opened_at=now - timedelta(days=number),
        )
        for number in range(50)
    ]

    statements = await counted_statements(database, news[40:41], now)
    many = await counted_statements(database, news, now)

    # What is more are the rows of the steps and tickets, which leave in one statement each.
    assert many <= statements + 2
    assert len(await said(session, "service_desk.ticket.opened.v1")) == 40


async def counted_statements(database, news, now):
    count = 0

    def seen(*_):
        nonlocal count
        count += 1

    event.listen(database.engine.sync_engine, "before_cursor_execute", seen)
    try:
        async with database.transaction() as transaction:
            await tickets.open_tickets(transaction, news, actor=LOCAL_OPERATOR, now=now)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", seen)
    return count


async def test_an_import_brings_a_ticket_with_its_whole_life(client, database, session):
    now = utc_now()
    async with database.transaction() as transaction:
        ((ticket, _),) = await tickets.open_tickets(
            transaction,
            [TicketOpen(**REQUEST, opened_at="2025-03-03T02:00:00Z")],
            actor=LOCAL_OPERATOR,
            now=now,
            numbers=[7],
        )
        await tickets.respond_to_ticket(
            transaction,
            ticket,
            TicketRespond(responded_at="2025-03-03T02:20:00Z"),
            actor=LOCAL_OPERATOR,
            now=now,
        )
        await tickets.close_ticket(
            transaction,
            ticket,
            TicketClose(solution="重启", closed_at="2025-03-03T03:00:00Z"),
            actor=LOCAL_OPERATOR,
            now=now,
            ask=False,
        )

    shown = (await client.get(f"{TICKETS}/{ticket.id}")).json()
    assert (shown["number"], shown["closed_at"]) == ("T2025-000007", "2025-03-03T03:00:00Z")
    (responded,) = await said(session, "service_desk.ticket.responded.v1")
    (closed,) = await said(session, "service_desk.ticket.closed.v1")
    assert (responded["minutes"], closed["minutes"], closed["within_sla"]) == (20, 60, True)
    assert "service_desk.survey.asked.v1" not in await published(session)
