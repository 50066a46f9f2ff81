"""Money is a decimal amount with an ISO 4217 currency; never a float."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

Amount = Annotated[Decimal, Field(max_digits=20, decimal_places=6, examples=["1250.00"])]
"""A sum of money; a decimal string on the wire."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["CNY"])]
"""An ISO 4217 currency code."""


def rounded(amount: Decimal, places: int = 2) -> Decimal:
    """The amount at so many decimal places, halves away from zero (commercial rounding)."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def allocate(total: Decimal, weights: Sequence[Decimal], places: int = 2) -> list[Decimal]:
    """Split `total` by `weights` so that the parts add up to it exactly.

    Largest remainder method: every part is cut to `places`, then the missing units go one each to
    the parts with the largest remainders, the earlier part first where they are equal.

    Raises ValueError when a weight is negative or all are zero, or `total` is finer than `places`.
    """
    if any(weight < 0 for weight in weights) or not any(weights):
        raise ValueError("weights must not be negative and not all zero")
    if rounded(total, places) != total:
        raise ValueError(f"{total} has more than {places} decimal places")
    unit = Decimal(1).scaleb(-places)
    units, sign = abs(total) / unit, 1 if total >= 0 else -1
    whole = sum(weights)
    shares = [units * weight / whole for weight in weights]
    parts = [int(share) for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - shares[i], i))
    for index in by_remainder[: int(units) - sum(parts)]:
        parts[index] += 1
    return [sign * part * unit for part in parts]
