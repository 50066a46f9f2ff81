from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.opportunities.model import (
    ActivitiesNotDone,
    PipelineIsTheSame,
    StageMoveNotAllowed,
    StageNeedsMore,
    StageNotKnown,
)
from sales.pipelines.flow import BUILT_IN, LOST, WON, StageRules, dead_ends
from sales.pipelines.model import (
    DealKind,
    DefaultTakesTheRest,
    PipelineNotDraft,
    PipelineNotPublished,
    PipelineStagesWrong,
    choose,
)

from ..builders import NOW, TODAY, a_pipeline, a_stage, an_opportunity


@pytest.mark.capability("SAL-08")
def test_a_published_version_stays_as_it_is():
    pipeline = a_pipeline()
    pipeline.publish(by="chen", now=NOW)

    with pytest.raises(PipelineNotDraft):
        pipeline.update({"name": "another"})
    with pytest.raises(PipelineNotDraft):
        pipeline.publish(by="chen", now=NOW)


@pytest.mark.capability("SAL-07")
@pytest.mark.parametrize(
    "stages",
    [
        [a_stage("survey", moves=(WON, LOST)), a_stage("survey", moves=(WON, LOST))],
        [a_stage("won", moves=(LOST,))],
        [a_stage("survey", moves=("nowhere", WON, LOST))],
        [a_stage("survey", moves=("survey", WON, LOST))],
        [a_stage("survey", moves=("tender", LOST)), a_stage("tender", moves=("survey", LOST))],
        [a_stage("survey", moves=("tender", WON)), a_stage("tender", moves=("survey", WON))],
    ],
    ids=["twice", "closing", "unknown", "itself", "never won", "never lost"],
)
def test_stages_that_lead_nowhere_are_refused(stages):
    with pytest.raises(PipelineStagesWrong):
        a_pipeline(stages=stages)


names = st.sampled_from(["a", "b", "c", "d", WON, LOST])


@pytest.mark.capability("SAL-07")
@given(st.fixed_dictionaries({name: st.sets(names) for name in "abcd"}))
def test_a_stage_is_a_dead_end_where_no_walk_ends_won_or_none_ends_lost(moves):
    stages = [a_stage(name, moves=tuple(sorted(to))) for name, to in moves.items()]

    def ends(name, seen):
        if name in (WON, LOST):
            return {name}
        if name in seen:
            return set()
        return set().union(*(ends(to, seen | {name}) for to in moves[name]))

    assert dead_ends(stages) == [name for name in "abcd" if ends(name, set()) != {WON, LOST}]


@pytest.mark.capability("SAL-08")
def test_a_deal_begins_by_the_pipeline_whose_conditions_fit():
    region, product = uuid4(), uuid4()
    projects = a_pipeline(code="projects", product_series=["GTX"], rank=20)
    east = a_pipeline(code="east", region_ids=[region], product_ids=[product], rank=10)
    rest = a_pipeline(code="default", rank=0)
    in_force = [projects, east, rest]

    assert choose(in_force, DealKind(product, "GTX", region)) is east
    assert choose(in_force, DealKind(product, "GTX")) is projects
    assert choose(in_force, DealKind(product, "MG", region)) is east
    assert choose(in_force, DealKind(uuid4(), "MG", region)) is rest
    assert choose([projects, east], DealKind()) is None


@pytest.mark.capability("SAL-08")
def test_the_default_pipeline_has_no_conditions():
    with pytest.raises(DefaultTakesTheRest):
        a_pipeline(code="default", region_ids=[uuid4()])


def a_tender(**values):
    """A pipeline whose first stage is left for the next one after a visit, with a budget."""
    pipeline = a_pipeline(
        stages=[
            a_stage(
                "survey",
                moves=("tender", WON, LOST),
                exit_needs=("budget",),
                exit_activities=("site_visit",),
                limit_days=10,
            ),
            a_stage("tender", moves=("survey", WON, LOST), needs=("need",), limit_days=5),
        ],
        **values,
    )
    pipeline.publish(by="chen", now=NOW)
    return pipeline


@pytest.mark.capability("SAL-07")
def test_a_deal_goes_on_when_what_the_stage_asks_for_is_known_and_done():
    deal = an_opportunity(pipeline=a_tender(), need="二期")

    with pytest.raises(StageNeedsMore):
        deal.move("tender", on=TODAY, today=TODAY, done=["site_visit"])
    deal.change({"budget": Decimal(5)})
    with pytest.raises(ActivitiesNotDone) as refused:
        deal.move("tender", on=TODAY, today=TODAY)
    assert refused.value.facts["missing"] == ["site_visit"]
    with pytest.raises(ActivitiesNotDone):
        deal.win(on=TODAY, today=TODAY, amount=Decimal(1))
    assert deal.move("tender", on=TODAY, today=TODAY, done=["site_visit"]).stage == "tender"


@pytest.mark.capability("SAL-07")
def test_nothing_is_asked_of_a_deal_that_goes_back_or_is_lost():
    deal = an_opportunity(pipeline=a_tender(), stage="tender", need="二期")

    deal.move("survey", on=TODAY, today=TODAY)
    deal.lose(reason="price", on=TODAY, today=TODAY)

    assert deal.stage == LOST


@pytest.mark.capability("SAL-06", "SAL-07")
def test_a_deal_has_the_stages_of_its_own_pipeline_only():
    deal = an_opportunity(pipeline=a_tender(), budget=Decimal(1))

    assert (deal.stage, deal.pipeline_version) == ("survey", 1)
    with pytest.raises(StageNotKnown):
        deal.move("negotiation", on=TODAY, today=TODAY)
    with pytest.raises(StageNeedsMore):
        deal.move("tender", on=TODAY, today=TODAY, done=["site_visit"])
    with pytest.raises(StageMoveNotAllowed):
        an_opportunity(pipeline=a_tender(), stage="won")


@pytest.mark.capability("SAL-10")
def test_a_deal_stalls_when_it_stood_at_its_stage_for_the_days_of_the_limit():
    deal = an_opportunity(
        pipeline=a_tender(), opened_on=date(2026, 2, 1), budget=Decimal(1), need="二期"
    )

    assert deal.stalls_on == date(2026, 2, 11)
    deal.stall(today=TODAY, now=NOW)
    deal.move("tender", on=date(2026, 2, 20), today=TODAY, done=["site_visit"])
    assert (deal.stalls_on, deal.stall_told_on) == (date(2026, 2, 25), None)
    deal.win(on=TODAY, today=TODAY, amount=Decimal(1))
    assert deal.stalls_on is None


@pytest.mark.capability("SAL-08")
def test_a_running_deal_takes_another_version_when_it_is_told_to():
    deal = an_opportunity(opened_on=date(2026, 1, 5))
    pipeline = a_tender(code="tenders", pipeline_version=3)

    with pytest.raises(StageNotKnown):
        deal.migrate(pipeline, stage="prospecting", on=TODAY, today=TODAY)
    changed, moved = deal.migrate(pipeline, stage="survey", on=TODAY, today=TODAY)

    assert (changed.from_pipeline_code, changed.pipeline_code) == ("default", "tenders")
    assert moved is not None
    assert (moved.from_stage, moved.stage, moved.days_in_from_stage) == (
        "prospecting",
        "survey",
        56,
    )
    with pytest.raises(PipelineIsTheSame):
        deal.migrate(pipeline, stage="survey", on=TODAY, today=TODAY)


@pytest.mark.capability("SAL-08")
def test_a_deal_that_stays_at_its_stage_stands_there_as_long_as_before():
    deal = an_opportunity(pipeline=a_tender(), opened_on=date(2026, 2, 1))

    _, moved = deal.migrate(a_tender(pipeline_version=2), stage="survey", on=TODAY, today=TODAY)

    assert moved is None
    assert (deal.stage_entered_on, deal.stalls_on) == (date(2026, 2, 1), date(2026, 2, 11))


@pytest.mark.capability("SAL-08")
def test_a_deal_does_not_run_by_a_draft():
    with pytest.raises(PipelineNotPublished):
        an_opportunity().migrate(a_pipeline(), stage="survey", on=TODAY, today=TODAY)


def test_the_built_in_default_holds_what_is_asked_of_every_pipeline():
    assert dead_ends(BUILT_IN.stages) == []
    assert all(isinstance(rules, StageRules) for rules in BUILT_IN.stages)
