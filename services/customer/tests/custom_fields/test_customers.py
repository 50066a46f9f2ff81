"""Custom fields of customers, from the definition over a record to its event, list, file and trail."""

import json

import pytest

from common.csv_lines import BYTE_ORDER_MARK
from common.imports.jobs import ImportRunner
from common.testing.service import published, said
from customer.imports.targets import TARGETS

pytestmark = [pytest.mark.capability("P-18"), pytest.mark.capability("CUS-07")]

FIELDS, CUSTOMERS = "/customer/v1/custom-fields", "/customer/v1/customers"


async def define(client, key, kind, **parts):
    entity = parts.pop("entity", "customers")
    labels = {"label_zh": "字段", "label_en": "Field"}
    body = {"entity": entity, "key": key, "kind": kind, **labels, **parts}
    answer = await client.post(FIELDS, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def some_fields(client):
    await define(client, "capacity", "decimal", scale=2, minimum="0", position=1)
    await define(client, "joined_on", "date", position=2)
    await define(
        client,
        "lines_sold",
        "choice",
        allows_many=True,
        options=[
            {"code": "bikes", "label_zh": "自行车", "label_en": "Bikes"},
            {"code": "parts", "label_zh": "配件", "label_en": "Parts"},
        ],
        position=3,
    )
    await define(client, "remark", "text", max_length=40, position=4)


async def create(client, name, **custom):
    answer = await client.post(CUSTOMERS, json={"name": name, "custom": custom})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def names(client, **parameters):
    answer = await client.get(CUSTOMERS, params=parameters)
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["data"]]


async def test_values_are_written_said_and_read(client, session):
    await some_fields(client)

    created = await create(client, "A", capacity="12.50", lines_sold=["parts", "bikes"])
    path = f"{CUSTOMERS}/{created['id']}"
    changed = await client.patch(path, json={"custom": {"capacity": None, "remark": " 大客户 "}})
    same = await client.patch(path, json={"custom": {"remark": "大客户"}})

    assert created["custom"] == {"capacity": "12.5", "lines_sold": ["bikes", "parts"]}
    assert changed.json()["custom"] == {"lines_sold": ["bikes", "parts"], "remark": "大客户"}
    assert same.json()["version"] == changed.json()["version"] == 2
    (told,) = await said(session, "customer.customer.created.v1")
    (told_again,) = await said(session, "customer.customer.updated.v1")
    assert told["custom"] == {"capacity": "12.5", "lines_sold": ["bikes", "parts"]}
    assert told_again["custom"] == {"lines_sold": ["bikes", "parts"], "remark": "大客户"}


async def test_each_changed_value_is_a_line_of_the_trail(client):
    await some_fields(client)
    created = await create(client, "A", capacity="1", remark="one")
    path = f"{CUSTOMERS}/{created['id']}"
    await client.patch(path, json={"custom": {"capacity": "2", "joined_on": "2026-03-02"}})

    answer = await client.get(
        "/customer/v1/audit-entries", params={"record_id": created["id"], "sort": "version"}
    )

    first, second = (entry["changes"] for entry in answer.json()["data"])
    assert first["custom.capacity"] == [None, "1"]
    assert "custom" not in first
    assert second == {"custom.capacity": ["1", "2"], "custom.joined_on": [None, "2026-03-02"]}


@pytest.mark.capability("CUS-10")
async def test_the_list_is_filtered_and_sorted_by_them(client):
    await some_fields(client)
    await create(client, "ten", capacity="10", lines_sold=["bikes"])
    await create(client, "nine", capacity="9.5", lines_sold=["bikes", "parts"])
    await create(client, "none")

    assert await names(client, sort="custom.capacity") == ["nine", "ten", "none"]
    assert await names(client, sort="-custom.capacity") == ["ten", "nine", "none"]
    assert await names(client, **{"custom.capacity": "10.00"}) == ["ten"]
    assert await names(client, **{"custom.capacity[gte]": "9.6"}) == ["ten"]
    assert await names(client, **{"custom.capacity[lte]": "9.6"}) == ["nine"]
    assert await names(client, **{"custom.lines_sold": "parts"}) == ["nine"]
    assert await names(client, **{"custom.lines_sold[in]": "parts,bikes", "sort": "name"}) == [
        "nine",
        "ten",
    ]
    assert await names(client, **{"custom.capacity[exists]": "false"}) == ["none"]


async def test_an_export_has_a_column_for_each_and_can_be_imported_again(client, database):
    await some_fields(client)
    await create(client, "A", capacity="12.5", lines_sold=["parts"], remark="=1+1")
    await client.patch(  # so that the import knows them
        f"{CUSTOMERS}/{(await create(client, 'B'))['id']}", json={"custom": {"remark": "'+x"}}
    )
    exported = await client.get(
        CUSTOMERS,
        params={"fields": "name,custom", "sort": "name"},
        headers={"Accept": "text/csv"},
    )
    lines = exported.text.removeprefix(BYTE_ORDER_MARK).splitlines()

    mapping = {
        "external_source": "export",
        "fields": {
            "name": {"column": "name"},
            "external_id": {"column": "name", "prefix": "again "},
            **{
                f"custom.{key}": {"column": f"custom.{key}"}
                for key in ("capacity", "joined_on", "lines_sold", "remark")
            },
        },
    }
    started = await client.post(
        "/customer/v1/imports",
        files={"file": ("customers.csv", exported.content)},
        data={"target": "customers", "mapping": json.dumps(mapping)},
    )
    assert started.status_code == 202, started.text
    runner = ImportRunner(TARGETS)
    while await runner(database):
        pass

    assert lines == [
        "id,name,custom.capacity,custom.joined_on,custom.lines_sold,custom.remark",
        f'{lines[1][:36]},A,12.5,,"[""parts""]",\'=1+1',
        f"{lines[2][:36]},B,,,,''+x",
    ]
    found = (await client.get(CUSTOMERS, params={"sort": "name"})).json()["data"]
    twice = {row["name"]: [] for row in found}
    for row in found:
        twice[row["name"]].append(row["custom"])
    assert twice["A"] == [{"capacity": "12.5", "lines_sold": ["parts"], "remark": "=1+1"}] * 2
    assert twice["B"] == [{"remark": "'+x"}] * 2


async def test_a_row_with_a_bad_value_is_rejected_and_the_others_are_taken(client, database):
    await some_fields(client)
    mapping = {
        "external_source": "old",
        "fields": {
            "name": {"column": "name"},
            "external_id": {"column": "name"},
            "custom.capacity": {"column": "size"},
        },
    }
    started = await client.post(
        "/customer/v1/imports",
        files={"file": ("customers.csv", b"name,size\nA,1.5\nB,much\nC,-1\nD,\n")},
        data={"target": "customers", "mapping": json.dumps(mapping)},
    )
    runner = ImportRunner(TARGETS)
    while await runner(database):
        pass
    rows = (await client.get(f"{started.headers['operation-location']}/rows")).json()["data"]
    unknown = await client.post(
        "/customer/v1/imports",
        files={"file": ("customers.csv", b"name,size\nA,1.5\n")},
        data={
            "target": "customers",
            "mapping": json.dumps({**mapping, "fields": {"custom.other": {"column": "size"}}}),
        },
    )

    assert [(row["line"], row["outcome"], row["code"]) for row in rows] == [
        (2, "created", None),
        (3, "rejected", "custom_value_of_another_kind"),
        (4, "rejected", "custom_value_out_of_range"),
        (5, "created", None),
    ]
    assert (unknown.status_code, unknown.json()["code"]) == (422, "mapping_not_valid")


async def test_they_come_by_batch_and_by_upsert(client):
    await some_fields(client)
    item = {"external_source": "old", "external_id": "7", "name": "A"}

    batch = await client.post(
        f"{CUSTOMERS}:batch",
        json={"items": [{**item, "custom": {"capacity": "1"}}, {"name": "B", "custom": {"x": 1}}]},
    )
    upsert = await client.post(
        f"{CUSTOMERS}:upsert",
        json={
            "match_on": ["external_id"],
            "items": [{**item, "custom": {"remark": "known"}}],
        },
    )

    created, refused = batch.json()["results"]
    assert created["status"] == 201
    assert refused["error"]["errors"][0]["pointer"] == "/custom/x"
    assert upsert.json()["results"][0]["outcome"] == "updated"
    found = (await client.get(f"{CUSTOMERS}/{created['id']}")).json()
    assert found["custom"] == {"capacity": "1", "remark": "known"}


async def test_what_is_known_of_a_contact_stays_here_while_that_it_changed_is_said(client, session):
    await define(client, "wechat", "text", entity="contacts")
    customer = await create(client, "A")

    added = await client.post(
        "/customer/v1/contacts",
        json={"customer_id": customer["id"], "name": "王芳", "custom": {"wechat": "wf88"}},
    )
    path = f"/customer/v1/contacts/{added.json()['id']}"
    changed = await client.patch(path, json={"custom": {"wechat": "wf99"}})

    assert changed.json()["custom"] == {"wechat": "wf99"}
    assert (await published(session))[-2:] == [
        "customer.contact.added.v1",
        "customer.contact.updated.v1",
    ]
    (told,) = await said(session, "customer.contact.updated.v1")
    assert "wf99" not in str(told)
