import asyncio

import pytest

from common.imports.jobs import ImportRunner
from common.testing.service import published
from customer.imports.targets import TARGETS

from ..builders import a_created_customer

pytestmark = pytest.mark.capability("CUS-02")

CUSTOMERS, INDUSTRIES = "/customer/v1/customers", "/customer/v1/dictionaries/industries/entries"


async def keep(client, code, **values):
    body = {"label_zh": "航天", "label_en": "Aerospace", "position": 5, **values}
    answer = await client.put(f"{INDUSTRIES}/{code}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    "field", ["industry", "size", "customer_type", "business_scope_code", "status"]
)
async def test_a_code_that_no_dictionary_has_is_refused(client, session, field):
    answer = await client.post(CUSTOMERS, json={"name": "远航", field: "aerospace"})

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_code")
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"
    assert await published(session) == []


async def test_a_retired_code_stays_on_old_records_and_no_other_gets_it(client):
    await keep(client, "aerospace")
    old = await a_created_customer(client, industry="aerospace")
    await keep(client, "aerospace", is_retired=True)

    same = await client.patch(
        f"{CUSTOMERS}/{old['id']}", json={"industry": "aerospace", "city": "北京"}
    )
    refused = await client.post(CUSTOMERS, json={"name": "海达", "industry": "aerospace"})
    entries = (await client.get(INDUSTRIES)).json()
    all_entries = (await client.get(INDUSTRIES, params={"include_retired": True})).json()

    assert (same.status_code, same.json()["industry"]) == (200, "aerospace")
    assert (refused.status_code, refused.json()["code"]) == (422, "code_retired")
    assert "aerospace" not in {entry["code"] for entry in entries}
    assert all_entries[0]["code"] == "aerospace"
    assert all_entries[0]["label_zh"] == "航天"


async def test_what_the_service_gives_itself_cannot_be_retired(client):
    answer = await client.put(
        "/customer/v1/dictionaries/customer_statuses/entries/active",
        json={"label_zh": "成交", "label_en": "Won", "is_retired": True},
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "code_needed")


async def test_two_who_add_the_same_code_at_once_add_one(client):
    await asyncio.gather(*(keep(client, "aerospace") for _ in range(4)))

    entries = (await client.get(INDUSTRIES)).json()
    assert [entry["code"] for entry in entries].count("aerospace") == 1


@pytest.mark.parametrize(("policy", "outcome"), [("add", "created"), ("reject", "rejected")])
async def test_an_import_adds_or_rejects_what_no_dictionary_has(
    client, database, hear, policy, outcome
):
    await hear(
        "channel.parameter.changed.v1",
        name="unknown_codes_imported",
        value=policy,
        effective_on="2020-01-01",
    )
    mapping = (
        '{"external_source": "erp", "fields": {"name": {"column": "name"},'
        ' "external_id": {"column": "name"}, "industry": {"column": "industry"}}}'
    )
    started = await client.post(
        "/customer/v1/imports",
        files={"file": ("customers.csv", "name,industry\n远航,aerospace\n".encode())},
        data={"target": "customers", "mapping": mapping},
    )
    assert started.status_code == 202, started.text
    runner = ImportRunner(TARGETS)
    while await runner(database):
        pass

    rows = await client.get(f"/customer/v1/imports/{started.json()['id']}/rows")
    assert [row["outcome"] for row in rows.json()["data"]] == [outcome], rows.text
    entries = (await client.get(INDUSTRIES)).json()
    assert ("aerospace" in {entry["code"] for entry in entries}) == (policy == "add")
