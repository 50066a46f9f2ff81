"""The arithmetic of a contract: decimal throughout, and always adding up."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from common.money import allocate, rounded

PLACES = 2
"""Decimal places of amounts that are calculated here; halves are rounded away from zero."""


def line_amount(quantity: Decimal, unit_price: Decimal) -> Decimal:
    """What a line costs."""
    return rounded(quantity * unit_price, PLACES)


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return sum(amounts, Decimal(0))


def tidy(amount: Decimal) -> Decimal:
    """The same amount without the zeros a column adds: two places, or more where they say more."""
    return rounded(amount, max(PLACES, _places_of(amount)))


def plain(amount: Decimal) -> str:
    """The one spelling of an amount, for hashing: no exponent, no trailing zeros."""
    spelled = format(amount.normalize(), "f")
    return "0" if spelled == "-0" else spelled


def split(total: Decimal, shares: Sequence[Decimal]) -> list[Decimal]:
    """The total in parts that add up to it exactly, in proportion to `shares`."""
    return allocate(total, shares, max(PLACES, _places_of(total)))


def _places_of(amount: Decimal) -> int:
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
