"""Taking an import back: the identity where nobody edited anything, a choice where somebody did."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from common.auth import LOCAL_OPERATOR
from common.testing.databases import as_owner
from common.testing.service import published

from .test_imports import run, start

pytestmark = pytest.mark.capability("N14")

CUSTOMERS = "/customer/v1/customers"
HEADER = "account,sector,employees,subsidiary_of\n"
BACK_AND_FORTH = ("number", "version", "created_at", "updated_at", "registered_at")


async def undo(client, database, path, *, expect=202, **asked):
    answer = await client.post(f"{path}:undo", json=asked)
    assert answer.status_code == expect, answer.text
    await run(database)
    return (await client.get(path)).json()


async def customers(client):
    """What is there, by name; without what any change moves on."""
    answer = await client.get(CUSTOMERS, params={"limit": 200})
    return {
        row["name"]: {name: row[name] for name in row if name not in BACK_AND_FORTH}
        for row in answer.json()["data"]
    }


async def conflicts(client, path):
    answer = await client.get(f"{path}/rows", params={"undo_outcome": "conflict"})
    return answer.json()["data"]


async def named(client, name):
    return next(row for row in (await client.get(CUSTOMERS)).json()["data"] if row["name"] == name)


async def patch(client, name, **changes):
    customer = await named(client, name)
    answer = await client.patch(f"{CUSTOMERS}/{customer['id']}", json=changes)
    assert answer.status_code == 200, answer.text


CELLS = st.tuples(
    st.sampled_from(["Acme", "Borea", "Cirrus", "Dorado"]),
    st.sampled_from(["", "retail", "finance", "not a number"]),
    st.sampled_from(["", "1", "2", "many"]),
    st.sampled_from(["", "Acme", "Borea", "Cirrus"]),
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    earlier=st.lists(CELLS, max_size=4),
    imported=st.lists(CELLS, min_size=1, max_size=8),
    batch=st.integers(1, 4),
    killed_after=st.integers(0, 3),
)
async def test_an_import_and_its_undoing_are_the_identity(
    client, database, monkeypatch, earlier, imported, batch, killed_after
):
    monkeypatch.setattr("common.imports.jobs.BATCH", batch)
    monkeypatch.setattr("common.imports.undo.BATCH", batch)
    async with database.transaction() as session:
        await as_owner(session)
        await session.execute(text("TRUNCATE customers, duplicate_keys CASCADE"))
    await start(client, HEADER + "".join(",".join(row) + "\n" for row in earlier))
    await run(database)
    before = await customers(client)

    path = await start(client, HEADER + "".join(",".join(row) + "\n" for row in imported))
    await run(database, batches=killed_after)
    await client.post(f"{path}:cancel")
    await client.post(f"{path}:resume")
    await run(database)
    job = (await client.get(path)).json()
    assert (await client.post(f"{path}:undo", json={})).status_code == 202
    await run(database, batches=killed_after)
    await run(database)

    back = (await client.get(path)).json()
    assert await customers(client) == before
    assert job["state"] == "done"
    assert (back["undo_state"], back["undo_left"]) == ("done", 0)
    assert back["undone"] == job["created"] + job["updated"]


async def test_undoing_says_events_and_stands_in_the_trail(client, database, session):
    path = await start(client, HEADER + "Acme,retail,1,\n")
    await run(database)
    customer = await named(client, "Acme")

    job = await undo(client, database, path)

    assert (job["undone"], job["undo_left"]) == (1, 0)
    assert (await published(session))[-1] == "customer.customer.deleted.v1"
    trail = await client.get("/customer/v1/audit-entries", params={"record_id": customer["id"]})
    entry = trail.json()["data"][0]
    assert (entry["action"], entry["actor_id"]) == ("deleted", LOCAL_OPERATOR.id)
    assert entry["correlation_id"] == path.rpartition("/")[-1]


async def test_an_undone_import_undone_again_changes_nothing(client, database, session):
    path = await start(client, HEADER + "Acme,retail,1,\nBorea,retail,2,Acme\n")
    await run(database)
    first = await undo(client, database, path)
    said = await published(session)

    assert await undo(client, database, path) == first
    assert await published(session) == said


async def test_what_was_edited_since_is_left_and_shown_as_a_choice_of_three(client, database):
    await start(client, HEADER + "Acme,retail,1,\n")
    await run(database)
    path = await start(client, HEADER + "Acme,finance,2,\nBorea,retail,2,\n")
    await run(database)
    await patch(client, "Acme", employee_count=3, city="北京")

    job = await undo(client, database, path)

    assert (job["undone"], job["undo_left"]) == (1, 1)
    (row,) = await conflicts(client, path)
    assert row["edited"] == [{"field": "employee_count", "before": 1, "imported": 2, "now": 3}]
    assert (await customers(client))["Acme"]["industry"] == "finance"


@pytest.mark.parametrize(
    ("asked", "industry", "employees"),
    [
        ({"edited": "before"}, "retail", 1),
        ({"edited": "imported"}, "retail", 2),
        ({"choices": [{"line": 2, "take": "now"}]}, "retail", 3),
        (
            {"choices": [{"line": 2, "take": "now", "fields": {"employee_count": "before"}}]},
            "retail",
            1,
        ),
    ],
)
async def test_who_chooses_gets_it(client, database, asked, industry, employees):
    await start(client, HEADER + "Acme,retail,1,\n")
    await run(database)
    path = await start(client, HEADER + "Acme,finance,2,\n")
    await run(database)
    await patch(client, "Acme", employee_count=3, city="北京")
    await undo(client, database, path)

    job = await undo(client, database, path, **asked)

    acme = (await customers(client))["Acme"]
    assert (job["undone"], job["undo_left"]) == (1, 0)
    # What the import did not touch is nobody's business.
    assert (acme["industry"], acme["employee_count"], acme["city"]) == (industry, employees, "北京")


async def test_a_new_customer_with_a_contact_since_is_left(client, database):
    path = await start(client, HEADER + "Acme,retail,1,\n")
    await run(database)
    acme = await named(client, "Acme")
    contact = {"customer_id": acme["id"], "name": "李雷"}
    assert (await client.post("/customer/v1/contacts", json=contact)).status_code == 201

    assert (await undo(client, database, path))["undo_left"] == 1
    assert (await undo(client, database, path, edited="before"))["undone"] == 1

    assert await customers(client) == {}


async def test_what_was_taken_back_can_be_imported_again(client, database):
    path = await start(client, HEADER + "Acme,retail,1,\n")
    await run(database)
    before = await customers(client)
    await undo(client, database, path)

    again = await start(client, HEADER + "Acme,retail,1,\n")
    await run(database)
    there = await customers(client)
    await undo(client, database, again)

    assert there == before
    assert await customers(client) == {}


async def test_only_an_ended_import_that_changed_something_is_taken_back(client, database):
    path = await start(client, HEADER + "Acme,retail,1,\n")
    running = await client.post(f"{path}:undo", json={})
    await run(database)
    dry = await start(client, dry_run=True)
    await run(database)
    nothing = await client.post(f"{dry}:undo", json={})
    await client.post(f"{path}:undo", json={})
    resumed = await client.post(f"{path}:resume")

    codes = [answer.json()["code"] for answer in (running, nothing, resumed)]
    assert codes == ["import_not_ended", "nothing_to_undo", "import_taken_back"]


async def test_a_dry_run_says_what_would_change(client, database):
    await start(client, HEADER + "Acme,retail,1,\n")
    await run(database)

    path = await start(client, HEADER + "Acme,finance,1,\nBorea,retail,2,\n", dry_run=True)
    await run(database)

    rows = (await client.get(f"{path}/rows")).json()["data"]
    assert [row["outcome"] for row in rows] == ["updated", "created"]
    assert rows[0]["changes"] == {"industry": ["retail", "finance"]}
    assert rows[1]["changes"]["employee_count"] == [None, 2]
    assert [(name, row["industry"]) for name, row in (await customers(client)).items()] == [
        ("Acme", "retail")
    ]
