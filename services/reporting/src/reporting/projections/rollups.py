"""What closed deals add to the monthly rollups, and what a batch of events moves there."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from reporting.recordsets import Row

FIGURES = ("won_revenue", "won_deals", "lost_deals")
DEAL_KEYS = ("currency", "month", "region_id", "partner_id", "owner_id")
PRODUCT_KEYS = (*DEAL_KEYS, "product_id")

Key = tuple[Any, ...]
Sums = dict[Key, list[Any]]


class Movement:
    """The difference that changed deals make, as rows to be added to the rollups."""

    def __init__(self) -> None:
        self._deals: Sums = defaultdict(_nothing)
        self._products: Sums = defaultdict(_nothing)

    def take_out(self, deal: Row, lines: Sequence[Row]) -> None:
        """The deal as it was counts no longer."""
        self._count(deal, lines, -1)

    def put_in(self, deal: Row, lines: Sequence[Row]) -> None:
        """The deal as it is counts from now on."""
        self._count(deal, lines, 1)

    @property
    def deal_rows(self) -> list[Row]:
        """What to add to `won_rollup`."""
        return _rows(DEAL_KEYS, self._deals)

    @property
    def product_rows(self) -> list[Row]:
        """What to add to `won_product_rollup`."""
        return _rows(PRODUCT_KEYS, self._products)

    def _count(self, deal: Row, lines: Sequence[Row], sign: int) -> None:
        if deal["state"] == "open":
            return
        key = (
            deal["currency"],
            deal["closed_on"].replace(day=1),
            deal["region_id"],
            deal["partner_id"],
            deal["owner_id"],
        )
        if deal["state"] == "lost":
            _add(self._deals[key], Decimal(0), 0, sign)
            _add(self._products[*key, deal["product_id"]], Decimal(0), 0, sign)
            return
        _add(self._deals[key], sign * deal["amount"], sign, 0)
        for product_id, amount in _by_product(lines).items():
            _add(self._products[*key, product_id], sign * amount, sign, 0)


def _by_product(lines: Iterable[Row]) -> dict[Any, Decimal]:
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line["product_id"]] += line["amount"]
    return sums


def _nothing() -> list[Any]:
    return [Decimal(0), 0, 0]


def _add(sums: list[Any], revenue: Decimal, won: int, lost: int) -> None:
    sums[0] += revenue
    sums[1] += won
    sums[2] += lost


def _rows(keys: Sequence[str], sums: Sums) -> list[Row]:
    return [
        dict(zip((*keys, *FIGURES), (*key, *figures), strict=True))
        for key, figures in sums.items()
        if any(figures)
    ]
