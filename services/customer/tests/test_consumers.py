from datetime import UTC, datetime

from common.testing.service import published

from .builders import a_created_customer

CONFIRMED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC).isoformat()


async def test_a_confirmed_order_makes_the_customer_active_once(client, session, hear):
    customer = await a_created_customer(client)

    order = await hear(
        "sales.order.confirmed.v1", customer_id=customer["id"], confirmed_at=CONFIRMED_AT
    )
    await hear.again(order)
    await hear("sales.order.confirmed.v1", customer_id=customer["id"], confirmed_at=CONFIRMED_AT)

    shown = (await client.get(f"/customer/v1/customers/{customer['id']}")).json()
    assert shown["status"] == "active"
    assert (await published(session)).count("customer.customer.updated.v1") == 1
