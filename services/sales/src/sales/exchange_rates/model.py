"""A dated exchange rate, the rate that counts on a day, and the rate that a document keeps.

Which rate counts between two currencies on a day, out of those that were stated:

1. the latest one of the pair, in either direction; of two from one day, the one in the direction
   that is asked for. Taken the other way round, a rate is 1 divided by it;
2. where there is none, the product of those to and from the base currency (triangulation), found
   the same way; its day is the earlier of the two.

A rate counts from its day on, and for so many days after it as the parameter
`exchange_rate_max_age_days` says. A rate that was worked out has 12 decimal places, halves away from
zero; one that was stated is taken as it is. Where none counts, what needs it is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.money import EXACTLY, rounded
from sales import events
from sales.db import Base
from sales.products.model import EXACT
from sales.quotes.totals import LARGEST, AmountTooLarge

WORKED_OUT_PLACES = 12
"""Decimal places of a rate that nobody stated."""


class ExchangeRateNotFound(NotFound):
    """There is no such exchange rate."""

    code = "exchange_rate_not_found"


class ExchangeRateNeeded(Conflict):
    """There is no rate between these currencies on that day; state it, and try again."""

    code = "exchange_rate_needed"


class ExchangeRateThere(Conflict):
    """The rate of this pair and day was stated already; correct it."""

    code = "exchange_rate_there"


class CurrenciesAreTheSame(Invalid):
    """A rate is between two currencies."""

    code = "currencies_are_the_same"


class ExchangeRate(Aggregate, Base):
    """So much of `to_currency` was one unit of `from_currency` worth on `rate_on`, says `source`."""

    __tablename__ = "exchange_rates"
    __table_args__ = (
        Index(
            "uq_exchange_rates_from_currency_to_currency_rate_on",
            "from_currency",
            "to_currency",
            "rate_on",
            unique=True,
        ),
        Index("ix_exchange_rates_rate_on_id", "rate_on", "id"),
    )

    from_currency: Mapped[str] = mapped_column(String(3))
    to_currency: Mapped[str] = mapped_column(String(3))
    rate_on: Mapped[date]
    rate: Mapped[Decimal] = mapped_column(EXACT)
    source: Mapped[str] = mapped_column(String(80))

    @classmethod
    def state(
        cls, *, from_currency: str, to_currency: str, rate_on: date, rate: Decimal, source: str
    ) -> tuple["ExchangeRate", events.ExchangeRateStated]:
        """A rate that nobody has stated for this pair and day."""
        if from_currency == to_currency:
            raise CurrenciesAreTheSame(f"{from_currency} is {to_currency}", pointer="/to_currency")
        stated = cls(
            from_currency=from_currency,
            to_currency=to_currency,
            rate_on=rate_on,
            rate=rate,
            source=source,
        )
        return stated, events.ExchangeRateStated(
            exchange_rate_id=stated.id,
            from_currency=from_currency,
            to_currency=to_currency,
            rate_on=rate_on,
            rate=rate,
            source=source,
        )

    def correct(self, *, rate: Decimal, source: str) -> events.ExchangeRateCorrected | None:
        """Say it otherwise, for what is decided from now on; None when nothing differs.

        Documents keep the rate that they were decided with.
        """
        if (self.rate, self.source) == (rate, source):
            return None
        before, self.rate, self.source = self.rate, rate, source
        return events.ExchangeRateCorrected(
            exchange_rate_id=self.id,
            from_currency=self.from_currency,
            to_currency=self.to_currency,
            rate_on=self.rate_on,
            rate_before=before,
            rate=rate,
            source=source,
        )


@dataclass(frozen=True, slots=True)
class RateUsed:
    """A rate that counts, its day, and how it came about."""

    from_currency: str
    to_currency: str
    rate: Decimal
    rate_on: date
    basis: str

    def apply(self, amount: Decimal, places: int) -> Decimal:
        """The amount in the other currency, at so many decimal places."""
        return converted(amount, self.rate, places)


def converted(amount: Decimal, rate: Decimal, places: int) -> Decimal:
    """The amount at a rate, rounded once, halves away from zero; raises AmountTooLarge."""
    with localcontext(EXACTLY):
        worth = rounded(amount * rate, places)
    if worth >= LARGEST:
        raise AmountTooLarge(f"{amount} at a rate of {rate} has more digits than amounts have")
    return worth


@dataclass(frozen=True, slots=True)
class Stated:
    """A rate as it was stated: the latest one of its pair and direction that counts on the day."""

    from_currency: str
    to_currency: str
    rate_on: date
    rate: Decimal
    source: str


class Rates:
    """The rates that count on a day, with the base currency through which others are worked out."""

    def __init__(self, on: date, base: str, stated: Iterable[Stated] = ()) -> None:
        self.on, self.base = on, base
        self._stated: Mapping[tuple[str, str], Stated] = {
            (each.from_currency, each.to_currency): each for each in stated
        }

    def between(self, from_currency: str, to_currency: str) -> RateUsed:
        """The rate that counts; raises ExchangeRateNeeded."""
        if from_currency == to_currency:
            return RateUsed(from_currency, to_currency, Decimal(1), self.on, "same currency")
        found = self._of_pair(from_currency, to_currency)
        if found is None and self.base not in (from_currency, to_currency):
            found = self._through_base(from_currency, to_currency)
        if found is None:
            raise ExchangeRateNeeded(
                f"there is no exchange rate from {from_currency} to {to_currency} on {self.on}",
                from_currency=from_currency,
                to_currency=to_currency,
                on=str(self.on),
            )
        return found

    def _of_pair(self, from_currency: str, to_currency: str) -> RateUsed | None:
        straight = self._stated.get((from_currency, to_currency))
        turned = self._stated.get((to_currency, from_currency))
        if straight is not None and (turned is None or turned.rate_on <= straight.rate_on):
            basis = f"{straight.source}, {straight.rate_on}"
            return RateUsed(from_currency, to_currency, straight.rate, straight.rate_on, basis)
        if turned is None:
            return None
        with localcontext(EXACTLY):
            rate = rounded(1 / turned.rate, WORKED_OUT_PLACES)
        basis = f"1 / {to_currency} in {from_currency}: {turned.source}, {turned.rate_on}"
        return RateUsed(from_currency, to_currency, rate, turned.rate_on, basis)

    def _through_base(self, from_currency: str, to_currency: str) -> RateUsed | None:
        first = self._of_pair(from_currency, self.base)
        second = self._of_pair(self.base, to_currency)
        if first is None or second is None:
            return None
        with localcontext(EXACTLY):
            rate = rounded(first.rate * second.rate, WORKED_OUT_PLACES)
        basis = f"through {self.base}: {first.basis}; {second.basis}"
        return RateUsed(from_currency, to_currency, rate, min(first.rate_on, second.rate_on), basis)


class InBase:
    """What a document was worth in the base currency on the day that decided it, kept for ever.

    All are null until that day. `exchange_rate` is the base currency for one unit of the
    document's, `exchange_rate_basis` who stated it and when.
    """

    base_currency: Mapped[str | None] = mapped_column(String(3))
    exchange_rate: Mapped[Decimal | None] = mapped_column(EXACT)
    exchange_rate_on: Mapped[date | None]
    exchange_rate_basis: Mapped[str | None] = mapped_column(String(300))

    def keep_rate(self, used: RateUsed) -> None:
        """Keep the rate that the document is decided with."""
        self.base_currency, self.exchange_rate = used.to_currency, used.rate
        self.exchange_rate_on, self.exchange_rate_basis = used.rate_on, used.basis[:300]

    def forget_rate(self) -> None:
        """The document is undecided again."""
        self.base_currency = self.exchange_rate = None
        self.exchange_rate_on = self.exchange_rate_basis = None

    def in_base(self, amount: Decimal, places: int) -> Decimal | None:
        """The amount in the base currency by the rate that was kept; None without one."""
        return None if self.exchange_rate is None else converted(amount, self.exchange_rate, places)
