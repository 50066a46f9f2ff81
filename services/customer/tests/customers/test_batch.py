import pytest

from common.testing.service import published

from ..builders import a_created_customer, an_added_contact

KNOWN = {"external_source": "crm", "external_id": "A-1"}


@pytest.mark.capability("P-15")
async def test_customers_are_created_together_and_each_is_answered_for_itself(client, session):
    response = await client.post(
        "/customer/v1/customers:batch",
        json={
            "items": [
                {"name": "远航机电", **KNOWN},
                {"name": "远航机电", **KNOWN},
                {"name": ""},
                {"name": "江南泵业"},
            ]
        },
    )

    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 409, 422, 201]
    assert results[1]["error"]["code"] == "external_id_taken"
    assert await published(session) == ["customer.customer.created.v1"] * 2
    read = await client.get(f"/customer/v1/customers/{results[3]['id']}")
    assert read.json()["name"] == "江南泵业"


@pytest.mark.capability("P-15")
async def test_contacts_are_added_together(client):
    customer = await a_created_customer(client)
    await an_added_contact(client, customer)
    of_nobody = "01890000-0000-7000-8000-000000000000"

    response = await client.post(
        "/customer/v1/contacts:batch",
        json={
            "items": [
                {"customer_id": customer["id"], "name": "李雷"},
                {"customer_id": of_nobody, "name": "韩梅梅"},
            ]
        },
    )

    first, second = response.json()["results"]
    assert (first["status"], first["error"]) == (201, None)
    assert second["status"] >= 400
    assert second["error"]["status"] == second["status"]
    page = await client.get("/customer/v1/contacts", params={"include": "total"})
    assert page.json()["total"] == 2
