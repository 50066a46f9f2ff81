from uuid import uuid4

import pytest

from ..builders import NOW, a_shipment


@pytest.mark.capability("SVC-16")
async def test_the_installed_base_shows_what_was_shipped_to_whom_and_when(client, hear):
    customer, product = uuid4(), uuid4()
    order = await a_shipment(hear, customer, product)
    await a_shipment(hear, uuid4(), product)

    page = (
        await client.get("/service-desk/v1/installed-base", params={"customer_id": str(customer)})
    ).json()

    (row,) = page["data"]
    assert (row["product_id"], row["quantity"]) == (str(product), "2.000000")
    assert row["order_id"] == str(order)
    assert row["shipped_at"] == NOW.isoformat().replace("+00:00", "Z")
