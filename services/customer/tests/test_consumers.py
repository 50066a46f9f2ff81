from common.testing.service import published

from .builders import a_created_customer
from .transactions.builders import an_order, confirmed


async def test_a_confirmed_order_makes_the_customer_active_once(client, session, hear):
    customer = await a_created_customer(client)

    order = await confirmed(hear, an_order(customer))
    await hear.again(order)
    await confirmed(hear, an_order(customer))

    shown = (await client.get(f"/customer/v1/customers/{customer['id']}")).json()
    assert shown["status"] == "active"
    assert (await published(session)).count("customer.customer.updated.v1") == 1
