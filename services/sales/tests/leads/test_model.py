from decimal import Decimal
from uuid import uuid4

import pytest

from sales.leads.model import LeadClosed, digits_of

from ..builders import NOW, a_lead


@pytest.mark.capability("SAL-03")
def test_a_lead_is_scored_anew_when_something_is_learned():
    lead = a_lead()
    before = lead.score

    updated = lead.update({"budget": Decimal(50000)})

    assert updated is not None
    assert lead.score == updated.score == before + 15
    assert lead.score_contributions[-1]["rule"] == "budget"


@pytest.mark.capability("SAL-02")
def test_the_priority_is_that_of_the_rating_until_somebody_sets_it():
    lead = a_lead(source="import")
    assert (lead.rating, lead.priority) == ("cold", "low")

    lead.update({"priority": "high", "need": "二期扩建"})
    assert (lead.rating, lead.priority) == ("cold", "high")

    lead.update({"priority": None})
    assert lead.priority == "low"


@pytest.mark.capability("SAL-02")
def test_the_work_list_has_high_priority_first_and_then_the_better_score():
    urgent = a_lead(source="import", priority="high")
    promising = a_lead(budget=Decimal(1), priority="normal")
    other = a_lead(priority="normal")

    assert urgent.rank < promising.rank < other.rank


def test_an_update_that_changes_nothing_says_nothing():
    assert a_lead().update({"source": "fair"}) is None


@pytest.mark.parametrize(
    "act",
    [
        lambda lead: lead.update({"need": "x"}),
        lambda lead: lead.lose(reason="again"),
        lambda lead: lead.assign(assignee_id=uuid4(), department_id=None, reason="x", now=NOW),
        lambda lead: lead.convert(
            customer_id=uuid4(), opportunity_id=uuid4(), contact_id=None, now=NOW
        ),
    ],
)
def test_a_lost_lead_stays_lost(act):
    lead = a_lead()
    lead.lose(reason="no budget")

    with pytest.raises(LeadClosed):
        act(lead)


def test_a_phone_number_is_the_same_with_and_without_its_country():
    assert digits_of("+86 138-1234 5678") == digits_of("13812345678")
