"""Files to import that are sent in to do harm: their names, their number, their contents."""

import json

import pytest

from common.imports.jobs import ImportRunner
from customer.imports.targets import TARGETS

from ..access.conftest import Guard

pytestmark = pytest.mark.capability("N10")

IMPORTS = "/customer/v1/imports"
MAPPING = {
    "external_source": "old",
    "fields": {"name": {"column": "name", "required": True}},
}
FORM = {"target": "customers", "mapping": json.dumps(MAPPING)}


@pytest.fixture
async def importer(guard: Guard):
    guarded = await guard("customer")
    client, _ = await guarded.signed_in("*")
    return guarded, client


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd.csv",
        "..\\..\\windows\\win.ini",
        'a"\r\nSet-Cookie: x=y; .csv',
        "/etc/cron.d/x" + "y" * 300,
        "绝密\u202evsc.exe",
    ],
)
async def test_the_name_of_a_file_leads_nowhere(importer, name):
    guarded, client = importer

    started = await client.post(IMPORTS, files={"file": (name, b"name\n,\n")}, data=FORM)
    while await ImportRunner(TARGETS)(guarded.database):
        pass
    job = started.json()
    errors = await client.get(f"{IMPORTS}/{job['id']}/error-file")

    assert started.status_code == 202
    assert "/" not in job["file_name"]
    assert len(job["file_name"]) <= 200
    assert errors.status_code == 200
    said = errors.headers["content-disposition"]
    assert said.startswith('attachment; filename="')
    assert said.endswith('-errors.csv"')
    assert said.isascii()
    assert said.count('"') == 2
    assert "set-cookie" not in errors.headers


async def test_a_form_of_thousands_of_parts_is_refused(importer):
    _, client = importer
    files = [("file", (f"{number}.csv", b"name\nx\n")) for number in range(1_001)]
    fields = FORM | {f"field-{number}": "x" for number in range(1_001)}

    for many in ({"files": files, "data": FORM}, {"files": files[:1], "data": fields}):
        answer = await client.post(IMPORTS, **many)
        assert answer.status_code in (400, 413, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"

    assert (await client.get(IMPORTS)).json() == []


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04" + b"\0" * 200, b"name\n\0\n", b"\x89PNG\r\n\x1a\n\0", b'name\n"a'],
    ids=["empty", "no archive", "nul", "a picture", "open quote"],
)
async def test_what_is_no_table_is_refused_at_once(importer, content):
    _, client = importer

    answer = await client.post(IMPORTS, files={"file": ("a.csv", content)}, data=FORM)

    assert answer.status_code == 422
    assert answer.json()["code"] == "file_not_readable"
