from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from sales.opportunities.model import (
    OPEN_STAGES,
    AmountNeeded,
    DateOutOfOrder,
    LinesDoNotAddUp,
    LostReasonNeeded,
    OpportunityClosed,
    Stage,
    StageMoveNotAllowed,
    StageNeedsMore,
)
from sales.pipelines.flow import BUILT_IN

from ..builders import TODAY, an_opportunity

EXPECTED = {"expected_amount": Decimal(5000), "expected_close_on": date(2026, 6, 1)}


@pytest.mark.capability("SAL-07")
@pytest.mark.parametrize("from_stage", OPEN_STAGES)
@pytest.mark.parametrize("to", OPEN_STAGES)
def test_a_deal_moves_forward_by_any_number_of_stages_and_back_by_one(from_stage, to):
    deal = an_opportunity(stage=from_stage, **EXPECTED)
    step = OPEN_STAGES.index(to) - OPEN_STAGES.index(from_stage)

    if step > 0 or step == -1:
        assert deal.move(to, on=TODAY, today=TODAY).stage == to
    else:
        with pytest.raises(StageMoveNotAllowed):
            deal.move(to, on=TODAY, today=TODAY)


@pytest.mark.capability("SAL-07")
@pytest.mark.parametrize("stage", OPEN_STAGES)
def test_a_deal_can_be_won_and_lost_from_every_open_stage(stage):
    assert {Stage.WON, Stage.LOST} <= set(BUILT_IN.moves(stage))
    an_opportunity(stage=stage, **EXPECTED).win(on=TODAY, today=TODAY)
    an_opportunity(stage=stage, **EXPECTED).lose(reason="price", on=TODAY, today=TODAY)


@pytest.mark.capability("SAL-07")
def test_a_move_tells_how_long_the_deal_stood_at_the_stage_it_left():
    deal = an_opportunity(opened_on=date(2026, 1, 5))

    moved = deal.move("engaging", on=date(2026, 1, 20), today=TODAY)

    assert (moved.from_stage, moved.stage, moved.days_in_from_stage) == (
        "prospecting",
        "engaging",
        15,
    )
    assert moved.probability == Decimal("0.25")


@pytest.mark.capability("SAL-06")
@pytest.mark.parametrize(
    ("stage", "known"),
    [("proposal", {}), ("negotiation", {"expected_amount": Decimal(1)})],
)
def test_a_stage_asks_for_what_must_be_known_there(stage, known):
    with pytest.raises(StageNeedsMore):
        an_opportunity(**known).move(stage, on=TODAY, today=TODAY)
    with pytest.raises(StageNeedsMore):
        an_opportunity(stage=stage, **known)


@pytest.mark.capability("SAL-06")
def test_what_a_stage_needs_cannot_be_cleared_there():
    deal = an_opportunity(stage="proposal", expected_amount=Decimal(1))

    with pytest.raises(StageNeedsMore):
        deal.change({"expected_amount": None})


@pytest.mark.parametrize("on", [date(2026, 1, 4), date(2026, 3, 3)])
def test_a_step_lies_between_the_last_one_and_today(on):
    deal = an_opportunity(opened_on=date(2026, 1, 5))

    with pytest.raises(DateOutOfOrder):
        deal.move("engaging", on=on, today=TODAY)
    with pytest.raises(DateOutOfOrder):
        deal.win(on=on, today=TODAY, amount=Decimal(1))
    with pytest.raises(DateOutOfOrder):
        deal.lose(reason="price", on=on, today=TODAY)


def test_a_deal_is_not_opened_tomorrow():
    with pytest.raises(DateOutOfOrder):
        an_opportunity(opened_on=date(2026, 3, 3))


def test_a_deal_is_not_opened_as_won():
    with pytest.raises(StageMoveNotAllowed):
        an_opportunity(stage="won")


def test_a_deal_is_won_by_winning_it_and_not_by_a_move():
    with pytest.raises(StageMoveNotAllowed):
        an_opportunity().move("won", on=TODAY, today=TODAY)


def test_without_lines_the_whole_amount_is_the_product_of_the_deal():
    product_id = uuid4()
    deal = an_opportunity(product_id=product_id, expected_amount=Decimal(4800))

    won = deal.win(on=TODAY, today=TODAY)

    assert won.amount == Decimal("4800.00")
    assert [(line.product_id, line.amount) for line in won.lines] == [(product_id, won.amount)]


def test_without_an_amount_a_deal_is_won_for_the_sum_of_its_lines():
    won = an_opportunity(expected_amount=Decimal(9)).win(
        on=TODAY, today=TODAY, lines=[(None, Decimal("1.10")), (uuid4(), Decimal("2.20"))]
    )

    assert won.amount == Decimal("3.30") == sum(line.amount for line in won.lines)


def test_lines_that_do_not_add_up_to_the_amount_are_refused():
    with pytest.raises(LinesDoNotAddUp):
        an_opportunity().win(
            on=TODAY, today=TODAY, amount=Decimal(100), lines=[(None, Decimal("99.99"))]
        )


def test_a_deal_is_not_won_for_nothing_said():
    with pytest.raises(AmountNeeded):
        an_opportunity().win(on=TODAY, today=TODAY)


@pytest.mark.capability("SAL-12")
def test_a_deal_is_lost_for_a_reason():
    with pytest.raises(LostReasonNeeded):
        an_opportunity().lose(reason=" ", on=TODAY, today=TODAY)


@pytest.mark.parametrize("close", ["win", "lose"])
def test_a_closed_deal_stays_closed(close):
    deal = an_opportunity(**EXPECTED)
    if close == "win":
        deal.win(on=TODAY, today=TODAY)
    else:
        deal.lose(reason="price", on=TODAY, today=TODAY)

    with pytest.raises(OpportunityClosed):
        deal.win(on=TODAY, today=TODAY)
    with pytest.raises(OpportunityClosed):
        deal.lose(reason="price", on=TODAY, today=TODAY)
    with pytest.raises(OpportunityClosed):
        deal.move("engaging", on=TODAY, today=TODAY)
    with pytest.raises(OpportunityClosed):
        deal.change({"expected_amount": Decimal(1)})


def test_a_won_deal_may_still_get_the_customer_it_lacks_and_no_other():
    deal = an_opportunity(expected_amount=Decimal(1))
    deal.win(on=TODAY, today=TODAY)

    assert deal.change({"customer_id": uuid4()}) is not None
    with pytest.raises(OpportunityClosed):
        deal.change({"customer_id": uuid4()})


def test_a_change_to_the_same_values_says_nothing():
    assert an_opportunity(expected_amount=Decimal(1)).change({"expected_amount": 1}) is None
