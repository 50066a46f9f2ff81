from datetime import UTC, datetime

import pytest

from common.testing.service import said
from sales.opportunities import use_cases as opportunities

from ..builders import a_known_employee, an_opened_opportunity, posted


async def tell(database, *, now):
    async with database.transaction() as session:
        return await opportunities.tell_stalled(session, now=now)


@pytest.mark.capability("SAL-10")
async def test_the_owner_of_a_deal_that_stands_too_long_gets_one_task_a_stay(
    client, session, hear, database
):
    owner_id = await a_known_employee(hear)
    deal = await an_opened_opportunity(client, owner_id=owner_id, opened_on="2026-01-05")
    await an_opened_opportunity(client, opened_on="2026-03-01")

    # 60 days at the first stage are over on 6 March.
    assert await tell(database, now=datetime(2026, 3, 5, tzinfo=UTC)) == 0
    assert await tell(database, now=datetime(2026, 3, 6, tzinfo=UTC)) == 1
    assert await tell(database, now=datetime(2026, 3, 7, tzinfo=UTC)) == 0

    (told,) = await said(session, "sales.opportunity.stalled.v1")
    assert (told["opportunity_id"], told["owner_id"], told["days_in_stage"]) == (
        deal["id"],
        owner_id,
        60,
    )
    tasks = f"/sales/v1/opportunities/activities?assignee_id={owner_id}"
    (task,) = (await client.get(f"{tasks}&state=planned")).json()["data"]
    assert (task["id"], task["kind"], task["due_on"]) == (
        told["activity_id"],
        "stalled",
        "2026-03-06",
    )

    await posted(
        client, f"opportunities/{deal['id']}:move", 200, stage="engaging", changed_on="2026-03-10"
    )
    assert (await client.get(f"{tasks}&state=planned")).json()["data"] == []
    assert await tell(database, now=datetime(2026, 5, 9, tzinfo=UTC)) == 2
    assert len(await said(session, "sales.opportunity.stalled.v1")) == 3


@pytest.mark.capability("SAL-10")
async def test_stalled_deals_are_listed_the_longest_first_and_closed_ones_never(client):
    for day in ("2025-03-01", "2025-01-01", "2025-02-01"):
        await an_opened_opportunity(client, opened_on=day)
    closed = await an_opened_opportunity(client, opened_on="2025-01-15")
    await posted(client, f"opportunities/{closed['id']}:lose", 200, reason="price")
    await an_opened_opportunity(client, opened_on="2026-11-01")

    page = (await client.get("/sales/v1/opportunities/stalled?limit=2")).json()

    assert [row["opened_on"] for row in page["data"]] == ["2025-01-01", "2025-02-01"]
    assert page["has_more"]
