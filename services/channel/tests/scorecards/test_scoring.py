from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel.scorecard_policies.model import DEFAULT_WEIGHTS, Indicator
from channel.scorecards.scoring import (
    Counted,
    Figures,
    InputKind,
    figures_of,
    parts_of,
    score_of,
)


def won(amount, currency="CNY"):
    return Counted(InputKind.WON_DEAL, amount=Decimal(amount), currency=currency)


def answered(answer):
    return Counted(InputKind.SURVEY, answer=answer)


LOST = Counted(InputKind.LOST_DEAL)
WEIGHTS = {"won_amount": Decimal(50), "win_rate": Decimal(30), "satisfaction": Decimal(20)}


@pytest.mark.capability("CHN-10")
def test_deals_and_answers_add_up():
    figures = figures_of([won("100.10"), won("0.20"), LOST, answered(5), answered(4)], "CNY")

    assert figures == Figures(
        won_amount=Decimal("100.30"),
        won_deals=2,
        lost_deals=1,
        surveys=2,
        win_rate=Decimal("0.6667"),
        satisfaction=Decimal("4.50"),
    )


def test_nothing_gives_nothing_to_tell():
    figures = figures_of([], "CNY")

    assert (figures.win_rate, figures.satisfaction, figures.won_amount) == (None, None, 0)


def test_a_deal_in_another_currency_counts_as_a_deal_only():
    figures = figures_of([won("100"), won("900", "USD")], "CNY")

    assert (figures.won_amount, figures.won_deals, figures.amount_is_known) == (100, 2, True)
    assert figures_of([won("900", "USD")], "CNY").amount_is_known is False


@pytest.mark.capability("CHN-10")
def test_the_score_is_the_sum_of_what_the_indicators_contribute():
    figures = Figures(
        won_amount=Decimal(400), win_rate=Decimal("0.5"), satisfaction=Decimal("4.00")
    )

    parts = parts_of(figures, WEIGHTS, best_amount=Decimal(1000))

    assert [(part.points, part.contribution) for part in parts] == [(40, 20), (50, 15), (75, 15)]
    assert score_of(parts) == 50


@pytest.mark.capability("CHN-10")
def test_the_weight_of_missing_data_is_shared_among_the_others():
    figures = Figures(won_amount=Decimal(1000), win_rate=Decimal(0), satisfaction=None)

    parts = parts_of(figures, WEIGHTS, best_amount=Decimal(1000))

    assert [part.effective_weight for part in parts] == [Decimal("62.50"), Decimal("37.50"), 0]
    assert parts[2].points is None
    assert score_of(parts) == Decimal("62.50")


def test_without_any_data_there_is_no_score():
    weights = {Indicator.SATISFACTION: Decimal(100)}

    assert score_of(parts_of(Figures(won_deals=1), weights, Decimal(0))) is None


def test_an_amount_that_nobody_can_be_compared_by_is_missing():
    figures = Figures(won_amount=Decimal(0), win_rate=Decimal(1))

    parts = parts_of(figures, DEFAULT_WEIGHTS, best_amount=Decimal(0))

    assert [part.effective_weight for part in parts] == [0, 100, 0]


counted = st.one_of(
    st.builds(won, st.decimals(0, 10**9, places=2), st.sampled_from(["CNY", "USD"])),
    st.just(LOST),
    st.builds(answered, st.integers(1, 5)),
)


@pytest.mark.capability("CHN-10")
@given(
    st.lists(counted, max_size=20),
    st.tuples(st.integers(0, 100), st.integers(0, 100)).filter(lambda cut: cut[0] <= cut[1]),
    st.decimals(0, 10**10, places=2),
)
def test_every_score_lies_between_0_and_100_and_its_weights_make_100(inputs, cuts, more):
    low, high = cuts
    weights = dict(zip(Indicator, map(Decimal, (low, high - low, 100 - high)), strict=True))
    figures = figures_of(inputs, "CNY")

    parts = parts_of(figures, weights, best_amount=figures.won_amount + more)
    score = score_of(parts)

    shares = sum(part.effective_weight for part in parts)
    assert shares == (0 if score is None else 100)
    assert score is None or (0 <= score <= 100 and score == sum(p.contribution for p in parts))
