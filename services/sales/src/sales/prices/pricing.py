"""Which price holds: a choice among the price lists that fit, with its reason.

The list with the most particular conditions wins: one for this customer before one for the
partner's tier, before one for the region, before one for the industry, before one for everybody;
conditions count together, each with its weight. Where two are equally particular, the one that began
later wins, and of two from one day the one that was made later: lists may overlap, and it is always
the same one that holds. Within the list it is the largest quantity break that the quantity reaches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

WEIGHT = {"customer": 8, "partner tier": 4, "region": 2, "industry": 1}


@dataclass(frozen=True, slots=True)
class Offer:
    """A line of a price list that fits customer, day and quantity."""

    price_list_id: UUID
    name: str
    currency: str
    valid_from: date
    conditions: tuple[str, ...]
    min_quantity: Decimal
    unit_price: Decimal

    @property
    def particularity(self) -> int:
        """How particular its list is."""
        return sum(WEIGHT[name] for name in self.conditions)

    @property
    def whom(self) -> str:
        """For whom its list is."""
        return " and ".join(self.conditions) or "everybody"

    @property
    def rank(self) -> tuple[int, date, UUID, Decimal]:
        """The larger, the sooner it is chosen; ids grow with time."""
        return self.particularity, self.valid_from, self.price_list_id, self.min_quantity

    def outcome(self, best: "Offer") -> str:
        """Why it was chosen, or was not."""
        if self is best:
            return "chosen"
        if self.price_list_id == best.price_list_id:
            return f"the quantity reaches the break from {best.min_quantity.normalize():f} on"
        if self.particularity < best.particularity:
            return f"less particular: a list for {best.whom} comes before one for {self.whom}"
        if self.valid_from < best.valid_from:
            return f"began earlier than {best.name}"
        return f"was made earlier than {best.name}"


@dataclass(frozen=True, slots=True)
class Price:
    """What a product costs, and why; `offer` is None where it is the product's list price."""

    unit_price: Decimal
    currency: str
    why: str
    offer: Offer | None


def choose(offers: Sequence[Offer], *, list_price: Decimal, currency: str) -> Price:
    """The price among `offers`, else the product's own list price."""
    if not offers:
        return Price(list_price, currency, "list price of the product: no price list fits", None)
    best = max(offers, key=lambda offer: offer.rank)
    since = f", from {best.min_quantity.normalize():f} on" if best.min_quantity > 1 else ""
    return Price(
        best.unit_price,
        best.currency,
        f"price list {best.name} for {best.whom}{since}, valid from {best.valid_from}",
        best,
    )
