from decimal import Decimal

import pytest

from sales.opportunities.conversion import conversion
from sales.opportunities.model import OPEN_STAGES


@pytest.mark.capability("SAL-12")
def test_a_deal_counts_for_every_stage_up_to_its_furthest():
    figures = conversion(
        OPEN_STAGES,
        {(5, "won"): 3, (2, "lost"): 1, (4, "negotiation"): 1, (1, "prospecting"): 5},
        {"prospecting": Decimal("12.25")},
    )

    assert (figures.opened, figures.won, figures.lost) == (10, 3, 1)
    assert figures.win_rate == Decimal("0.7500")
    assert [(stage.stage, stage.reached) for stage in figures.stages] == [
        ("prospecting", 10),
        ("engaging", 5),
        ("proposal", 4),
        ("negotiation", 4),
    ]
    assert [stage.conversion_rate for stage in figures.stages] == [
        Decimal("0.5000"),
        Decimal("0.8000"),
        Decimal("1.0000"),
        Decimal("0.7500"),
    ]
    assert figures.stages[0].average_days == Decimal("12.3")


def test_of_no_deals_nothing_is_said():
    figures = conversion(OPEN_STAGES, {}, {})

    assert figures.win_rate is None
    assert {stage.conversion_rate for stage in figures.stages} == {None}
