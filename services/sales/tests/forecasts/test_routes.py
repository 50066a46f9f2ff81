import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sales.forecasts import use_cases as forecasts

from ..builders import a_created_product, a_known_employee, an_opened_opportunity, posted

pytestmark = pytest.mark.capability("SAL-11")

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
QUARTER = {"starts_on": "2026-04-01", "ends_on": "2026-06-30"}


async def a_deal(client, amount, **values):
    return await an_opened_opportunity(
        client,
        **{
            "stage": "proposal",
            "expected_amount": amount,
            "expected_close_on": "2026-04-20",
            **values,
        },
    )


async def forecast(client, **asked):
    answer = await client.get("/sales/v1/forecasts", params={**QUARTER, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def keep(database, now=NOON):
    async with database.transaction() as session:
        return await forecasts.take_snapshot(session, now=now)


async def test_deals_count_by_probability_and_by_what_their_owners_commit_to(client, hear):
    owner = await a_known_employee(hear)
    mine = {"owner_id": owner}
    await a_deal(client, "1000.00", forecast_category="commit", probability="0.9", **mine)
    await a_deal(client, "333.33", **mine)
    await a_deal(client, "500.00", forecast_category="omitted", **mine)
    await a_deal(client, "80.00", forecast_category="best_case", **mine)
    await a_deal(client, "70.00", expected_close_on="2026-07-01", **mine)

    (row,) = await forecast(client)

    # 900.00 + 166.665 + 40.00
    assert row["weighted_amount"] == "1106.67"
    assert (row["committed_amount"], row["best_case_amount"]) == ("1000.00", "80.00")
    assert (row["open_amount"], row["deal_count"]) == ("1913.33", 4)
    assert (row["period_starts_on"], row["group_id"]) == ("2026-04-01", owner)


@pytest.mark.parametrize(("period", "months"), [("month", 2), ("quarter", 1), ("year", 1)])
async def test_periods_and_groups_part_the_same_sum(client, period, months):
    products = [await a_created_product(client) for _ in range(2)]
    for product in products:
        await a_deal(client, "100.00", product_id=product["id"])
        await a_deal(client, "10.00", product_id=product["id"], expected_close_on="2026-05-31")

    rows = await forecast(client, by="product", period=period)

    assert len(rows) == 2 * months
    assert {row["group_id"] for row in rows} == {product["id"] for product in products}
    assert sum(float(row["weighted_amount"]) for row in rows) == 110.0


async def test_a_day_keeps_what_was_forecast_on_it(client, database):
    kept, changed, gone = [await a_deal(client, "100.00") for _ in range(3)]
    await keep(database)
    await client.patch(
        f"/sales/v1/opportunities/{changed['id']}",
        json={"expected_amount": "40.00"},
        headers={"If-Match": f'"{changed["version"]}"'},
    )
    await posted(client, f"opportunities/{gone['id']}:lose", 200, reason="price")
    await a_deal(client, "7.00")
    await keep(database, NOON + timedelta(days=3))

    before, after = [
        (await forecast(client, as_of=day))[0]["open_amount"]
        for day in ("2026-03-02", "2026-03-05")
    ]

    assert (before, after) == ("300.00", "147.00")
    assert (await forecast(client))[0]["open_amount"] == "147.00"
    deals = await client.get("/sales/v1/forecasts/deals", params={**QUARTER, "as_of": "2026-03-02"})
    assert {row["opportunity_id"] for row in deals.json()["data"]} == {
        each["id"] for each in (kept, changed, gone)
    }


async def test_a_day_is_kept_once_and_a_missed_one_is_not_made_up(client, database, session):
    await a_deal(client, "100.00")

    taken = await asyncio.gather(*(keep(database) for _ in range(3)))
    await keep(database, NOON + timedelta(days=3))

    assert sorted(taken) == [False, False, True]
    missed = await client.get("/sales/v1/forecasts", params={**QUARTER, "as_of": "2026-03-04"})
    assert (missed.status_code, missed.json()["code"]) == (404, "forecast_not_kept")
    assert missed.json()["nearest"] == "2026-03-02"
    days = (await client.get("/sales/v1/forecasts/snapshots")).json()
    assert [each["taken_on"] for each in days] == ["2026-03-05", "2026-03-02"]
    # What nobody touched is one row, however many days were kept.
    deals = await client.get(
        "/sales/v1/forecasts/deals", params={**QUARTER, "as_of": "2026-03-05", "include": "total"}
    )
    assert deals.json()["total"] == 1


async def test_the_deals_behind_a_figure_add_up_to_it(client, hear):
    owner, other = await a_known_employee(hear), await a_known_employee(hear)
    for amount in ("100.00", "50.10"):
        await a_deal(client, amount, owner_id=owner)
    await a_deal(client, "9.00", owner_id=other)
    row = next(row for row in await forecast(client) if row["group_id"] == owner)

    deals = await client.get(
        "/sales/v1/forecasts/deals", params={**QUARTER, "by": "owner", "group_id": owner}
    )

    shown = [float(each["weighted_amount"]) for each in deals.json()["data"]]
    assert len(shown) == row["deal_count"] == 2
    assert sum(shown) == float(row["weighted_amount"]) == 75.05


async def test_what_was_forecast_stands_beside_what_was_won(client, database, hear):
    deal = await a_deal(
        client, "100.00", expected_close_on="2026-02-20", owner_id=await a_known_employee(hear)
    )
    february = {"starts_on": "2026-02-01", "ends_on": "2026-02-28"}
    await keep(database, datetime(2026, 2, 1, 4, tzinfo=UTC))
    await posted(
        client, f"opportunities/{deal['id']}:win", 200, amount="90.00", won_on="2026-02-21"
    )

    (row,) = await forecast(client, as_of="2026-02-01", **february)

    assert (row["weighted_amount"], row["won_amount"], row["won_count"]) == ("50.00", "90.00", 1)
