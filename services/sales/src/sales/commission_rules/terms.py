"""What a commission rule says, and the arithmetic of it: plain functions of their arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.money import allocate, rounded
from sales.products.model import ProductKind

KEPT_PLACES = 6
"""Decimal places to which the difference between an exact share and its amount is kept."""

Rate = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4, examples=["2.5"])]
"""Percent of the base."""


class Base(StrEnum):
    """What earns the commission; more may follow."""

    RECEIPT = "receipt"
    ORDER_LINE = "order_line"


class Payee(StrEnum):
    """Who gets a share: of the order its owner or its partner, or a person or partner by name."""

    OWNER = "owner"
    PARTNER = "partner"
    NAMED_PERSON = "named_person"
    NAMED_PARTNER = "named_partner"


class PayeeKind(StrEnum):
    """What a payee is."""

    PERSON = "person"
    PARTNER = "partner"


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Share(_Said):
    """Who gets how many percent of what a rule pays."""

    payee: Payee = Payee.OWNER
    payee_id: UUID | None = Field(None, description="Of a payee by name, and of no other")
    percent: Annotated[Decimal, Field(gt=0, le=100, decimal_places=4, examples=["60"])] = Decimal(
        100
    )

    @model_validator(mode="after")
    def _names_whom_it_has_to(self) -> "Share":
        by_name = self.payee in (Payee.NAMED_PERSON, Payee.NAMED_PARTNER)
        if by_name != (self.payee_id is not None):
            raise ValueError("payee_id goes with a payee by name, and with no other")
        return self


class Step(_Said):
    """The rate of an order line that comes to at least `from_amount`."""

    from_amount: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)]
    rate: Rate


@dataclass(frozen=True, slots=True)
class Sold:
    """What a rule looks at in an order line; `amount` is what of it is still sold."""

    order_line_id: UUID
    line_no: int
    product_id: UUID
    product_kind: str
    product_series: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """One share of a commission, in money; `rounding` is the amount less the exact share."""

    share_no: int
    share: Share
    amount: Decimal
    rounding: Decimal


class Terms(_Said):
    """What a rule pays for what; the sources of other currencies than `currency` earn nothing by it.

    Steps and cap are of an order line: one that is paid by many receipts reaches the same step and
    the same cap as one that is paid at once.
    """

    base: Base
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["CNY"])]
    steps: list[Step] = Field(min_length=1, max_length=20)
    cap: Annotated[
        Decimal | None, Field(gt=0, decimal_places=2, description="Most that an order line pays")
    ] = None
    product_kinds: list[ProductKind] = Field([], description="Empty: every kind", max_length=20)
    product_series: list[str] = Field([], description="Empty: every series", max_length=100)
    shares: list[Share] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _adds_up(self) -> "Terms":
        if sum(share.percent for share in self.shares) != 100:
            raise ValueError("the shares add up to 100 percent")
        limits = [step.from_amount for step in self.steps]
        if limits[0] != 0 or limits != sorted(set(limits)):
            raise ValueError("the steps begin at 0 and rise")
        return self

    def pays_for(self, sold: Sold) -> bool:
        """Whether the rule is for this product."""
        return (not self.product_kinds or sold.product_kind in self.product_kinds) and (
            not self.product_series or sold.product_series in self.product_series
        )

    def rate_of(self, amount: Decimal) -> Decimal:
        """The rate, in percent, of an order line that comes to `amount`."""
        return [step.rate for step in self.steps if step.from_amount <= amount][-1]

    def earned(self, base: Decimal, line_amount: Decimal) -> Decimal:
        """What `base`, a part of an order line of `line_amount`, earns: exact, not rounded."""
        whole = line_amount * self.rate_of(line_amount) / 100
        if self.cap is None or whole <= self.cap:
            return base * self.rate_of(line_amount) / 100
        return self.cap * base / line_amount

    def parts(self, base: Decimal, line_amount: Decimal, places: int) -> list[Part]:
        """The shares of what `base` earns; they add up to it, rounded once, to the last unit."""
        exact = self.earned(base, line_amount)
        amounts = split(rounded(exact, places), self.shares, places)
        return [
            Part(
                share_no=number,
                share=share,
                amount=amount,
                rounding=rounded(amount - exact * share.percent / 100, KEPT_PLACES),
            )
            for number, (share, amount) in enumerate(
                zip(self.shares, amounts, strict=True), start=1
            )
        ]


def split(amount: Decimal, shares: Sequence[Share], places: int) -> list[Decimal]:
    """The shares of an amount, which add up to it exactly."""
    return allocate(amount, [share.percent for share in shares], places)
