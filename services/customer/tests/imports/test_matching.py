"""By what rows are recognised, what becomes of each, and our own exports on their way back."""

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.csv_lines import csv_line
from common.imports.jobs import ImportRunner, RowResult, TargetRow
from common.imports.mapping import RowMapper, mapping_of_own_export
from common.testing.service import published
from customer.imports.targets import TARGETS

from .test_imports import FILE, run, start

CUSTOMERS = "/customer/v1/customers"
COLUMNS = ("ref", "number", "name", "tax_number", "phone", "email", "city")


def mapping(*match_on):
    fields = {name: {"column": name} for name in COLUMNS if name != "ref"}
    fields["external_id"] = {"column": "ref"}
    return {"external_source": "erp", "match_on": list(match_on), "fields": fields}


def a_file(**values):
    return ",".join(COLUMNS) + "\n" + ",".join(values.get(name, "") for name in COLUMNS) + "\n"


async def create(client, **values):
    answer = await client.post(CUSTOMERS, json=values)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def rows_of(client, path):
    return (await client.get(f"{path}/rows")).json()["data"]


async def bring_in(client, database, content, **options):
    path = await start(client, content, **options)
    await run(database)
    return path


@pytest.mark.capability("C-03")
@pytest.mark.parametrize(
    ("key", "there", "in_the_file"),
    [
        ("tax_number", "91310000MA1FL0000X", "9131 0000 ma1fl0000x"),
        ("phone", "021-6552 9988", "+86 21 65529988"),
        ("email", "Info@Hualan.example", "info@hualan.example"),
        ("name", "杭州远航机电有限公司", "杭州遠航機電"),
    ],
)
async def test_a_row_is_recognised_by_the_key_that_was_chosen(
    client, database, key, there, in_the_file
):
    values = {"name": "华澜科技", key: there}
    customer = await create(client, **values)
    content = a_file(**{"name": "上海华澜", "ref": "K-7", "city": "上海", key: in_the_file})

    (row,) = await rows_of(client, await bring_in(client, database, content, mapping=mapping(key)))

    assert (row["outcome"], row["record_id"]) == ("updated", customer["id"])
    changed = (await client.get(f"{CUSTOMERS}/{customer['id']}")).json()
    assert (changed["city"], changed["external_id"]) == ("上海", "K-7")


@pytest.mark.capability("C-03")
async def test_the_first_key_that_fits_wins(client, database):
    by_phone = await create(client, name="甲机电", phone="021-65529988")
    by_mail = await create(client, name="乙化工", email="info@yi.example")
    content = a_file(name="丙食品", phone="02165529988", email="info@yi.example")

    for keys, customer in (("phone", "email"), by_phone), (("email", "phone"), by_mail):
        path = await bring_in(client, database, content, mapping=mapping(*keys), dry_run=True)
        assert [row["record_id"] for row in await rows_of(client, path)] == [customer["id"]]


@pytest.mark.capability("C-03")
async def test_what_cannot_be_recognised_is_rejected_and_not_doubled(client, database):
    await create(client, name="甲机电", email="info@shared.example")
    second = {"name": "乙化工", "email": "info@shared.example"}
    await create(client, **second)
    without = a_file(name="丙食品")
    of_nobody = a_file(name="丙食品", number="C2020-000404")
    of_two = a_file(name="丙食品", email="info@shared.example")

    codes = []
    for content, key in (without, "phone"), (of_nobody, "number"), (of_two, "email"):
        path = await bring_in(client, database, content, mapping=mapping(key))
        codes += [row["code"] for row in await rows_of(client, path)]

    assert codes == ["nothing_to_match_on", "customer_not_found", "several_match"]


@pytest.mark.capability("C-03")
async def test_two_rows_of_one_key_are_one_customer(client, database):
    header, first = a_file(ref="1", name="甲机电", phone="021-65529988").splitlines()
    second = a_file(ref="1", name="甲机电", phone="+862165529988", city="上海").splitlines()[1]
    content = f"{header}\n{first}\n{second}\n"

    path = await bring_in(client, database, content, mapping=mapping("phone"))

    assert [row["outcome"] for row in await rows_of(client, path)] == ["created", "updated"]


@pytest.mark.capability("C-03")
async def test_a_customer_who_is_there_under_another_id_is_a_duplicate(
    client, database, session, hear
):
    await hear(
        "channel.parameter.changed.v1",
        name="duplicate_customers_imported",
        value="block",
        effective_on="2020-01-01",
    )
    customer = await create(client, name="华澜科技", tax_number="91310000MA1FL0000X")
    before = await published(session)
    content = a_file(ref="K-7", name="华澜科技", tax_number="91310000MA1FL0000X")

    path = await bring_in(client, database, content, mapping=mapping("external_id"))

    (row,) = await rows_of(client, path)
    job = (await client.get(path)).json()
    assert (row["outcome"], row["record_id"]) == ("duplicate", customer["id"])
    assert row["reason"] == f"is customer {customer['number']}"
    assert (job["duplicates"], job["unchanged"]) == (1, 0)
    assert await published(session) == before


@pytest.mark.capability("C-03")
async def test_the_outcome_file_has_every_row_with_its_outcome(client, database):
    path = await bring_in(client, database, FILE)

    content = (await client.get(f"{path}/outcome-file")).content.decode("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(content)))
    assert [(row["account"], row["import_line"], row["import_outcome"]) for row in rows] == [
        ("Acme Bikes", "2", "created"),
        ("Acme Group", "3", "created"),
        ("Broken", "4", "rejected"),
    ]
    assert rows[2]["import_reason"] == "employees: 'many' is not a integer"
    assert rows[1]["import_warnings"] == "sector: technolgy corrected to technology"


@pytest.mark.capability("C-04")
async def test_an_import_whose_counts_do_not_add_up_fails(client, database, monkeypatch):
    monkeypatch.setattr("common.imports.jobs.BATCH", 1)
    path = await start(client)
    real = ImportRunner._batch

    async def forgetful(self, session, job, parsed):
        if job["next_row"] == 1:
            parsed.source.rows.pop()
        return await real(self, session, job, parsed)

    monkeypatch.setattr(ImportRunner, "_batch", forgetful)
    for _ in range(6):
        await ImportRunner.__call__(RUNNER, database)

    job = (await client.get(path)).json()
    assert job["state"] == "failed"
    assert job["error"].startswith("CountsDoNotAddUp")


@pytest.mark.capability("C-04")
async def test_a_row_that_becomes_nothing_that_is_counted_fails_the_import(
    client, database, monkeypatch
):
    path = await start(client)
    monkeypatch.setattr(
        TargetRow, "done", lambda row, _, record_id: setattr(row, "result", RowResult("lost"))
    )

    await run(database)

    job = (await client.get(path)).json()
    there = await client.get(CUSTOMERS)
    assert (job["state"], there.json()["data"]) == ("failed", [])
    assert job["error"].startswith("CountsDoNotAddUp")


RUNNER = ImportRunner(TARGETS)


async def test_a_match_key_the_target_does_not_have_is_refused(client):
    answer = await client.post(
        "/customer/v1/imports",
        files={"file": ("a.csv", a_file(name="x").encode())},
        data={"target": "customers", "mapping": json.dumps(mapping("colour"))},
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "mapping_not_valid")


async def exported(client):
    answer = await client.get(CUSTOMERS, headers={"Accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    return answer.content.decode("utf-8-sig")


async def import_export(client, database, content):
    answer = await client.post(
        "/customer/v1/imports",
        files={"file": ("customers.csv", content.encode())},
        data={"target": "customers"},
    )
    assert answer.status_code == 202, answer.text
    await run(database)
    return (await client.get(answer.headers["operation-location"])).json()


@pytest.mark.capability("C-04")
async def test_our_own_export_comes_back_without_a_change(client, database, session):
    parent = await create(client, name="=远航集团", notes=" spaces stay \n", annual_revenue="12.50")
    await create(
        client,
        name="'=quoted",
        parent_id=parent["id"],
        phone="+86 21 6552 9988",
        employee_count=12,
        external_source="erp",
        external_id="-7",
    )
    before = await published(session)

    content = await exported(client)
    job = await import_export(client, database, content)

    assert (job["total_rows"], job["unchanged"], job["rejected"]) == (2, 2, 0)
    assert await published(session) == before


@pytest.mark.capability("C-04")
async def test_what_was_changed_in_our_own_export_is_what_changes(client, database):
    customer = await create(client, name="甲机电", city="上海", employee_count=12)
    await create(client, name="乙化工", city="上海")
    content = (await exported(client)).replace("甲机电", "甲机电集团")

    job = await import_export(client, database, content)

    assert (job["updated"], job["unchanged"]) == (1, 1)
    changed = (await client.get(f"{CUSTOMERS}/{customer['id']}")).json()
    assert (changed["name"], changed["city"]) == ("甲机电集团", "上海")


@pytest.mark.capability("C-04")
@settings(deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(cells=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3))
def test_every_text_survives_our_own_export(cells):
    header = [f"f{number}" for number in range(len(cells))]
    mapper = RowMapper(mapping_of_own_export(header, header), header)
    line = csv_line(cells)

    (read,) = csv.reader(io.StringIO(line, newline=""))

    values = mapper.map(2, read).values
    assert [values[name] or "" for name in header] == cells
