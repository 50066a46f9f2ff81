"""Facts of merged customers, also when they are made anew from the history."""

import pytest
from sqlalchemy import text

from common.ids import new_id

from ..builders import a_won_deal, an_opened_deal

REBUILD = "/reporting/v1/projections:rebuild"


@pytest.mark.capability("N9")
async def test_a_deal_won_while_its_customer_was_merged_goes_back_also_in_a_rebuild(
    client, session, hear
):
    deal, old, new, merge_id = new_id(), new_id(), new_id(), new_id()
    merge = {"merge_id": merge_id, "merge_number": 1, "merged_customer_ids": [old]}
    merge["customer_id"] = new

    async def customer() -> object:
        found = await session.execute(
            text("SELECT customer_id, amount FROM opportunities WHERE id = :id"), {"id": deal}
        )
        row = found.one()
        assert row.amount == 1000
        return row.customer_id

    opened = {**an_opened_deal(), "opportunity_id": deal, "customer_id": old}
    won = {**a_won_deal(), "opportunity_id": deal, "customer_id": new}
    await hear("sales.opportunity.opened.v1", subject=deal, **opened)
    await hear("customer.customer.merged.v1", subject=new, **merge)
    await hear("sales.opportunity.won.v1", subject=deal, **won)
    assert await customer() == new
    assert (await client.post(REBUILD)).is_success
    assert await customer() == new

    await hear("customer.customer.unmerged.v1", subject=new, **merge)
    assert await customer() == old
    assert (await client.post(REBUILD)).is_success
    assert await customer() == old
