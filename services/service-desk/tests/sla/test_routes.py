from uuid import uuid4

import pytest

from common.testing.service import published

from ..builders import OFFICE_HOURS, PRIORITIES, TARGETS, an_opened_ticket, did

POLICIES, CALENDARS = "/service-desk/v1/sla-policies", "/service-desk/v1/sla-calendars"
QUICK = {name: {"response_minutes": 5, "solution_minutes": 10} for name in TARGETS}


async def a_published_calendar(client, **values):
    response = await client.post(
        CALENDARS, json={"name": "office", "windows": OFFICE_HOURS, **values}
    )
    assert response.status_code == 201, response.text
    return response.json()


def a_promise(calendar, **values):
    promise = {"priorities": PRIORITIES, "targets": TARGETS, "reason": "新年度"}
    return {"calendar_id": calendar["id"], **promise, **values}


async def test_the_installation_brings_a_policy_and_a_calendar(client):
    (policy,) = (await client.get(POLICIES)).json()["data"]
    (calendar,) = (await client.get(CALENDARS)).json()["data"]

    assert policy["calendar_id"] == calendar["id"]
    assert (calendar["zone"], calendar["windows"]) == ("Asia/Shanghai", OFFICE_HOURS)
    assert policy["targets"] == {
        name: {"around_the_clock": False, **target} for name, target in TARGETS.items()
    }


@pytest.mark.capability("SVC-07")
async def test_a_new_policy_counts_for_new_tickets_and_open_ones_keep_theirs(client, session):
    before = await an_opened_ticket(client)
    calendar = await a_published_calendar(client)
    response = await client.post(POLICIES, json=a_promise(calendar, targets=QUICK))
    assert response.status_code == 201
    policy = response.json()

    after = await an_opened_ticket(client)
    moved = await did(client, before, "reclassify", urgency="high", reason="停产")

    assert (policy["revision"], calendar["revision"]) == (2, 2)
    assert after["policy_id"] == policy["id"]
    assert moved["policy_id"] == before["policy_id"] != policy["id"]
    assert (await published(session))[1:3] == [
        "service_desk.calendar.published.v1",
        "service_desk.policy.published.v1",
    ]


async def test_a_policy_for_later_does_not_count_yet(client):
    calendar = await a_published_calendar(client)
    promise = a_promise(calendar, effective_at="2099-01-01T00:00:00+08:00")

    policy = (await client.post(POLICIES, json=promise)).json()

    assert policy["effective_at"] == "2098-12-31T16:00:00Z"
    assert (await an_opened_ticket(client))["policy_id"] != policy["id"]


async def test_a_policy_of_a_calendar_nobody_knows_is_refused(client):
    response = await client.post(POLICIES, json=a_promise({"id": str(uuid4())}))

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/calendar_id"


@pytest.mark.parametrize(
    "wrong",
    [
        {"targets": {"low": TARGETS["low"]}},
        {"targets": {**TARGETS, "low": {"response_minutes": 9, "solution_minutes": 1}}},
        {"priorities": {"low": PRIORITIES["low"]}},
        {"effective_at": "2020-01-01T00:00:00Z"},
    ],
    ids=["a priority is missing", "solved before answered", "an impact is missing", "past"],
)
async def test_a_promise_that_leaves_something_open_is_refused(client, wrong):
    calendar = await a_published_calendar(client)

    response = await client.post(POLICIES, json=a_promise(calendar, **wrong))

    assert response.status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Asia/Atlantis"},
        {"windows": []},
        {"windows": [{"weekday": 8, "opens": "09:00", "closes": "12:00"}]},
        {"windows": [{"weekday": 1, "opens": "12:00", "closes": "09:00"}]},
        {"windows": [{"weekday": 1, "opens": "09:00", "closes": "25:00"}]},
        {"windows": [*OFFICE_HOURS, {"weekday": 1, "opens": "11:00", "closes": "14:00"}]},
        {"special_days": [{"on": "2026-10-01", "windows": []}] * 2},
    ],
    ids=["zone", "no hours", "weekday", "reverse", "25:00", "overlap", "a day twice"],
)
async def test_hours_that_make_no_calendar_are_refused(client, wrong):
    body = {"name": "office", "windows": OFFICE_HOURS, **wrong}

    response = await client.post(CALENDARS, json=body)

    assert response.status_code == 422


async def test_a_holiday_moves_what_is_due(client):
    calendar = await a_published_calendar(
        client, special_days=[{"on": "2099-01-02", "windows": []}]
    )

    shown = (await client.get(f"{CALENDARS}/{calendar['id']}")).json()

    assert shown["special_days"] == [{"on": "2099-01-02", "windows": []}]


@pytest.mark.parametrize("path", [POLICIES, CALENDARS])
async def test_a_version_nobody_published_is_not_found(client, path):
    response = await client.get(f"{path}/{uuid4()}")

    assert response.status_code == 404
