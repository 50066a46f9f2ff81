import asyncio
import json

import pytest

from common.imports.jobs import ImportRunner
from common.testing.service import published
from customer.imports.targets import TARGETS

MAPPING = {
    "external_source": "old_crm",
    "fields": {
        "external_id": {"column": "account", "required": True},
        "name": {"column": "account", "required": True},
        "industry": {
            "column": "sector",
            "kind": "code",
            "replace": {"technolgy": "technology"},
        },
        "employee_count": {"column": "employees", "kind": "integer"},
        "parent_external_id": {"column": "subsidiary_of"},
    },
}
FILE = (
    "account,sector,employees,subsidiary_of\n"
    "Acme Bikes,retail,12,Acme Group\n"
    "Acme Group,technolgy,2000,\n"
    "Broken,retail,many,\n"
)


async def start(client, content=FILE, *, mapping=MAPPING, dry_run=False):
    response = await client.post(
        "/customer/v1/imports",
        files={"file": ("accounts.csv", content.encode())},
        data={
            "target": "customers",
            "mapping": json.dumps(mapping),
            "dry_run": str(dry_run).lower(),
        },
    )
    assert response.status_code == 202, response.text
    return response.headers["operation-location"]


async def run(database, *, batches=None):
    runner = ImportRunner(TARGETS)
    done = 0
    while (batches is None or done < batches) and await runner(database):
        done += 1


@pytest.mark.capability("C-03")
async def test_every_row_has_its_outcome_and_reason(client, database):
    path = await start(client)
    await run(database)

    job = (await client.get(path)).json()
    rows = (await client.get(f"{path}/rows")).json()["data"]

    assert (job["state"], job["created"], job["rejected"], job["warnings"]) == ("done", 2, 1, 1)
    assert [(row["line"], row["outcome"]) for row in rows] == [
        (2, "created"),
        (3, "created"),
        (4, "rejected"),
    ]
    assert rows[1]["warnings"] == ["sector: technolgy corrected to technology"]
    assert rows[2]["reason"] == "employees: 'many' is not a integer"


async def test_a_parent_is_found_wherever_it_stands_in_the_file(client, database):
    await start(client)
    await run(database)

    found = {
        row["name"]: row for row in (await client.get("/customer/v1/customers")).json()["data"]
    }
    assert found["Acme Bikes"]["parent_id"] == found["Acme Group"]["id"]


async def test_a_dry_run_says_the_same_and_changes_nothing(client, database, session):
    path = await start(client, dry_run=True)
    await run(database)

    job = (await client.get(path)).json()
    assert (job["state"], job["created"], job["rejected"]) == ("done", 2, 1)
    assert await published(session) == []
    assert (await client.get("/customer/v1/customers")).json()["data"] == []


async def test_a_second_import_changes_nothing(client, database, session):
    await start(client)
    await run(database)
    before = await published(session)

    path = await start(client)
    await run(database)

    job = (await client.get(path)).json()
    assert (job["created"], job["updated"], job["unchanged"]) == (0, 0, 2)
    assert await published(session) == before


async def test_a_killed_import_goes_on_where_its_last_batch_ended(client, database):
    rows = "".join(f"Customer {number},retail,5,\n" for number in range(600))
    path = await start(client, "account,sector,employees,subsidiary_of\n" + rows)

    await run(database, batches=1)
    half = (await client.get(path)).json()
    await run(database)

    job = (await client.get(path)).json()
    assert 0 < half["done_rows"] < 600
    assert (job["state"], job["created"]) == ("done", 600)


@pytest.mark.capability("C-04")
async def test_an_import_killed_in_the_middle_of_batches_loses_and_doubles_nothing(
    client, database, session, monkeypatch
):
    monkeypatch.setattr("common.imports.jobs.BATCH", 20)
    rows = "".join(f"Customer {number},retail,{number % 20 or 'x'},\n" for number in range(120))
    path = await start(client, "account,sector,employees,subsidiary_of\n" + rows)

    for after_s in (0.02, 0.11, 0.05, 0.17):
        working = asyncio.create_task(run(database))
        await asyncio.wait([working], timeout=after_s)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    await run(database)

    job = (await client.get(path)).json()
    listed = await client.get("/customer/v1/customers", params={"include": "total"})
    assert (job["created"], job["rejected"], job["done_rows"]) == (114, 6, 120)
    assert listed.json()["total"] == 114
    assert (await published(session)).count("customer.customer.created.v1") == 114


async def test_the_error_file_can_be_mended_and_sent_again(client, database):
    path = await start(client)
    await run(database)

    errors = (await client.get(f"{path}/error-file")).content.decode()
    assert "line 4: employees: 'many' is not a integer" in errors
    again = await start(client, errors.replace("many", "7", 1))
    await run(database)

    assert (await client.get(again)).json()["created"] == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [("", "file_not_readable"), ("name\nx\n", "column_missing"), ("\0", "file_not_readable")],
)
async def test_a_file_that_does_not_fit_is_refused_at_once(client, content, code):
    response = await client.post(
        "/customer/v1/imports",
        files={"file": ("accounts.csv", content.encode())},
        data={"target": "customers", "mapping": json.dumps(MAPPING)},
    )

    assert response.status_code == 422
    assert response.json()["code"] == code


async def test_a_mapping_with_a_field_nobody_knows_is_refused(client):
    response = await client.post(
        "/customer/v1/imports",
        files={"file": ("accounts.csv", FILE.encode())},
        data={
            "target": "customers",
            "mapping": json.dumps({"external_source": "old", "fields": {"nmae": {"value": 1}}}),
        },
    )

    assert response.status_code == 422
    assert response.json()["code"] == "mapping_not_valid"
