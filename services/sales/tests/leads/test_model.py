from decimal import Decimal
from uuid import uuid4

import pytest

from sales.leads.model import (
    ContactNeedsName,
    HowMoved,
    LeadAlreadyThere,
    LeadClosed,
    LeadHasOwner,
    LeadNotLost,
    Suspected,
)
from sales.leads.scoring import BUILT_IN

from ..builders import NOW, a_lead

SAME = Suspected("lead", uuid4(), "L2026-000007", ("phone",))
SAME_COMPANY = Suspected("lead", uuid4(), "L2026-000008", ("name",))


@pytest.mark.capability("SAL-03")
def test_a_lead_is_scored_anew_when_something_is_learned():
    lead = a_lead()
    before = lead.score

    updated = lead.update({"budget": Decimal(50000)}, now=NOW)

    assert updated is not None
    assert lead.score == updated.score == before + 15
    assert lead.score_contributions[-1]["rule"] == "budget"


@pytest.mark.capability("SAL-02")
def test_the_priority_is_that_of_the_rating_until_somebody_sets_it():
    lead = a_lead(source="import")
    assert (lead.rating, lead.priority) == ("cold", "low")

    lead.update({"priority": "high", "need": "二期扩建"}, now=NOW)
    assert (lead.rating, lead.priority) == ("cold", "high")

    lead.update({"priority": None}, now=NOW)
    assert lead.priority == "low"


@pytest.mark.capability("SAL-02")
def test_the_work_list_has_high_priority_first_and_then_the_better_score():
    urgent = a_lead(source="import", priority="high")
    promising = a_lead(budget=Decimal(1), priority="normal")
    other = a_lead(priority="normal")

    assert urgent.rank < promising.rank < other.rank


def test_an_update_that_changes_nothing_says_nothing():
    assert a_lead().update({"source": "fair"}, now=NOW) is None


@pytest.mark.parametrize(
    "act",
    [
        lambda lead: lead.update({"need": "x"}, now=NOW),
        lambda lead: lead.lose(reason="again"),
        lambda lead: lead.assign(assignee_id=uuid4(), department_id=None, reason="x", now=NOW),
        lambda lead: lead.release(how=HowMoved.RELEASED, reason="x", now=NOW),
        lambda lead: lead.rescore(BUILT_IN),
        lambda lead: lead.convert(
            customer_id=uuid4(), opportunity_id=uuid4(), contact_id=None, now=NOW
        ),
    ],
)
def test_a_lost_lead_stays_as_it_is(act):
    lead = a_lead()
    lead.lose(reason="no budget")

    with pytest.raises(LeadClosed):
        act(lead)


@pytest.mark.capability("SAL-05")
def test_a_lost_lead_is_reopened_with_its_owner_and_nothing_else_is():
    lead = a_lead(owner_id=uuid4())
    with pytest.raises(LeadNotLost):
        lead.reopen(reason="x", now=NOW, scoring=BUILT_IN)
    lead.lose(reason="no budget", reason_code="no_budget", disqualified=True)

    reopened = lead.reopen(reason="the budget came", now=NOW, scoring=BUILT_IN)

    assert (lead.state, lead.lost_reason, lead.is_disqualified) == ("assigned", None, False)
    assert reopened.reason == "the budget came"


@pytest.mark.capability("SAL-01")
def test_a_lead_that_is_surely_there_is_refused_taken_with_a_warning_or_linked():
    with pytest.raises(LeadAlreadyThere) as refused:
        a_lead(suspected=[SAME])
    assert refused.value.facts == {"existing_id": str(SAME.id)}

    warned = a_lead(suspected=[SAME], on_duplicate="warn")
    linked = a_lead(suspected=[SAME], on_duplicate="link")
    colleague = a_lead(suspected=[SAME_COMPANY])

    assert (warned.duplicate_of_id, linked.duplicate_of_id) == (None, SAME.id)
    assert [other["number"] for other in warned.suspected_duplicates] == ["L2026-000007"]
    assert colleague.suspected_duplicates[0]["reasons"] == ["name"]


def test_a_phone_number_and_a_company_are_the_same_however_they_are_written():
    one = a_lead(phone="+86 138-1234 5678", company="杭州远航机电有限公司", email="A@b.cn")
    other = a_lead(phone="13812345678", company="杭州遠航機電", email="a@B.cn")

    assert (one.phone_key, one.name_key, one.email_key) == (
        other.phone_key,
        other.name_key,
        other.email_key,
    )


def test_only_who_has_no_owner_waits_to_be_routed():
    assert a_lead().awaits_routing
    assert not a_lead(owner_id=uuid4()).awaits_routing


@pytest.mark.capability("P-01")
def test_a_released_lead_is_nobodys_and_lies_in_the_pool_of_its_department():
    owner_id, department_id = uuid4(), uuid4()
    lead = a_lead()
    lead.assign(assignee_id=owner_id, department_id=department_id, reason="x", now=NOW)
    with pytest.raises(LeadHasOwner):
        lead.check_in_pool()

    released = lead.release(how=HowMoved.IDLE, reason="nothing was done", now=NOW)

    lead.check_in_pool()
    assert (lead.owner_id, lead.state, lead.department_id) == (None, "new", department_id)
    assert (released.from_owner_id, released.cause) == (owner_id, "idle")
    assert not lead.awaits_routing


@pytest.mark.capability("SAL-05")
def test_a_conversion_tells_of_the_person_once_and_only_where_it_makes_somebody():
    facts = {"company": "远航", "contact_name": "王芳", "email": "w@example.cn", "city": "杭州"}
    ids = {"customer_id": uuid4(), "opportunity_id": uuid4(), "contact_id": uuid4(), "now": NOW}

    linked = a_lead(**facts).convert(**ids)
    both = a_lead(**facts).convert(**ids, make_customer=True, make_contact=True)
    alone = a_lead(**facts).convert(**ids, make_customer=True)

    assert (linked.new_customer, linked.new_contact) == (None, None)
    assert both.new_customer is not None
    assert both.new_contact is not None
    assert (both.new_customer.name, both.new_customer.email) == ("远航", None)
    assert (both.new_contact.name, both.new_contact.email) == ("王芳", "w@example.cn")
    assert alone.new_customer is not None
    assert alone.new_customer.email == "w@example.cn"


def test_nobody_does_not_become_a_contact():
    with pytest.raises(ContactNeedsName):
        a_lead().convert(
            customer_id=uuid4(),
            opportunity_id=uuid4(),
            contact_id=uuid4(),
            now=NOW,
            make_contact=True,
        )
