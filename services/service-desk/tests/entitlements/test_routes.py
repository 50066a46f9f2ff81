from uuid import uuid4

import pytest

from ..builders import a_known_customer, a_shipment, a_signed_contract

COVERAGE = "/service-desk/v1/coverage"


@pytest.mark.capability("SVC-13")
async def test_coverage_names_the_contract_and_the_reason(client, hear):
    customer, product = await a_known_customer(hear), uuid4()
    contract = await a_signed_contract(hear, customer)
    await a_shipment(hear, customer, product)
    asked = {"customer_id": str(customer), "product_id": str(product)}

    within = (await client.get(COVERAGE, params={**asked, "on": "2026-03-02"})).json()
    after = (await client.get(COVERAGE, params={**asked, "on": "2027-03-02"})).json()

    assert within == {
        **asked,
        "on": "2026-03-02",
        "covered": True,
        "reason": "covered_by_contract",
        "contract_id": str(contract),
        "contract_number": "K2026-000001",
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
        "installed_quantity": "2.000000",
    }
    assert (after["covered"], after["reason"], after["contract_id"]) == (
        False,
        "ended",
        str(contract),
    )


async def test_a_customer_without_contracts_is_not_covered(client):
    asked = {"customer_id": str(uuid4()), "product_id": str(uuid4())}

    coverage = (await client.get(COVERAGE, params=asked)).json()

    assert (coverage["covered"], coverage["reason"]) == (False, "no_contract")
    assert (coverage["contract_id"], coverage["installed_quantity"]) == (None, "0")


async def test_entitlements_are_listed_by_customer(client, hear):
    customer = await a_known_customer(hear)
    contract = await a_signed_contract(hear, customer)
    await a_signed_contract(hear, uuid4())

    page = (
        await client.get("/service-desk/v1/entitlements", params={"customer_id": str(customer)})
    ).json()

    assert [row["contract_id"] for row in page["data"]] == [str(contract)]
