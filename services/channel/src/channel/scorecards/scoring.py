"""How inputs become figures and figures become a score: pure functions on values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from channel.scorecard_policies.model import Indicator
from common.money import allocate, rounded

HUNDRED = Decimal(100)
LOWEST_ANSWER, HIGHEST_ANSWER = 1, 5


class InputKind(StrEnum):
    """What an input is; more may follow."""

    WON_DEAL = "won_deal"
    LOST_DEAL = "lost_deal"
    SURVEY = "survey"


@dataclass(frozen=True, slots=True)
class Counted:
    """One input, as far as it counts: money for a won deal, 1 to 5 for a survey."""

    kind: str
    amount: Decimal | None = None
    currency: str | None = None
    answer: int | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What the inputs of a period add up to. None where there is nothing to tell it from."""

    won_amount: Decimal = Decimal(0)
    won_deals: int = 0
    lost_deals: int = 0
    surveys: int = 0
    win_rate: Decimal | None = None
    satisfaction: Decimal | None = None
    amount_is_known: bool = True
    """False when every deal was won in another currency, so that the amount tells nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one indicator contributes to the score. `points` is None where the data is missing.

    `weight` is the policy's, `effective_weight` the one after the missing ones were shared out.
    """

    indicator: str
    value: Decimal | None
    points: Decimal | None
    weight: Decimal
    effective_weight: Decimal
    contribution: Decimal


def figures_of(inputs: Iterable[Counted], currency: str) -> Figures:
    """Add the inputs up. A deal won in another currency counts as a deal, and not in the amount."""
    won_amount, won, won_elsewhere, lost = Decimal(0), 0, 0, 0
    answers: list[int] = []
    for counted in inputs:
        if counted.kind == InputKind.WON_DEAL:
            won += 1
            if counted.currency == currency:
                won_amount += counted.amount or 0
            else:
                won_elsewhere += 1
        elif counted.kind == InputKind.LOST_DEAL:
            lost += 1
        elif counted.answer is not None:
            answers.append(counted.answer)
    decided = won + lost
    return Figures(
        won_amount=won_amount,
        won_deals=won,
        lost_deals=lost,
        surveys=len(answers),
        win_rate=rounded(Decimal(won) / decided, 4) if decided else None,
        satisfaction=rounded(Decimal(sum(answers)) / len(answers)) if answers else None,
        amount_is_known=not won or won_elsewhere < won,
    )


def parts_of(figures: Figures, weights: Mapping[str, Decimal], best_amount: Decimal) -> list[Part]:
    """What each indicator of the policy contributes.

    Points: the amount as a share of `best_amount`, the highest of any partner in the period; the
    win rate as it is; an answer of 1 as 0 and of 5 as 100. The weight of an indicator whose data is
    missing goes to the others in proportion, so that the effective weights make 100 again.
    """
    values = {
        Indicator.WON_AMOUNT: figures.won_amount if figures.amount_is_known else None,
        Indicator.WIN_RATE: figures.win_rate,
        Indicator.SATISFACTION: figures.satisfaction,
    }
    points: dict[str, Decimal | None] = {}
    for indicator, value in values.items():
        if value is None or (indicator == Indicator.WON_AMOUNT and best_amount <= 0):
            points[indicator] = None
        elif indicator == Indicator.WON_AMOUNT:
            points[indicator] = rounded(max(value, Decimal(0)) * HUNDRED / best_amount)
        elif indicator == Indicator.WIN_RATE:
            points[indicator] = rounded(value * HUNDRED)
        else:
            span = HIGHEST_ANSWER - LOWEST_ANSWER
            points[indicator] = rounded((value - LOWEST_ANSWER) * HUNDRED / span)
    present = [name for name in values if points[name] is not None and weights.get(name)]
    effective: dict[str, Decimal] = {}
    if present:
        shares = allocate(HUNDRED, [weights[name] for name in present])
        effective = {str(name): share for name, share in zip(present, shares, strict=True)}
    parts = []
    for indicator, value in values.items():
        share = effective.get(indicator, Decimal(0))
        parts.append(
            Part(
                indicator=indicator,
                value=value,
                points=points[indicator],
                weight=weights.get(indicator, Decimal(0)),
                effective_weight=share,
                contribution=rounded(share * (points[indicator] or 0) / HUNDRED),
            )
        )
    return parts


def score_of(parts: Iterable[Part]) -> Decimal | None:
    """The sum of the contributions, 0 to 100; None when no weighted indicator has data."""
    counted = [part.contribution for part in parts if part.effective_weight]
    return sum(counted, Decimal(0)) if counted else None
