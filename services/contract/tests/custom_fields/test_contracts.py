import pytest

from common.testing.service import published, said

from ..builders import (
    a_contract_in_force,
    a_drafted_contract,
    a_known_customer,
    contract_text,
)

pytestmark = pytest.mark.capability("P-18")

FIELDS, CONTRACTS = "/contract/v1/custom-fields", "/contract/v1/contracts"


async def define(client, **parts):
    labels = {"label_zh": "柜号", "label_en": "Cabinet"}
    body = {"entity": "contracts", "key": "cabinet", "kind": "integer", **labels, **parts}
    answer = await client.post(FIELDS, json=body)
    assert answer.status_code == 201, answer.text


async def test_values_are_drafted_told_listed_and_exported(client, session, hear):
    await define(client)
    customer_id = await a_known_customer(hear)
    await a_drafted_contract(client, hear, customer_id=customer_id, custom={"cabinet": 12})
    await a_drafted_contract(client, hear, customer_id=customer_id, custom={"cabinet": 9})
    await a_drafted_contract(client, hear, customer_id=customer_id)

    sorted_ = await client.get(CONTRACTS, params={"sort": "-custom.cabinet"})
    found = await client.get(CONTRACTS, params={"custom.cabinet[lte]": "10"})
    file = await client.get(
        CONTRACTS,
        params={"fields": "custom.cabinet", "sort": "custom.cabinet"},
        headers={"Accept": "text/csv"},
    )

    assert [row["custom"] for row in sorted_.json()["data"]] == [
        {"cabinet": 12},
        {"cabinet": 9},
        {},
    ]
    assert [row["custom"] for row in found.json()["data"]] == [{"cabinet": 9}]
    assert [line.split(",")[1] for line in file.text.splitlines()] == [
        "custom.cabinet",
        "9",
        "12",
        "",
    ]
    drafted = await said(session, "contract.contract.drafted.v1")
    assert [event["custom"] for event in drafted] == [{"cabinet": 12}, {"cabinet": 9}, None]


async def test_a_signed_contract_is_annotated_and_stays_as_it_was_signed(client, session, hear):
    await define(client)
    contract = await a_contract_in_force(client, hear)
    path = f"{CONTRACTS}/{contract['id']}"

    async def edit(**changes):
        return await client.patch(path, json=changes, headers={"If-Match": "*"})

    annotated = await edit(custom={"cabinet": 12})
    again = await edit(custom={"cabinet": 12})
    edited = await edit(custom={"cabinet": 13}, title="Other")

    assert annotated.status_code == 200, annotated.text
    assert annotated.json()["custom"] == {"cabinet": 12}
    assert (annotated.json()["state"], annotated.json()["revision"]) == (
        contract["state"],
        contract["revision"],
    )
    assert again.json()["version"] == annotated.json()["version"]
    assert (edited.status_code, edited.json()["code"]) == (409, "contract_frozen")
    (told,) = await said(session, "contract.contract.annotated.v1")
    assert told["custom"] == {"cabinet": 12}
    assert (await client.get(path)).json()["custom"] == {"cabinet": 12}


async def test_a_contract_that_an_event_drafts_is_asked_for_nothing(client, session, hear):
    await define(client, is_required=True)
    await define(client, key="language", kind="text", default_value="zh")
    customer_id = await a_known_customer(hear)

    refused = await client.post(CONTRACTS, json=contract_text(customer_id))
    await hear(
        "sales.quote.accepted.v1",
        quote_id="01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f",
        number="Q2026-000042",
        quote_version=1,
        opportunity_id=None,
        customer_id=customer_id,
        total="1250.00",
        currency="CNY",
        accepted_at="2026-03-02T09:30:00Z",
        lines=[
            {
                "line_no": 1,
                "product_id": "01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f",
                "product_name": "离心泵",
                "quantity": "10",
                "unit_price": "125.00",
                "discount_percent": "0",
                "amount": "1250.00",
                "delivery_on": None,
            }
        ],
    )

    assert refused.json()["errors"][0]["pointer"] == "/custom/cabinet"
    assert "contract.contract.drafted.v1" in await published(session)
    (drafted,) = (await client.get(CONTRACTS)).json()["data"]
    assert drafted["custom"] == {"language": "zh"}
