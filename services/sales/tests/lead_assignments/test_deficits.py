"""Who gets a lead: the rules alone, without a database."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.leads.deficits import (
    Asked,
    DecidedBy,
    Decision,
    MemberThen,
    RoutingRule,
    WhyNot,
    decide,
)

pytestmark = [pytest.mark.capability("SAL-04", "N13", "C-10")]

TEAM = UUID(int=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
EAST, ZHEJIANG = UUID(int=70), UUID(int=71)


def a_member(number: int, **values) -> MemberThen:
    defaults = {
        "member_id": UUID(int=1000 + number),
        "employee_id": UUID(int=number),
        "quota": Decimal(1),
        "capacity": None,
        "open_leads": 0,
        "skills": (),
        "territory_ids": (),
        "is_absent": False,
        "is_active": True,
        "has_left": False,
        "entitled": Decimal(0),
        "assigned": 0,
        "last_assigned_at": None,
    }
    return MemberThen(**{**defaults, **values})


def asked(*members: MemberThen, rules=None, regions=(), facts=None) -> Asked:
    return Asked(
        policy_version=1,
        facts=facts or {"source": "fair"},
        regions=regions,
        rules=rules or (RoutingRule(name="all", team_id=TEAM),),
        teams={TEAM: members},
    )


def after(members: list[MemberThen], decision: Decision, now: datetime) -> list[MemberThen]:
    """The members when the decision was taken."""
    shares = {each.member_id: each.share for each in decision.considered[-1].candidates}
    return [
        each.model_copy(
            update={
                "entitled": each.entitled + shares.get(each.member_id, 0),
                "assigned": each.assigned + (each.member_id == decision.member_id),
                "last_assigned_at": now
                if each.member_id == decision.member_id
                else each.last_assigned_at,
            }
        )
        for each in members
    ]


@given(
    size=st.integers(1, 8),
    batches=st.lists(st.integers(1, 7), max_size=12),
    absences=st.data(),
)
def test_with_equal_quotas_those_who_are_there_never_differ_by_more_than_one(
    size, batches, absences
):
    members = [a_member(number) for number in range(size + 2)]
    comes_and_goes = {members[-1].member_id, members[-2].member_id}
    now = START
    for batch in batches:
        now += timedelta(hours=1)
        away = absences.draw(st.sets(st.sampled_from(sorted(comes_and_goes))))
        members = [
            each.model_copy(update={"is_absent": each.member_id in away}) for each in members
        ]
        # A batch is decided at one time.
        for _ in range(batch):
            question = asked(*members)
            decision = decide(question)
            assert decision.member_id not in away
            assert decide(Asked.model_validate_json(question.model_dump_json())) == decision
            members = after(members, decision, now)
            counts = [each.assigned for each in members if each.member_id not in comes_and_goes]
            assert max(counts) - min(counts) <= 1


@given(quotas=st.lists(st.integers(1, 9), min_size=1, max_size=6), leads=st.integers(0, 120))
def test_nobody_is_further_than_a_few_leads_from_the_quota(quotas, leads):
    members = [a_member(n, quota=Decimal(quota)) for n, quota in enumerate(quotas)]
    for _ in range(leads):
        members = after(members, decide(asked(*members)), START)

    for each in members:
        fair = leads * each.quota / sum(quotas)
        assert abs(each.assigned - fair) < len(quotas)
    assert sum(each.assigned for each in members) == leads


def test_who_comes_back_is_not_flooded():
    there, away = a_member(1), a_member(2, is_absent=True)
    members = [there, away]
    for _ in range(10):
        members = after(members, decide(asked(*members)), START)
    members[1] = members[1].model_copy(update={"is_absent": False})

    got: Counter[UUID | None] = Counter()
    for _ in range(6):
        decision = decide(asked(*members))
        got[decision.employee_id] += 1
        members = after(members, decision, START)

    assert got == {there.employee_id: 3, away.employee_id: 3}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"has_left": True}, WhyNot.LEFT),
        ({"is_active": False}, WhyNot.INACTIVE),
        ({"is_absent": True}, WhyNot.ABSENT),
        ({"capacity": 3, "open_leads": 3}, WhyNot.FULL),
        ({"skills": ()}, WhyNot.LACKS_SKILL),
        ({"territory_ids": (UUID(int=99),)}, WhyNot.OUTSIDE_TERRITORY),
    ],
)
def test_who_cannot_have_the_lead_is_passed_over_and_it_is_said_why(values, why):
    rule = RoutingRule(name="pumps", team_id=TEAM, skills=("pumps",), match_territory=True)
    fits = {"skills": ("pumps", "english"), "territory_ids": (EAST,), "capacity": 3}
    able = a_member(2, **fits, open_leads=2, entitled=Decimal(-50))
    unable = a_member(1, **{**fits, **values})

    decision = decide(asked(unable, able, rules=(rule,), regions=(ZHEJIANG, EAST)))

    assert (decision.employee_id, decision.decided_by) == (able.employee_id, DecidedBy.ONLY_ONE)
    (passed_over,) = decision.considered[0].passed_over
    assert (passed_over.employee_id, passed_over.why) == (unable.employee_id, why)


def test_the_first_rule_that_fits_and_finds_somebody_decides():
    other_team = UUID(int=2)
    rules = (
        RoutingRule(
            name="web",
            team_id=TEAM,
            when=({"field": "source", "operator": "one_of", "values": ["web"]},),
        ),
        RoutingRule(name="nobody_there", team_id=TEAM, skills=("russian",)),
        RoutingRule(name="rest", team_id=other_team),
    )
    question = asked(a_member(1), rules=rules)
    question = question.model_copy(update={"teams": {**question.teams, other_team: (a_member(7),)}})

    decision = decide(question)

    assert decision.employee_id == UUID(int=7)
    assert [each.rule for each in decision.considered] == ["nobody_there", "rest"]


def test_ties_are_broken_by_who_waits_longer_and_then_by_the_id():
    early, late = START, START + timedelta(days=1)
    waiting = decide(asked(a_member(1, last_assigned_at=late), a_member(2, last_assigned_at=early)))
    never = decide(asked(a_member(1, last_assigned_at=early), a_member(2)))
    alike = decide(asked(a_member(2), a_member(1)))

    assert (waiting.employee_id, waiting.decided_by) == (UUID(int=2), DecidedBy.WAITED_LONGER)
    assert never.employee_id == UUID(int=2)
    assert (alike.employee_id, alike.decided_by) == (UUID(int=1), DecidedBy.SMALLER_ID)


def test_nobody_is_an_answer():
    decision = decide(asked(a_member(1, is_absent=True)))

    assert (decision.employee_id, decision.deciding) == (None, None)
