"""Saved views in every service: every list takes them, and they give nobody more rows."""

import pytest

from fairway.services import PACKAGES

from ..security.bodies import query_for
from .conftest import Guard

pytestmark = pytest.mark.capability("P-09")


@pytest.mark.parametrize("package", PACKAGES)
async def test_every_list_takes_a_view_and_narrows_its_rows(guard: Guard, package):
    guarded = await guard(package)
    client, _ = await guarded.signed_in("*")
    api = f"/{package.replace('_', '-')}/v1"
    document = guarded.app.openapi()
    paged = {
        path.removeprefix(f"{api}/")
        for path, operations in document["paths"].items()
        # Those below a thing, as the stages of a customer, are short and looked at as they are.
        if "{" not in path
        and any(one["name"] == "cursor" for one in operations.get("get", {}).get("parameters", ()))
    }

    for name, held in guarded.app.state.lists.items():
        column = held.columns[-1]
        needed = query_for(document["paths"][f"{api}/{name}"]["get"], document, {})
        view = await client.post(
            f"{api}/views",
            json={"name": f"of {name}", "list": name, "columns": [column], "query": needed},
        )
        used = await client.get(f"{api}/{name}", params={"view": view.json().get("id")})
        assert (view.status_code, used.status_code) == (201, 200), (name, view.text, used.text)
        assert all(row.keys() <= {"id", column} for row in used.json()["data"])
        paged.remove(name)
    assert paged == set()


async def test_a_view_shared_with_a_team_shows_each_of_them_their_own_rows(guard: Guard):
    guarded = await guard("customer")
    department_id = await guarded.department()
    rights = ("customer.customers.*",)
    people = []
    for _ in range(2):
        employee_id = await guarded.employee(department_id)
        people.append((await guarded.signed_in(*rights, scope="own", employee_id=employee_id))[0])
    wang, li = people
    for client, name in ((wang, "远航机电"), (li, "宏达贸易")):
        made = await client.post("/customer/v1/customers", json={"name": name, "city": "杭州"})
        assert made.status_code == 201, made.text
    stranger, _ = await guarded.signed_in(*rights)

    view = await wang.post(
        "/customer/v1/views",
        json={
            "name": "杭州",
            "list": "customers",
            "query": {"city": "杭州"},
            "shared_with": {"department_id": str(department_id)},
        },
    )
    assert view.status_code == 201, view.text
    params = {"view": view.json()["id"], "include": "total"}
    seen_by_li = (await li.get("/customer/v1/customers", params=params)).json()
    by_stranger = await stranger.get("/customer/v1/customers", params=params)

    assert [row["name"] for row in seen_by_li["data"]] == ["宏达贸易"]
    assert seen_by_li["total"] == 1
    assert by_stranger.status_code == 404


async def test_an_export_has_the_rows_over_which_one_has_the_right_to_export(guard: Guard):
    guarded = await guard("customer")
    department_id = await guarded.department()
    employee_id = await guarded.employee(department_id)
    everything = await guarded.role("customer.customers.read", "customer.customers.write")
    own = await guarded.role("customer.customers.export", scope="own")
    account_id = await guarded.account(everything, own, employee_id=employee_id)
    client = guarded.client(account_id)
    others, _ = await guarded.signed_in("customer.customers.*")
    for maker, name in ((client, "远航机电"), (others, "宏达贸易")):
        body = {"name": name, "owner_id": str(employee_id)} if maker is client else {"name": name}
        assert (await maker.post("/customer/v1/customers", json=body)).status_code == 201

    listed = await client.get("/customer/v1/customers", params={"include": "total"})
    file = await client.get(
        "/customer/v1/customers", params={"fields": "name"}, headers={"Accept": "text/csv"}
    )

    assert listed.json()["total"] == 2
    assert file.status_code == 200, file.text
    assert [line.split(",")[1] for line in file.text.splitlines()] == ["name", "远航机电"]
