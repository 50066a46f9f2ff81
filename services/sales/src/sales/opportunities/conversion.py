"""How many deals get from one stage to the next, and how many are won."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from common.money import rounded
from sales.pipelines.flow import LOST, WON

DEFINITIONS = {
    "reached": "deals opened in the period that ever stood at this stage or at a later one;"
    " a won deal has reached them all, a lost one those up to its furthest",
    "conversion_rate": "reached of the next stage (of won, at the last one) / reached",
    "win_rate": "won / (won + lost), of the deals opened in the period and closed by now",
    "pipeline": "the deals of this pipeline by whichever version, at the stages by which deals begin"
    " today; a stage that is not among them any more counts for none",
    "average_days": "mean of the days between coming to a stage and leaving it, of each stay that"
    " is over",
}


WIN_LOSS_DEFINITIONS = {
    "won": "deals that named the competitor and were won by us",
    "lost": "deals that named the competitor and were lost, to whomever",
    "lost_to": "of the lost deals, those of which the competitor is said to have won",
    "win_rate": "won / (won + lost); a deal with several competitors counts for each of them",
    "period": "by the day on which a deal was closed, both days included; open deals always count",
}


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage of the funnel; rates from 0 to 1, None where nothing can be said."""

    stage: str
    reached: int
    conversion_rate: Decimal | None
    average_days: Decimal | None


@dataclass(frozen=True, slots=True)
class Conversion:
    """The funnel of the deals opened in a period."""

    opened: int
    won: int
    lost: int
    win_rate: Decimal | None
    stages: list[StageFigures]


def conversion(
    open_stages: Sequence[str],
    counts: Mapping[tuple[int, str], int],
    average_days: Mapping[str, Decimal],
) -> Conversion:
    """The funnel from `counts`: deals by (furthest place in the pipeline, present stage).

    `open_stages` are those of the pipeline in their order. Places count from 1; winning is the place after the last open stage.
    """
    won_place = len(open_stages) + 1
    reached = [
        sum(count for (furthest, _), count in counts.items() if furthest >= place)
        for place in range(1, won_place + 1)
    ]
    won = sum(count for (_, stage), count in counts.items() if stage == WON)
    lost = sum(count for (_, stage), count in counts.items() if stage == LOST)
    stages = [
        StageFigures(
            str(stage),
            reached[index],
            _rate(reached[index + 1], reached[index]),
            rounded(average_days[stage], 1) if stage in average_days else None,
        )
        for index, stage in enumerate(open_stages)
    ]
    return Conversion(sum(counts.values()), won, lost, win_rate(won, lost), stages)


def win_rate(won: int, lost: int) -> Decimal | None:
    """The part of the closed deals that was won; None where none is closed."""
    return _rate(won, won + lost)


def _rate(part: int, whole: int) -> Decimal | None:
    return rounded(Decimal(part) / whole, 4) if whole else None
