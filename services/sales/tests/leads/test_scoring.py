from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.leads.scoring import CURRENT_RULES, RULES, LeadFacts, rating_of, score

ANY_LEAD = st.builds(
    LeadFacts,
    source=st.sampled_from(["referral", "web", "phone", "import"]),
    has_email=st.booleans(),
    has_phone=st.booleans(),
    has_company=st.booleans(),
    has_need=st.booleans(),
    has_product=st.booleans(),
    is_customer=st.booleans(),
    budget=st.none() | st.decimals(0, 10**6, places=2),
    employee_count=st.none() | st.integers(0, 10**5),
)


@pytest.mark.capability("SAL-03")
@given(ANY_LEAD)
def test_a_score_is_the_sum_of_the_contributions_it_lists(lead):
    scored = score(lead)

    assert scored.points == min(100, sum(part.points for part in scored.contributions))
    assert scored.rules_version == CURRENT_RULES
    assert scored == score(lead, scored.rules_version)


@pytest.mark.capability("SAL-03")
def test_each_contribution_says_why():
    scored = score(LeadFacts(source="fair", has_phone=True, budget=Decimal(1), employee_count=200))

    assert [(part.rule, part.points) for part in scored.contributions] == [
        ("warm_source", 20),
        ("reachable", 10),
        ("budget", 15),
        ("large_company", 10),
    ]
    assert all(part.because for part in scored.contributions)


def test_rules_that_were_used_do_not_change():
    assert [(rule.name, rule.points) for rule in RULES[1]] == [
        ("warm_source", 20),
        ("own_inquiry", 15),
        ("existing_customer", 20),
        ("reachable", 10),
        ("company", 5),
        ("need", 10),
        ("product", 10),
        ("budget", 15),
        ("large_company", 10),
    ]


@pytest.mark.parametrize(
    ("points", "rating"), [(0, "cold"), (34, "cold"), (35, "warm"), (59, "warm"), (60, "hot")]
)
def test_a_rating_begins_at_its_points(points, rating):
    assert rating_of(points) == rating
