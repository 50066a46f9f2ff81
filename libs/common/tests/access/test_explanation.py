"""Explanations: always the decision that is really made."""

from hypothesis import given
from hypothesis import strategies as some

from common.access.explanation import explain
from common.access.rights import Grant, Scope
from common.auth import Actor
from common.ids import new_id

IDS = [new_id() for _ in range(4)]
one_id = some.sampled_from(IDS)
grants = some.builds(
    Grant,
    role=some.sampled_from(["sales", "manager", "dealer"]),
    rights=some.sampled_from([("*",), ("sales.*",), ("sales.quotes.read",), ("customer.*",)]),
    scope=some.sampled_from(Scope),
)
actors = some.builds(
    Actor,
    id=some.just("somebody"),
    grants=some.lists(grants, max_size=3).map(tuple),
    employee_id=some.none() | one_id,
    department_id=some.none() | one_id,
    partner_id=some.none() | one_id,
    subtree_ids=some.frozensets(one_id),
    region_ids=some.frozensets(one_id),
)
records = some.fixed_dictionaries(
    {
        name: some.none() | one_id
        for name in ("owner_id", "department_id", "partner_id", "region_id")
    }
)


@given(actors, records, some.sampled_from(["sales.quotes.read", "sales.quotes.write"]))
def test_an_explanation_says_what_is_decided(actor, record, right):
    rows = actor.rows(right)
    decided = actor.may(right) and (rows is None or rows.hold(record))

    explained = explain(actor, right, record)

    assert explained.is_allowed == decided
    assert (explained.missing is None) == decided
    if decided:
        assert explained.role in {grant.role for grant in actor.grants}


@given(actors)
def test_without_a_record_the_right_alone_decides(actor):
    explained = explain(actor, "sales.quotes.read", None)

    assert explained.is_allowed == actor.may("sales.quotes.read")
    if not explained.is_allowed:
        assert explained.missing == "sales.quotes.read"
