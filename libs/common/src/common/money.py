"""Money is a decimal amount with an ISO 4217 currency; never a float."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

Amount = Annotated[Decimal, Field(max_digits=20, decimal_places=6, examples=["1250.00"])]
"""A sum of money; a decimal string on the wire."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["CNY"])]
"""An ISO 4217 currency code."""


EXACTLY = Context(prec=100, rounding=ROUND_HALF_UP)
"""For products of amounts, prices, rates and percentages: the 28 digits that Python computes with
otherwise would round a large one before it is rounded to its places."""


def rounded(amount: Decimal, places: int = 2) -> Decimal:
    """The amount at so many decimal places, halves away from zero (commercial rounding)."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=EXACTLY)


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
    # In whole numbers: a quotient of decimals is rounded, and its remainder with it.
    units, sign = _whole(abs(total), places), 1 if total >= 0 else -1
    finest = max(places_of(weight) for weight in weights)
    shares = [_whole(weight, finest) for weight in weights]
    of_all = sum(shares)
    parts = [units * share // of_all for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-(units * shares[i] % of_all), i))
    for index in by_remainder[: units - sum(parts)]:
        parts[index] += 1
    return [Decimal(sign * part).scaleb(-places, context=EXACTLY) for part in parts]


def places_of(amount: Decimal) -> int:
    """How many decimal places the amount needs; 0 for whole numbers."""
    exponent = amount.normalize(context=EXACTLY).as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)


def _whole(amount: Decimal, places: int) -> int:
    return int(amount.scaleb(places, context=EXACTLY))
