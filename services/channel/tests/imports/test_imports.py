import json

import pytest

from channel.imports.targets import TARGETS
from common.imports.jobs import ImportRunner
from common.testing.service import published

TEAMS = (
    "sales_agent,manager,regional_office\n"
    "Anna Snelling,Dustin Brinkmann,Central\n"
    "Cecily Lampkin,Dustin Brinkmann,Central\n"
    "Moses Frase,Dustin Brinkmann,Central\n"
)
OFFICE = {"column": "regional_office", "required": True}
FIELDS = {
    "territories": {"code": {**OFFICE, "kind": "code"}, "name": OFFICE},
    "departments": {"external_id": OFFICE, "name": OFFICE, "kind": {"value": "office"}},
    "managers": {
        "external_id": {"column": "manager"},
        "name": {"column": "manager"},
        "department_external_id": OFFICE,
    },
    "agents": {
        "external_id": {"column": "sales_agent"},
        "name": {"column": "sales_agent"},
        "department_external_id": OFFICE,
        "manager_external_id": {"column": "manager"},
    },
    "partners": {
        "external_id": {"column": "sales_agent"},
        "name": {"column": "sales_agent"},
        "kind": {"value": "agent"},
        "territory_code": {**OFFICE, "kind": "code"},
        "department_external_id": OFFICE,
        "owner_external_id": {"column": "sales_agent"},
    },
}
STEPS = [
    ("territories", "territories", (1, 2)),
    ("departments", "departments", (1, 2)),
    ("employees", "managers", (1, 2)),
    ("employees", "agents", (3, 0)),
    ("partners", "partners", (3, 0)),
]


async def bring_in(client, database, target, fields):
    response = await client.post(
        "/channel/v1/imports",
        files={"file": ("sales_teams.csv", TEAMS.encode())},
        data={
            "target": target,
            "mapping": json.dumps({"external_source": "old_crm", "fields": fields}),
        },
    )
    assert response.status_code == 202, response.text
    runner = ImportRunner(TARGETS)
    while await runner(database):
        pass
    return (await client.get(response.headers["operation-location"])).json()


async def test_the_teams_of_another_system_become_the_organisation_and_its_partners(
    client, database
):
    for target, fields, (created, unchanged) in STEPS:
        job = await bring_in(client, database, target, FIELDS[fields])
        assert (job["state"], job["created"], job["unchanged"]) == ("done", created, unchanged)

    partners = (await client.get("/channel/v1/partners")).json()["data"]
    (territory,) = (await client.get("/channel/v1/territories")).json()["data"]
    assert {partner["name"] for partner in partners} == {
        "Anna Snelling",
        "Cecily Lampkin",
        "Moses Frase",
    }
    assert {(partner["state"], partner["region_id"]) for partner in partners} == {
        ("active", territory["id"])
    }


async def test_the_same_file_again_changes_nothing(client, database, session):
    for target, fields, _ in STEPS:
        await bring_in(client, database, target, FIELDS[fields])
    before = await published(session)

    for target, fields, _ in STEPS:
        job = await bring_in(client, database, target, FIELDS[fields])
        assert (job["created"], job["updated"], job["unchanged"]) == (0, 0, 3)

    assert await published(session) == before


async def test_a_row_that_names_nobody_is_rejected_with_the_name(client, database, monkeypatch):
    monkeypatch.setattr("common.imports.jobs.WAIT_FOR_REFERENCES_S", 0)

    job = await bring_in(client, database, "partners", FIELDS["partners"])

    rows = (await client.get(f"/channel/v1/imports/{job['id']}/rows")).json()["data"]
    assert job["rejected"] == 3
    assert rows[0]["reason"] == "territory 'central' is not known here"
    assert rows[0]["code"] == "reference_not_known"


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_target_says_what_its_rows_are(target):
    assert TARGETS[target].row.__doc__
