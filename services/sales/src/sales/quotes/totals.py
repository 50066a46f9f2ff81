"""Amounts of the lines of quotes and orders, and their totals.

Decimal arithmetic only, and every figure that is printed is rounded once, halves away from zero, to
the document's places:

1. quantity times unit price, less the line's own discount, is rounded;
2. the document's discount is split over the lines in proportion to that, by largest remainder: the
   parts add up to it exactly, and no line becomes negative;
3. the tax of each line is rounded: on top of what is left, or contained in it, as the document says.

`amount` is what the customer pays for the line. A total is the sum of what is printed on the lines,
so a reader who adds them up gets it, whatever the places.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

from common.errors import Invalid
from common.money import EXACTLY, allocate, places_of, rounded

PLACES = {"quote": 2, "order": 2}
"""Decimal places of the amounts, by kind of document. A stored document keeps its own."""

ROUNDING = (
    "each line half away from zero, its tax likewise; the document's discount is split over the"
    " lines by largest remainder; the total is the sum of the lines"
)

LARGEST = Decimal(10) ** 14
"""Amounts are smaller than this."""


class AmountTooLarge(Invalid):
    """An amount, or what a document comes to, has more digits than amounts have."""

    code = "amount_too_large"


class DiscountTooLarge(Invalid):
    """A document's discount is at most what its lines come to; `most` is that."""

    code = "discount_too_large"


class DiscountTooFine(Invalid):
    """A document's discount has at most the decimal places of its amounts."""

    code = "discount_too_fine"


@dataclass(frozen=True, slots=True)
class LineValues:
    """A line of a document, worked out.

    `amount` is what the customer pays for it: after both discounts, with `tax_amount`.
    `list_unit_price` is what the price lists said when it was worked out, None where they had no
    price in the document's currency; `price_basis` is how they came to it.
    """

    product_id: UUID
    product_name: str
    quantity: Decimal
    unit_price: Decimal
    discount_percent: Decimal
    amount: Decimal
    is_shipped: bool
    delivery_on: date | None = None
    price_reason: str | None = None
    document_discount: Decimal = Decimal(0)
    tax_percent: Decimal = Decimal(0)
    tax_amount: Decimal = Decimal(0)
    list_unit_price: Decimal | None = None
    price_basis: Mapping[str, Any] | None = None


def line_amount(
    quantity: Decimal, unit_price: Decimal, discount_percent: Decimal, places: int
) -> Decimal:
    """What a line costs after its own discount, at so many decimal places.

    Raises AmountTooLarge.
    """
    with localcontext(EXACTLY):
        amount = rounded(quantity * unit_price * (100 - discount_percent) / 100, places)
    if amount >= LARGEST:
        raise AmountTooLarge(f"{quantity} times {unit_price} is more than a line comes to")
    return amount


def settled(
    lines: Sequence[LineValues], *, discount: Decimal, prices_include_tax: bool, places: int
) -> list[LineValues]:
    """The lines with their parts of the document's `discount`, and their tax.

    Their `amount` is what `line_amount` says. Raises DiscountTooLarge, DiscountTooFine.
    """
    if places_of(discount) > places:
        raise DiscountTooFine(
            f"the amounts have {places} decimal places", pointer="/discount_amount"
        )
    amounts = [line.amount for line in lines]
    most = total_of(amounts, places)
    if discount > most:
        raise DiscountTooLarge(
            f"the lines come to {most}", pointer="/discount_amount", most=str(most)
        )
    if not discount:
        parts = [rounded(Decimal(0), places)] * len(lines)
    else:
        parts = allocate(discount, amounts, places)
    return [
        _taxed(
            replace(line, document_discount=part), line.amount - part, prices_include_tax, places
        )
        for line, part in zip(lines, parts, strict=True)
    ]


def unsettled(line: LineValues, *, prices_include_tax: bool) -> LineValues:
    """The line as it was before `settled`, to settle it anew."""
    amount = line.amount + line.document_discount
    if not prices_include_tax:
        amount -= line.tax_amount
    nothing = Decimal(0)
    return replace(line, amount=amount, document_discount=nothing, tax_amount=nothing)


def discount_of(percent: Decimal, lines: Iterable[LineValues], places: int) -> Decimal:
    """A document's discount of so many percent of what its lines come to."""
    with localcontext(EXACTLY):
        return rounded(sum((line.amount for line in lines), Decimal(0)) * percent / 100, places)


def total_of(amounts: Iterable[Decimal], places: int) -> Decimal:
    """The sum of rounded amounts, exact; raises AmountTooLarge."""
    total = rounded(sum(amounts, Decimal(0)), places)
    if total >= LARGEST:
        raise AmountTooLarge(f"the lines come to {total}", pointer="/lines")
    return total


def _taxed(line: LineValues, amount: Decimal, prices_include_tax: bool, places: int) -> LineValues:
    with localcontext(EXACTLY):
        if prices_include_tax:
            tax = rounded(amount * line.tax_percent / (100 + line.tax_percent), places)
            return replace(line, amount=amount, tax_amount=tax)
        tax = rounded(amount * line.tax_percent / 100, places)
        return replace(line, amount=amount + tax, tax_amount=tax)
