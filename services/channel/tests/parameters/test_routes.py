from datetime import timedelta

import pytest

from common.clock import utc_now
from common.days import day_of
from common.testing.service import published, said

PARAMETERS = "/channel/v1/parameters"
NOTICE = f"{PARAMETERS}/contract_expiry_notice_days"


def in_days(days):
    return (day_of(utc_now()) + timedelta(days=days)).isoformat()


async def test_before_anything_is_set_the_defaults_count(client, session):
    listed = {row["name"]: row for row in (await client.get(PARAMETERS)).json()}

    assert (
        listed["contract_expiry_notice_days"]["value"],
        listed["default_currency"]["value"],
    ) == (
        30,
        "CNY",
    )
    assert listed["quote_decimal_places"]["minimum"] == 0
    assert listed["quote_decimal_places"]["maximum"] == 6
    assert {row["version"] for row in listed.values()} == {0}
    assert await published(session) == []


@pytest.mark.capability("X-01")
async def test_a_value_counts_from_its_day_on_and_is_told(client, session):
    await client.post(f"{NOTICE}:set", json={"value": 45, "reason": "试行"})
    response = await client.post(
        f"{NOTICE}:set", json={"value": 60, "effective_on": in_days(10), "reason": "新制度"}
    )

    assert response.status_code == 200
    read = (await client.get(NOTICE)).json()
    assert (read["value"], read["next_value"], read["next_effective_on"], read["version"]) == (
        45,
        60,
        in_days(10),
        2,
    )
    assert [(row["value"], row["reason"]) for row in read["history"]] == [
        (60, "新制度"),
        (45, "试行"),
    ]
    assert [
        (told["name"], told["value"], told["effective_on"])
        for told in await said(session, "channel.parameter.changed.v1")
    ] == [
        ("contract_expiry_notice_days", 45, in_days(0)),
        ("contract_expiry_notice_days", 60, in_days(10)),
    ]


@pytest.mark.capability("X-01")
async def test_a_planned_value_is_withdrawn_and_stays_in_the_history(client, session):
    planned = {"value": 60, "effective_on": in_days(10), "reason": "新制度"}
    await client.post(f"{NOTICE}:set", json=planned)

    withdrawn = await client.post(
        f"{NOTICE}:withdraw", json={"effective_on": in_days(10), "reason": "暂不调整"}
    )
    again = await client.post(
        f"{NOTICE}:withdraw", json={"effective_on": in_days(10), "reason": "暂不调整"}
    )

    assert (withdrawn.json()["next_value"], withdrawn.json()["value"]) == (None, 30)
    assert withdrawn.json()["history"][0]["withdrawn_reason"] == "暂不调整"
    assert (again.status_code, again.json()["code"]) == (409, "nothing_planned")
    assert len(await said(session, "channel.parameter.withdrawn.v1")) == 1


@pytest.mark.capability("X-01")
@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (NOTICE, {"value": 400}, 422, "parameter_value_refused"),
        (NOTICE, {"value": "many"}, 422, "parameter_value_refused"),
        (NOTICE, {"value": 45, "effective_on": "2020-01-01"}, 422, "effective_in_the_past"),
        (NOTICE, {"value": 45, "version": 3}, 409, "parameter_changed_meanwhile"),
        (f"{PARAMETERS}/colour", {"value": 1}, 404, "parameter_not_found"),
    ],
)
async def test_what_a_parameter_cannot_be_is_refused(client, session, path, body, status, code):
    response = await client.post(f"{path}:set", json={"reason": "试", **body})

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert await published(session) == []


async def test_a_value_is_a_number_or_a_text(client):
    for value in (True, 1.5, None, [1]):
        response = await client.post(f"{NOTICE}:set", json={"value": value, "reason": "试"})
        assert response.status_code == 422


async def test_an_unknown_parameter_is_not_found(client):
    assert (await client.get(f"{PARAMETERS}/colour")).json()["code"] == "parameter_not_found"
