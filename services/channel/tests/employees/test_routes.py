from uuid import uuid4

import pytest

from common.testing.service import published, said

from ..builders import a_joined_employee, an_onboarded_partner, an_open_department

EMPLOYEES = "/channel/v1/employees"


@pytest.mark.capability("X-04")
async def test_an_employee_joins_with_a_number_and_is_told_without_contact_data(client, session):
    employee = await a_joined_employee(
        client,
        position="区域经理",
        email="fang.wang@fairway.example",
        external_source="hr",
        external_id="7",
    )

    (told,) = await said(session, "channel.employee.changed.v1")
    assert employee["number"].startswith("E")
    assert (told["employee_id"], told["position"], told["state"], told["external_id"]) == (
        employee["id"],
        "区域经理",
        "active",
        "7",
    )
    assert "fairway.example" not in str(told)


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [("name", " ", "/name"), ("email", "nobody", "/email"), ("phone", "abc", "/phone")],
)
async def test_a_field_that_does_not_fit_is_named(client, session, field, value, pointer):
    response = await client.post(
        EMPLOYEES, json={"name": "王芳", "department_id": str(uuid4()), field: value}
    )

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer
    assert await published(session) == []


async def test_a_manager_nobody_knows_is_refused(client):
    department = await an_open_department(client)

    response = await client.post(
        EMPLOYEES,
        json={"name": "王芳", "department_id": department["id"], "manager_id": str(uuid4())},
    )

    assert response.status_code == 422
    assert response.json()["code"] == "employee_unknown"


async def test_an_external_id_names_one_employee(client):
    first = await a_joined_employee(client, external_source="hr", external_id="7")

    response = await client.post(
        EMPLOYEES,
        json={
            "name": "另一位",
            "department_id": first["department_id"],
            "external_source": "hr",
            "external_id": "7",
        },
    )

    assert (response.status_code, response.json()["existing_id"]) == (409, first["id"])


@pytest.mark.capability("X-04")
async def test_a_manager_does_not_report_to_their_own_people(client):
    manager = await a_joined_employee(client)
    report = await a_joined_employee(client, manager_id=manager["id"])

    response = await client.patch(f"{EMPLOYEES}/{manager['id']}", json={"manager_id": report["id"]})

    assert response.status_code == 422
    assert response.json()["code"] == "manager_cycle"


@pytest.mark.capability("X-04")
async def test_the_successor_takes_over_people_and_partners(client, session):
    leaving = await a_joined_employee(client)
    successor = await a_joined_employee(client, name="李强")
    report = await a_joined_employee(client, name="赵敏", manager_id=leaving["id"])
    partner = await an_onboarded_partner(client, owner_id=leaving["id"])

    refused = await client.post(f"{EMPLOYEES}/{leaving['id']}:leave", json={})
    left = await client.post(
        f"{EMPLOYEES}/{leaving['id']}:leave",
        json={"successor_id": successor["id"], "left_on": "2026-02-28"},
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "employee_is_needed")
    assert (left.json()["state"], left.json()["left_on"]) == ("left", "2026-02-28")
    moved = (await client.get(f"{EMPLOYEES}/{report['id']}")).json()
    cared_for = (await client.get(f"/channel/v1/partners/{partner['id']}")).json()
    assert moved["manager_id"] == cared_for["owner_id"] == successor["id"]
    assert (await said(session, "channel.partner.updated.v1"))[-1]["owner_id"] == successor["id"]


@pytest.mark.capability("X-04")
async def test_what_somebody_leaves_behind_is_shown_before(client):
    leaving = await a_joined_employee(client)
    assert (await client.get(f"{EMPLOYEES}/{leaving['id']}/leaving")).json() == {
        "reports": [],
        "partners": [],
        "needs_successor": False,
    }
    report = await a_joined_employee(client, name="赵敏", manager_id=leaving["id"])
    partner = await an_onboarded_partner(client, owner_id=leaving["id"])

    preview = (await client.get(f"{EMPLOYEES}/{leaving['id']}/leaving")).json()

    assert preview["needs_successor"]
    assert [row["id"] for row in preview["reports"]] == [report["id"]]
    assert [row["number"] for row in preview["partners"]] == [partner["number"]]


@pytest.mark.capability("X-04")
async def test_the_others_hear_who_takes_over_and_where(client, session):
    leaving = await a_joined_employee(client)
    successor = await a_joined_employee(client, name="李强")

    await client.post(f"{EMPLOYEES}/{leaving['id']}:leave", json={})
    await client.post(f"{EMPLOYEES}/{leaving['id']}:leave", json={"successor_id": successor["id"]})
    await client.post(f"{EMPLOYEES}/{leaving['id']}:leave", json={"successor_id": successor["id"]})

    *_, alone, followed = await said(session, "channel.employee.changed.v1")
    assert (alone["state"], alone.get("successor_id")) == ("left", None)
    assert (followed["state"], followed["successor_id"], followed["successor_department_id"]) == (
        "left",
        successor["id"],
        successor["department_id"],
    )


@pytest.mark.capability("X-04")
async def test_somebody_works_in_further_departments(client, session):
    project = await an_open_department(client, name="项目组", kind="team")
    employee = await a_joined_employee(client, other_department_ids=[project["id"]])
    unknown = await client.patch(
        f"{EMPLOYEES}/{employee['id']}", json={"other_department_ids": [str(uuid4())]}
    )
    busy = await client.post(f"/channel/v1/departments/{project['id']}:close")

    assert employee["other_department_ids"] == [project["id"]]
    assert (await said(session, "channel.employee.changed.v1"))[-1]["other_department_ids"] == [
        project["id"]
    ]
    assert unknown.json()["code"] == "department_unknown"
    assert (busy.status_code, busy.json()["employees"]) == (409, 1)


async def test_a_successor_from_below_takes_the_place_of_the_leaving_manager(client):
    top = await a_joined_employee(client, name="总经理")
    leaving = await a_joined_employee(client, name="经理", manager_id=top["id"])
    middle = await a_joined_employee(client, name="主管", manager_id=leaving["id"])
    successor = await a_joined_employee(client, name="代表", manager_id=middle["id"])

    response = await client.post(
        f"{EMPLOYEES}/{leaving['id']}:leave", json={"successor_id": successor["id"]}
    )

    assert response.status_code == 200
    managers = {
        row["name"]: row["manager_id"] for row in (await client.get(EMPLOYEES)).json()["data"]
    }
    assert (managers["代表"], managers["主管"]) == (top["id"], successor["id"])


async def test_somebody_who_left_manages_nobody_new(client):
    gone = await a_joined_employee(client)
    await client.post(f"{EMPLOYEES}/{gone['id']}:leave", json={})

    response = await client.post(
        EMPLOYEES,
        json={"name": "王芳", "department_id": gone["department_id"], "manager_id": gone["id"]},
    )

    assert response.json()["code"] == "employee_unknown"


async def test_the_list_is_filtered(client):
    wanted = await a_joined_employee(client, name="钱伟")
    await a_joined_employee(client, name="孙丽")

    by_name = (await client.get(EMPLOYEES, params={"q": "钱"})).json()
    by_department = (
        await client.get(EMPLOYEES, params={"department_id": wanted["department_id"]})
    ).json()

    assert [row["id"] for row in by_name["data"]] == [wanted["id"]]
    assert [row["id"] for row in by_department["data"]] == [wanted["id"]]
