"""From quote to contract to orders: do the amounts agree?"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from contract.contracts.amounts import total_of
from contract.contracts.model import Contract
from contract.copies.model import KnownOrder


def chain_of(contract: Contract, orders: Sequence[KnownOrder]) -> dict[str, Any]:
    """The contract beside its quote and its orders, with the differences."""
    running = [order for order in orders if not order.is_cancelled]
    comparable = running and all(order.currency == contract.currency for order in running)
    orders_total = total_of(order.total or Decimal(0) for order in running) if comparable else None
    return {
        "contract_id": contract.id,
        "currency": contract.currency,
        "total": contract.total,
        "opportunity_id": contract.opportunity_id,
        "quote_id": contract.quote_id,
        "quote_total": contract.quote_total,
        "difference_from_quote": _less(contract.total, contract.quote_total),
        "orders": orders,
        "orders_total": orders_total,
        "difference_from_orders": _less(contract.total, orders_total),
    }


def _less(amount: Decimal, other: Decimal | None) -> Decimal | None:
    return None if other is None else amount - other
