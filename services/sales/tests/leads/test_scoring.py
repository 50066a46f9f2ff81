from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sales.leads.conditions import Condition, LeadField, Operator
from sales.leads.scoring import BUILT_IN, Scoring, ScoringRule

from ..builders import a_lead

ANY_FACTS = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["referral", "web", "phone", "import"]),
        "kind": st.sampled_from(["company", "person"]),
        "reachable": st.sampled_from([None, "yes"]),
        "need": st.sampled_from([None, "yes"]),
        "product_id": st.sampled_from([None, "p"]),
        "customer_id": st.sampled_from([None, "c"]),
        "budget": st.none() | st.decimals(0, 10**6, places=2).map(str),
        "employee_count": st.none() | st.integers(0, 10**5).map(str),
    }
)
ANY_RULES = st.lists(
    st.builds(
        lambda points, field: ScoringRule(
            name=f"r_{field}",
            points=points,
            because="x",
            when=(Condition(field=field, operator=Operator.IS_SET),),
        ),
        st.integers(-100, 100),
        st.sampled_from([LeadField.NEED, LeadField.BUDGET, LeadField.CUSTOMER_ID]),
    ),
    max_size=5,
)


@pytest.mark.capability("SAL-03")
@given(ANY_FACTS, ANY_RULES)
def test_a_score_is_the_sum_of_the_contributions_it_lists(facts, rules):
    scoring = Scoring(version=2, rules=rules)

    scored = scoring.score(facts)

    total = sum(part.points for part in scored.contributions)
    assert scored.points == min(100, max(0, total))
    assert scored.rules_version == 2
    assert scored == scoring.score(facts)


@pytest.mark.capability("SAL-03")
def test_each_contribution_says_why():
    lead = a_lead(source="fair", kind="person", phone="138 1234 5678", budget=Decimal(1))

    assert [(part["rule"], part["points"]) for part in lead.score_contributions] == [
        ("warm_source", 20),
        ("reachable", 10),
        ("budget", 15),
    ]
    assert all(part["because"] for part in lead.score_contributions)


def test_the_rules_that_are_built_in_do_not_change():
    assert [(rule.name, rule.points) for rule in BUILT_IN.rules] == [
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
    assert BUILT_IN.rating_of(points) == rating


def test_facts_tell_of_personal_data_only_that_it_is_there():
    facts = a_lead(email="wang@example.cn", phone="138 1234 5678", need="二期").facts

    assert (facts["email"], facts["phone"], facts["need"]) == ("yes", "yes", "yes")
    assert set(facts) == set(LeadField)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"field": "source", "operator": "one_of", "values": ["web", "fair"]}, True),
        ({"field": "source", "operator": "none_of", "values": ["web"]}, True),
        ({"field": "industry", "operator": "none_of", "values": ["web"]}, True),
        ({"field": "industry", "operator": "is_set"}, False),
        ({"field": "budget", "operator": "at_least", "number": "50000"}, True),
        ({"field": "budget", "operator": "at_most", "number": "49999.99"}, False),
        ({"field": "employee_count", "operator": "at_most", "number": "5"}, False),
    ],
)
def test_a_condition_holds_of_what_is_known(condition, holds):
    facts = a_lead(source="fair", budget=Decimal(50000)).facts

    assert Condition.model_validate(condition).holds(facts) is holds


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "email", "operator": "one_of", "values": ["a@b.cn"]},
        {"field": "source", "operator": "at_least", "number": "1"},
        {"field": "budget", "operator": "at_least"},
        {"field": "source", "operator": "one_of"},
        {"field": "source", "operator": "is_set", "values": ["web"]},
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(condition):
    with pytest.raises(ValidationError):
        Condition.model_validate(condition)
