from datetime import timedelta

import pytest

from common.testing.service import said
from customer.segments.use_cases import refresh_next, refresh_segments

from ..builders import a_created_customer
from ..merges.test_merges import merge
from ..standings.builders import in_days
from ..standings.test_grades import TODAY
from .test_conditions import SEGMENTS, where

ENTERED, LEFT = (f"customer.segment.members_{what}.v1" for what in ("entered", "left"))


async def a_segment(client, *conditions, name="杭州客户"):
    response = await client.post(SEGMENTS, json={"name": name, "conditions": list(conditions)})
    assert response.status_code == 201, response.text
    return response.json()


async def refreshed(database, now=None):
    """The segments that are due at a time are brought up to date."""
    if now is None:
        while await refresh_segments(database):
            pass
    else:
        while await refresh_next(database, now=now):
            pass


async def members(client, segment, on=None):
    response = await client.get(
        f"{SEGMENTS}/{segment['id']}/members", params={"on": str(on)} if on else None
    )
    assert response.status_code == 200, response.text
    return [row["name"] for row in response.json()["data"]]


async def move(client, customer, city):
    response = await client.patch(f"/customer/v1/customers/{customer['id']}", json={"city": city})
    assert response.status_code == 200, response.text


@pytest.mark.capability("CUS-29")
async def test_who_enters_and_leaves_is_told_once_and_days_stay_readable(client, session, database):
    first = await a_created_customer(client, name="甲", city="杭州")
    second = await a_created_customer(client, name="乙", city="上海")
    segment = await a_segment(client, where("city", "is", "杭州"))
    await refreshed(database)
    await refreshed(database, in_days(1))
    await move(client, first, "上海")
    await move(client, second, "杭州")
    await refreshed(database, in_days(2))
    await refreshed(database, in_days(3))

    assert await members(client, segment) == ["乙"]
    days = [TODAY + timedelta(days=days) for days in (-1, 0, 1, 2)]
    assert [await members(client, segment, day) for day in days] == [[], ["甲"], ["甲"], ["乙"]]
    entered = [event["customer_ids"] for event in await said(session, ENTERED)]
    left = [event["customer_ids"] for event in await said(session, LEFT)]
    assert (entered, left) == ([[first["id"]], [second["id"]]], [[first["id"]]])


@pytest.mark.capability("CUS-29")
async def test_a_frozen_segment_keeps_who_belonged_whatever_becomes_of_them(
    client, session, database
):
    customer = await a_created_customer(client, name="甲", city="杭州")
    segment = await a_segment(client, where("city", "is", "杭州"))
    response = await client.post(f"{SEGMENTS}/{segment['id']}:freeze", json={"name": "三月目标"})
    frozen = response.json()
    await move(client, customer, "上海")
    await refreshed(database)

    assert (frozen["kind"], frozen["frozen_from_id"]) == ("frozen", segment["id"])
    assert await members(client, frozen) == ["甲"]
    assert await members(client, segment) == []
    refused = await client.patch(
        f"{SEGMENTS}/{frozen['id']}", json={"conditions": [where("city", "is", "北京")]}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "segment_is_frozen")


@pytest.mark.capability("CUS-29")
async def test_other_conditions_take_effect_at_the_next_run(client, database):
    await a_created_customer(client, name="甲", city="杭州")
    await a_created_customer(client, name="乙", city="上海")
    segment = await a_segment(client, where("city", "is", "杭州"))
    await refreshed(database)

    path = f"{SEGMENTS}/{segment['id']}"
    changed = await client.patch(path, json={"conditions": [where("city", "is", "上海")]})
    assert changed.status_code == 200, changed.text
    assert changed.json()["is_behind"]
    await refreshed(database)
    shown = (await client.get(path)).json()

    assert (await members(client, segment), shown["is_behind"]) == (["乙"], False)


async def test_a_merged_member_is_the_survivor_once(client, database):
    one = await a_created_customer(client, name="甲", city="杭州")
    other = await a_created_customer(client, name="乙", city="杭州")
    segment = await a_segment(client, where("city", "is", "杭州"))
    await refreshed(database)

    await merge(client, one, other)
    await refreshed(database, in_days(1))

    assert await members(client, segment) == ["甲"]


async def test_a_retired_segment_is_left_alone(client, database):
    segment = await a_segment(client, where("city", "is", "杭州"))
    path = f"{SEGMENTS}/{segment['id']}"
    for _ in range(2):
        assert (await client.post(f"{path}:retire")).json()["retired_at"] is not None
    await a_created_customer(client, city="杭州")
    await refreshed(database)

    assert await members(client, segment) == []
    assert (await client.get(SEGMENTS)).json()["data"] == []
