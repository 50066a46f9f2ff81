import asyncio
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from reporting.projections.rollups import Movement
from reporting.reports.questions import Question

from ..builders import BY_CHANCE, Histories, hear_all, rollup_and_facts


def a_won_row(**values):
    return {
        "state": "won",
        "currency": "CNY",
        "closed_on": date(2026, 2, 10),
        "region_id": None,
        "partner_id": None,
        "owner_id": None,
        "product_id": None,
        "amount": Decimal(100),
        **values,
    }


def test_an_open_deal_counts_for_nothing():
    movement = Movement()

    movement.put_in(a_won_row(state="open"), [])

    assert movement.deal_rows == movement.product_rows == []


def test_a_deal_that_stays_as_it_was_moves_nothing():
    movement, lines = Movement(), [{"product_id": None, "amount": Decimal(100)}]

    movement.take_out(a_won_row(), lines)
    movement.put_in(a_won_row(), lines)

    assert movement.deal_rows == movement.product_rows == []


def test_a_deal_counts_once_for_a_product_with_several_lines():
    movement, product = Movement(), UUID(int=1)

    movement.put_in(
        a_won_row(),
        [
            {"product_id": product, "amount": Decimal(60)},
            {"product_id": product, "amount": Decimal(40)},
        ],
    )

    (row,) = movement.product_rows
    assert (row["won_revenue"], row["won_deals"]) == (Decimal(100), 1)


@pytest.mark.capability("REP-05")
@BY_CHANCE
@given(seed=st.integers(0, 10**6), batch=st.sampled_from([1, 7, 50]))
async def test_the_rollup_is_the_sum_of_the_facts_whatever_happened(database, session, seed, batch):
    chance = Random(seed)
    histories = Histories(chance)
    await hear_all(database, histories.tell(12), at_once=batch)
    first_day = date(2025, chance.choice([11, 12]), 1)
    last_day = date(2026, chance.choice([2, 3, 4]), 1) - timedelta(days=1)
    filters = {
        name: UUID(histories.ids[key][0])
        for name, key in (
            ("region", "region_id"),
            ("person", "owner_id"),
            ("partner", "partner_id"),
            ("product", "product_id"),
        )
    }

    for currency in ("CNY", "USD"):
        for grouping in ("region", "month", "product", "person", "partner", None):
            for chosen in ({}, *({name: value} for name, value in filters.items())):
                for period in ((None, None), (first_day, None), (first_day, last_day)):
                    question = Question(grouping, *period, currency, chosen)
                    rollup, facts = await rollup_and_facts(session, question)
                    assert rollup == facts, question


@pytest.mark.capability("REP-05")
async def test_lanes_that_meet_in_the_rollup_do_not_lose_or_block_each_other(database, session):
    events = Histories(Random(11)).tell(150)
    lanes = [
        [event for event in events if event.envelope.subject.int % 4 == lane] for lane in range(4)
    ]

    await asyncio.gather(*(hear_all(database, lane, at_once=20) for lane in lanes))

    for grouping in ("month", "product", None):
        for currency in ("CNY", "USD"):
            rollup, facts = await rollup_and_facts(session, Question(grouping, currency=currency))
            assert rollup == facts
    kept = await session.execute(text("SELECT count(*) FROM events"))
    assert kept.scalar() == len(events)
