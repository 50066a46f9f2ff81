"""Events of other services, with all that their promises say; say only what matters."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

SCOPE = {"owner_id": None, "department_id": None, "partner_id": None, "region_id": None}
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


def a_line(no=1, quantity="10", amount="1000.00", **values):
    return {
        "line_no": no,
        "product_id": str(uuid4()),
        "product_name": "离心泵 CP-200",
        "quantity": quantity,
        "unit_price": "100.00",
        "amount": amount,
        **values,
    }


def an_instalment(no=1, due_on="2026-04-01", amount="1000.00"):
    return {
        "instalment_id": str(uuid4()),
        "instalment_no": no,
        "due_on": due_on,
        "amount": amount,
    }


def an_order(customer, **values):
    """The data of a confirmed order of 1000.00."""
    return {
        "order_id": str(uuid4()),
        "number": "O2026-000001",
        "quote_id": None,
        "contract_id": None,
        "opportunity_id": None,
        "customer_id": customer["id"],
        "total": "1000.00",
        "currency": "CNY",
        "confirmed_at": NOON.isoformat(),
        "ordered_on": "2026-03-02",
        "lines": [a_line()],
        "instalments": [],
        **SCOPE,
        **values,
    }


def a_receipt(customer, order, *instalments, **values):
    """The data of a receipt that pays these instalments of an order in full."""
    return {
        "receipt_id": str(uuid4()),
        "number": "R2026-000001",
        "customer_id": customer["id"],
        "order_id": order["order_id"],
        "amount": "1000.00",
        "currency": "CNY",
        "received_on": "2026-04-01",
        "allocations": [{"order_id": order["order_id"], **each} for each in instalments],
        **SCOPE,
        **values,
    }


async def confirmed(hear, order, subject=None):
    """The order is heard of as confirmed."""
    return await hear(
        "sales.order.confirmed.v1", subject=subject or UUID(order["order_id"]), **order
    )


async def received(hear, receipt):
    """The receipt is heard of."""
    return await hear("sales.receipt.recorded.v1", subject=UUID(receipt["receipt_id"]), **receipt)


async def told(hear, order, happened, **values):
    """Something else happened to the order."""
    known = {name: order[name] for name in ("order_id", "number", "customer_id", *SCOPE)}
    return await hear(
        f"sales.order.{happened}.v1", subject=UUID(order["order_id"]), **{**known, **values}
    )
