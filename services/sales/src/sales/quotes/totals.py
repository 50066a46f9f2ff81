"""Amounts of the lines of quotes and orders, and their totals.

Decimal arithmetic only. A line's amount is rounded once, at the end, to the document's places,
halves away from zero; the total is the sum of the rounded lines, so that a reader who adds up the
printed lines gets the printed total.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from common.money import rounded

PLACES = {"quote": 2, "order": 2}
"""Decimal places of the amounts, by kind of document. A stored document keeps its own."""

ROUNDING = "each line half away from zero; the total is the sum of the lines"


@dataclass(frozen=True, slots=True)
class LineValues:
    """A line of a document, worked out."""

    product_id: UUID
    product_name: str
    quantity: Decimal
    unit_price: Decimal
    discount_percent: Decimal
    amount: Decimal
    is_shipped: bool
    delivery_on: date | None = None
    price_reason: str | None = None


def line_amount(
    quantity: Decimal, unit_price: Decimal, discount_percent: Decimal, places: int
) -> Decimal:
    """What a line costs after its discount, at so many decimal places."""
    return rounded(quantity * unit_price * (100 - discount_percent) / 100, places)


def total_of(amounts: Iterable[Decimal], places: int) -> Decimal:
    """The sum of rounded amounts, exact."""
    return rounded(sum(amounts, Decimal(0)), places)
