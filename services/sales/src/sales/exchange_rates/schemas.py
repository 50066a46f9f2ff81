"""Input and output of the exchange rate endpoints."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.money import Currency
from common.patches import MergePatch

Rate = Annotated[Decimal, Field(gt=0, max_digits=20, decimal_places=10, examples=["7.1234"])]
Source = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    Field(examples=["SAFE central parity"]),
]


class ExchangeRateKey(StrEnum):
    """What a rate is recognised by when it is brought up to date."""

    PAIR_AND_DAY = "pair_and_day"


class ExchangeRateState(BaseModel):
    """One unit of `from_currency` is so much of `to_currency`, from that day on."""

    model_config = ConfigDict(extra="forbid")

    from_currency: Currency
    to_currency: Currency
    rate_on: date
    rate: Rate
    source: Source


class ExchangeRateUpdate(MergePatch):
    """A correction, for what is decided from now on."""

    stays = frozenset({"rate", "source"})

    rate: Rate | None = None
    source: Source | None = None


class ExchangeRateRead(BaseModel):
    """A rate of a pair and a day, and who says so."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    from_currency: str
    to_currency: str
    rate_on: date
    rate: Decimal
    source: str
    version: int
    created_at: datetime
    updated_at: datetime


class ConversionRead(BaseModel):
    """An amount in another currency, by which rate, of which day, and how that came about."""

    amount: Decimal
    from_currency: str
    to_currency: str
    on: date
    converted_amount: Decimal
    rate: Decimal
    rate_on: date
    basis: str
    base_currency: str
