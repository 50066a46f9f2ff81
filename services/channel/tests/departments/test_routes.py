import asyncio
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from channel.departments import use_cases as departments
from common.auth import LOCAL_OPERATOR
from common.testing.service import published, said

from ..builders import NOW, a_joined_employee, an_open_department, an_open_territory


@pytest.fixture
async def tree(client):
    """A group with two branches, and an office in the first."""
    group = await an_open_department(client, name="远航集团", kind="group")
    east = await an_open_department(client, name="东", kind="branch", parent_id=group["id"])
    west = await an_open_department(client, name="西", kind="branch", parent_id=group["id"])
    office = await an_open_department(client, name="办事处", kind="office", parent_id=east["id"])
    return {"group": group, "east": east, "west": west, "office": office}


@pytest.mark.capability("X-03")
async def test_a_department_is_opened_and_told(client, session):
    region = await an_open_territory(client)

    department = await an_open_department(
        client, code="EAST", region_id=region["id"], external_source="erp", external_id="D1"
    )

    (told,) = await said(session, "channel.department.changed.v1")
    assert (told["department_id"], told["kind"], told["state"]) == (
        department["id"],
        "office",
        "active",
    )
    assert (told["region_id"], told["external_id"]) == (region["id"], "D1")


@pytest.mark.parametrize(
    ("field", "code"), [("parent_id", "department"), ("region_id", "territory")]
)
async def test_a_place_nobody_knows_is_refused(client, session, field, code):
    response = await client.post(
        "/channel/v1/departments", json={"name": "无", "kind": "team", field: str(uuid4())}
    )

    assert response.status_code == 422
    assert response.json()["code"] == f"{code}_unknown"
    assert response.json()["errors"][0]["pointer"] == f"/{field}"
    assert await published(session) == []


@pytest.mark.parametrize(
    "taken", [{"code": "EAST"}, {"external_source": "erp", "external_id": "D1"}]
)
async def test_a_code_and_an_external_id_name_one_department(client, taken):
    first = await an_open_department(client, **taken)

    response = await client.post(
        "/channel/v1/departments", json={"name": "另一个", "kind": "team", **taken}
    )

    assert response.status_code == 409
    assert response.json()["existing_id"] == first["id"]


@pytest.mark.capability("X-03")
async def test_the_subtree_is_listed_from_the_top(client, tree):
    response = await client.get(f"/channel/v1/departments/{tree['group']['id']}/subtree")

    assert [(row["name"], row["depth"]) for row in response.json()] == [
        ("远航集团", 0),
        ("东", 1),
        ("西", 1),
        ("办事处", 2),
    ]


async def test_the_subtree_of_nobody_is_not_found(client):
    response = await client.get(f"/channel/v1/departments/{uuid4()}/subtree")

    assert response.json()["code"] == "department_not_found"


@pytest.mark.capability("X-03")
async def test_a_move_takes_effect_at_once_and_keeps_history(client, session, tree):
    path = f"/channel/v1/departments/{tree['office']['id']}"
    what = {"parent_id": tree["west"]["id"], "reason": "区域调整", "moved_on": "2026-01-01"}

    assert (await client.post(f"{path}:move", json=what)).status_code == 200

    subtree = (await client.get(f"/channel/v1/departments/{tree['west']['id']}/subtree")).json()
    assert [row["name"] for row in subtree] == ["西", "办事处"]
    (move,) = (await client.get(f"{path}/moves")).json()
    assert (move["from_parent_id"], move["parent_id"], move["moved_on"], move["reason"]) == (
        tree["east"]["id"],
        tree["west"]["id"],
        "2026-01-01",
        "区域调整",
    )
    assert (await said(session, "channel.department.changed.v1"))[-1]["parent_id"] == (
        tree["west"]["id"]
    )


async def placed_on(client, day=None):
    """Who stands below whom, by name, with the depth."""
    params = {} if day is None else {"on": day}
    rows = (await client.get("/channel/v1/departments/tree", params=params)).json()
    names = {row["id"]: row["name"] for row in rows}
    return {row["name"]: (names.get(row["parent_id"]), row["depth"]) for row in rows}


@pytest.mark.capability("X-03")
async def test_the_tree_is_shown_as_it_stood_on_a_day(client, database, tree):
    async with database.transaction() as session:
        await session.execute(text("UPDATE departments SET created_at = '2025-01-01T00:00:00Z'"))
    path = f"/channel/v1/departments/{tree['office']['id']}"
    for parent, day in (("west", "2026-02-01"), ("group", "2026-03-01")):
        moved = await client.post(
            f"{path}:move",
            json={"parent_id": tree[parent]["id"], "reason": "区域调整", "moved_on": day},
        )
        assert moved.status_code == 200, moved.text

    assert await placed_on(client) == {
        "远航集团": (None, 0),
        "东": ("远航集团", 1),
        "西": ("远航集团", 1),
        "办事处": ("远航集团", 1),
    }
    assert (await placed_on(client, "2026-03-01"))["办事处"] == ("远航集团", 1)
    assert (await placed_on(client, "2026-02-28"))["办事处"] == ("西", 2)
    assert (await placed_on(client, "2026-02-01"))["办事处"] == ("西", 2)
    assert (await placed_on(client, "2026-01-31"))["办事处"] == ("东", 2)
    assert await placed_on(client, "2024-12-31") == {}


@pytest.mark.capability("X-03")
async def test_a_closed_department_stands_in_the_tree_until_its_day(client, database, tree):
    async with database.transaction() as session:
        await session.execute(text("UPDATE departments SET created_at = '2025-01-01T00:00:00Z'"))
    closed = await client.post(f"/channel/v1/departments/{tree['west']['id']}:close")

    day = date.fromisoformat(closed.json()["closed_on"])

    assert "西" not in await placed_on(client)
    assert "西" not in await placed_on(client, day.isoformat())
    assert "西" in await placed_on(client, (day - timedelta(days=1)).isoformat())


@pytest.mark.capability("X-03")
async def test_a_move_back_in_time_cannot_close_a_circle_in_the_past(client):
    one = await an_open_department(client, kind="subsidiary")
    other = await an_open_department(client, kind="subsidiary", parent_id=one["id"])
    await client.post(
        f"/channel/v1/departments/{other['id']}:move",
        json={"parent_id": None, "reason": "独立", "moved_on": "2026-03-01"},
    )
    below = {"parent_id": other["id"], "reason": "合并"}

    early = await client.post(
        f"/channel/v1/departments/{one['id']}:move", json={**below, "moved_on": "2026-02-28"}
    )
    later = await client.post(
        f"/channel/v1/departments/{one['id']}:move", json={**below, "moved_on": "2026-03-01"}
    )

    assert (early.json()["code"], early.json()["after"]) == ("move_out_of_order", "2026-03-01")
    assert later.status_code == 200


@pytest.mark.capability("X-03")
async def test_a_move_that_would_close_a_circle_is_refused(client):
    top = await an_open_department(client, kind="subsidiary")
    middle = await an_open_department(client, kind="subsidiary", parent_id=top["id"])
    bottom = await an_open_department(client, kind="subsidiary", parent_id=middle["id"])

    response = await client.post(
        f"/channel/v1/departments/{top['id']}:move",
        json={"parent_id": bottom["id"], "reason": "错"},
    )

    assert response.status_code == 422
    assert response.json()["code"] == "department_cycle"


@pytest.mark.capability("X-03")
async def test_two_moves_at_once_close_no_circle(client, database):
    one = await an_open_department(client, kind="subsidiary")
    below_one = await an_open_department(client, kind="subsidiary", parent_id=one["id"])
    other = await an_open_department(client, kind="subsidiary")
    below_other = await an_open_department(client, kind="subsidiary", parent_id=other["id"])

    async with database.transaction() as under_way:
        await departments.move_department(
            under_way,
            UUID(one["id"]),
            parent_id=UUID(below_other["id"]),
            reason="合并",
            moved_on=None,
            actor=LOCAL_OPERATOR,
            now=NOW,
        )
        second = asyncio.create_task(
            client.post(
                f"/channel/v1/departments/{other['id']}:move",
                json={"parent_id": below_one["id"], "reason": "合并"},
            )
        )
        await asyncio.sleep(0.2)

    assert (await second).json()["code"] == "department_cycle"


@pytest.mark.capability("X-03")
async def test_a_department_closes_when_nobody_is_left_in_it(client, session, tree):
    east = f"/channel/v1/departments/{tree['east']['id']}"
    office = f"/channel/v1/departments/{tree['office']['id']}"
    employee = await a_joined_employee(client, department_id=tree["office"]["id"])

    refused = await client.post(f"{office}:close")
    assert (refused.status_code, refused.json()["employees"]) == (409, 1)
    refused = await client.post(f"{east}:close")
    assert (refused.status_code, refused.json()["open_departments"]) == (409, 1)

    await client.post(f"/channel/v1/employees/{employee['id']}:leave", json={})
    assert (await client.post(f"{office}:close")).json()["state"] == "closed"
    assert (await client.post(f"{east}:close")).json()["state"] == "closed"
    assert (await client.post(f"{east}:close")).status_code == 200
    assert (await client.post(f"{office}:reopen")).json()["code"] == "department_closed"
    assert (await client.post(f"{east}:reopen")).json()["state"] == "active"


async def test_nobody_joins_a_closed_department(client):
    department = await an_open_department(client)
    await client.post(f"/channel/v1/departments/{department['id']}:close")

    response = await client.post(
        "/channel/v1/employees", json={"name": "王芳", "department_id": department["id"]}
    )

    assert response.status_code == 422
    assert response.json()["code"] == "department_unknown"


async def test_a_patch_changes_what_it_names(client, tree):
    path = f"/channel/v1/departments/{tree['office']['id']}"

    changed = await client.patch(path, json={"name": "杭州办事处", "code": "HZ"})
    misplaced = await client.patch(path, json={"kind": "hq"})

    assert (changed.json()["name"], changed.json()["code"], changed.json()["version"]) == (
        "杭州办事处",
        "HZ",
        2,
    )
    assert misplaced.json()["code"] == "department_misplaced"


async def test_the_list_is_filtered_and_walked(client, tree):
    top = (await client.get("/channel/v1/departments?top=true")).json()
    branches = (await client.get("/channel/v1/departments?kind=branch&limit=1")).json()
    rest = await client.get(
        f"/channel/v1/departments?kind=branch&limit=1&cursor={branches['next_cursor']}"
    )

    assert [row["id"] for row in top["data"]] == [tree["group"]["id"]]
    assert {branches["data"][0]["id"], rest.json()["data"][0]["id"]} == {
        tree["east"]["id"],
        tree["west"]["id"],
    }
