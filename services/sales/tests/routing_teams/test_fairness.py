from decimal import Decimal

import pytest

from sales.routing_teams.model import fairness_of

pytestmark = [pytest.mark.capability("N13")]


def test_fairness_is_the_part_of_the_leads_that_went_where_the_quota_wanted_them():
    by_quota = [(Decimal(6), 6), (Decimal(3), 3)]
    all_to_one = [(Decimal(5), 10), (Decimal(5), 0)]
    # Two of ten leads went astray.
    two_astray = [(Decimal(4), 6), (Decimal(6), 4)]

    assert fairness_of(by_quota) == 1
    assert fairness_of(all_to_one) == Decimal("0.5")
    assert fairness_of(two_astray) == Decimal("0.8")
    assert fairness_of([]) is None
