import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from common.ids import new_id
from reporting.consumers import PROJECTED
from reporting.projections.model import PROJECTIONS
from reporting.projections.rebuild import rebuild_projections
from reporting.reports.definitions import REPORTS

from ..builders import BY_CHANCE, Histories, a_report, a_won_deal, hear_all


async def every_report(client):
    """All reports in all groupings, as bytes; without the freshness, which is about now."""
    answers = []
    for report in REPORTS:
        for grouping in report.groupings:
            response = await client.get(
                f"/reporting/v1/reports/{report.name}",
                params={"group_by": grouping},
                headers={"Accept": "text/csv"},
            )
            answers.append(response.content)
    return answers


@pytest.mark.capability("REP-03", "REP-05")
@BY_CHANCE
@given(seed=st.integers(0, 10**6), batch=st.sampled_from([1, 7, 50]))
async def test_a_rebuild_gives_the_same_reports_to_the_byte(client, database, seed, batch):
    await hear_all(database, Histories(Random(seed)).tell(12), at_once=batch)
    before = await every_report(client)

    response = await client.post("/reporting/v1/projections:rebuild")

    assert response.status_code == 200
    assert response.json()["events"] > 0
    assert await every_report(client) == before


async def test_a_rebuild_repairs_what_was_damaged(client, database, hear):
    await hear("sales.opportunity.won.v1", **a_won_deal(amount="1000.00"))
    async with database.transaction() as session:
        await session.execute(text("UPDATE opportunities SET amount = 7"))
        await session.execute(text("UPDATE won_rollup SET won_revenue = 7"))

    await client.post("/reporting/v1/projections:rebuild")

    assert (await a_report(client, "won-revenue"))["totals"]["won_revenue"] == "1000.00"


@pytest.mark.capability("REP-05")
async def test_readers_see_the_old_figures_and_events_wait_until_a_rebuild_is_done(
    client, database, hear
):
    await hear("sales.opportunity.won.v1", **a_won_deal(amount="1000.00"))

    async with database.transaction() as session:
        await rebuild_projections(session, PROJECTED)
        during = await a_report(client, "won-revenue")
        late = asyncio.create_task(
            hear("sales.opportunity.won.v1", subject=new_id(), **a_won_deal(amount="50.00"))
        )
        waited = await asyncio.wait([late], timeout=0.3)

    await late
    assert during["totals"]["won_revenue"] == "1000.00"
    assert late in waited[1]
    assert (await a_report(client, "won-revenue"))["totals"]["won_revenue"] == "1050.00"


def test_everything_that_reports_read_is_rebuilt():
    assert {table.name for table in PROJECTIONS} >= {
        "opportunities",
        "won_lines",
        "won_rollup",
        "won_product_rollup",
        "receipts",
        "orders",
        "tickets",
        "surveys",
        "scorecards",
        "partners",
        "regions",
        "people",
        "products",
    }
    assert not {"events", "inbox_event", "consumer_aggregate"} & {t.name for t in PROJECTIONS}
