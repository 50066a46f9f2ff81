from datetime import date
from decimal import Decimal

import pytest

from channel.scorecard_policies.model import (
    DEFAULT_WEIGHTS,
    Indicator,
    ScorecardPolicy,
    WeightsNotWhole,
)


def adopt(**weights):
    return ScorecardPolicy.adopt(
        policy_version=1,
        valid_from=date(2026, 1, 1),
        currency="CNY",
        weights={name: Decimal(weight) for name, weight in weights.items()},
        by="somebody",
    )


@pytest.mark.capability("CHN-10")
@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"won_amount": "99.99"},
        {"won_amount": "60", "win_rate": "50"},
        {"won_amount": "150", "win_rate": "-50"},
    ],
)
def test_weights_that_do_not_make_100_percent_are_refused(weights):
    with pytest.raises(WeightsNotWhole):
        adopt(**weights)


def test_an_indicator_that_is_not_named_counts_nothing():
    policy, adopted = adopt(won_amount="70", satisfaction="30")

    assert policy.weights[Indicator.WIN_RATE] == 0
    assert [weight.weight for weight in adopted.weights] == [70, 0, 30]


def test_what_counts_before_the_first_policy_makes_100_percent_too():
    assert sum(DEFAULT_WEIGHTS.values()) == 100
    assert set(DEFAULT_WEIGHTS) == set(Indicator)
