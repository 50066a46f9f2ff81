"""How many deals get from one stage to the next, and how many are won."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from common.money import rounded
from sales.opportunities.model import OPEN_STAGES, Stage

DEFINITIONS = {
    "reached": "deals opened in the period that ever stood at this stage or at a later one;"
    " a won deal has reached them all, a lost one those up to its furthest",
    "conversion_rate": "reached of the next stage (of won, at the last one) / reached",
    "win_rate": "won / (won + lost), of the deals opened in the period and closed by now",
    "average_days": "mean of the days between coming to a stage and leaving it, of each stay that"
    " is over",
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
    counts: Mapping[tuple[int, str], int], average_days: Mapping[str, Decimal]
) -> Conversion:
    """The funnel from `counts`: deals by (furthest place in the pipeline, present stage).

    Places count from 1; winning is the place after the last open stage.
    """
    won_place = len(OPEN_STAGES) + 1
    reached = [
        sum(count for (furthest, _), count in counts.items() if furthest >= place)
        for place in range(1, won_place + 1)
    ]
    won = sum(count for (_, stage), count in counts.items() if stage == Stage.WON)
    lost = sum(count for (_, stage), count in counts.items() if stage == Stage.LOST)
    stages = [
        StageFigures(
            str(stage),
            reached[index],
            _rate(reached[index + 1], reached[index]),
            rounded(average_days[stage], 1) if stage in average_days else None,
        )
        for index, stage in enumerate(OPEN_STAGES)
    ]
    return Conversion(sum(counts.values()), won, lost, _rate(won, won + lost), stages)


def _rate(part: int, whole: int) -> Decimal | None:
    return rounded(Decimal(part) / whole, 4) if whole else None
