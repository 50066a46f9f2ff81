"""Customers, contacts and interactions for tests: valid by default, say only what matters."""

from datetime import UTC, datetime
from typing import Any

from httpx import AsyncClient

from customer.customers.model import Customer

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def a_customer(**values: Any) -> Customer:
    """A customer in memory."""
    defaults = {
        "number": "C2026-000042",
        "by": "somebody",
        "now": NOW,
        "source": "manual",
        "name": "远航机电",
    }
    return Customer.register(**{**defaults, **values})[0]


async def a_created_customer(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A customer in the database, as the API answers it."""
    response = await client.post("/customer/v1/customers", json={"name": "远航机电", **values})
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


async def an_added_contact(
    client: AsyncClient, customer: dict[str, Any], **values: Any
) -> dict[str, Any]:
    """A contact in the database, as the API answers it."""
    response = await client.post(
        "/customer/v1/contacts", json={"customer_id": customer["id"], "name": "王芳", **values}
    )
    assert response.status_code == 201, response.text
    added: dict[str, Any] = response.json()
    return added
