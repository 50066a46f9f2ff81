from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import event

from sales.opportunities import use_cases as opportunities

from ..builders import a_known_customer, a_known_partner, an_opened_opportunity, posted


@contextmanager
def statements(session):
    sent = []
    engine = session.get_bind()

    def note(_connection, _cursor, statement, *_):
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.capability("SAL-07")
async def test_the_board_has_counts_sums_and_weighted_sums_by_stage_and_currency(client, session):
    for amount, currency, stage in (
        ("1000.00", "CNY", "engaging"),
        ("500.01", "CNY", "engaging"),
        ("80.00", "USD", "engaging"),
        ("200.00", "CNY", "proposal"),
    ):
        await an_opened_opportunity(
            client, expected_amount=amount, currency=currency, stage=stage, opened_on="2026-01-05"
        )
    closed = await an_opened_opportunity(client, expected_amount="9.00", stage="engaging")
    await posted(client, f"opportunities/{closed['id']}:win", 200)

    with statements(session) as sent:
        board = await opportunities.get_board(
            session, pipeline_code="default", now=datetime(2026, 3, 2, tzinfo=UTC)
        )

    assert [
        (stage.stage, cell.currency, cell.deals, cell.stalled, cell.amount, cell.weighted_amount)
        for stage in board.stages
        for cell in stage.cells
    ] == [
        ("engaging", "CNY", 2, 0, Decimal("1500.01"), Decimal("375.00")),
        ("engaging", "USD", 1, 0, Decimal("80.00"), Decimal("20.00")),
        ("proposal", "CNY", 1, 1, Decimal("200.00"), Decimal("100.00")),
    ]
    totals = [statement for statement in sent if "opportunities" in statement]
    assert len(totals) == 1
    assert [stage.stage for stage in board.stages] == [
        "prospecting",
        "engaging",
        "proposal",
        "negotiation",
    ]


@pytest.mark.capability("SAL-06")
async def test_how_a_deal_counts_in_a_forecast_is_kept_and_told(client):
    deal = await an_opened_opportunity(client)

    changed = await client.patch(
        f"/sales/v1/opportunities/{deal['id']}", json={"forecast_category": "commit"}
    )
    wrong = await client.patch(
        f"/sales/v1/opportunities/{deal['id']}", json={"forecast_category": "maybe"}
    )

    assert deal["forecast_category"] == "pipeline"
    assert changed.json()["forecast_category"] == "commit"
    assert wrong.status_code == 422


@pytest.mark.capability("SAL-29")
async def test_a_channel_deal_names_the_partner_and_who_buys_from_it(client, hear):
    partner_id, end_customer_id = await a_known_partner(hear), await a_known_customer(hear)

    deal = await an_opened_opportunity(
        client, partner_id=partner_id, end_customer_id=end_customer_id
    )
    alone = await client.post(
        "/sales/v1/opportunities", json={"name": "x", "end_customer_id": end_customer_id}
    )
    left = await client.patch(f"/sales/v1/opportunities/{deal['id']}", json={"partner_id": None})
    listed = (
        await client.get(f"/sales/v1/opportunities?end_customer_id={end_customer_id}")
    ).json()["data"]

    assert (deal["partner_id"], deal["end_customer_id"]) == (partner_id, end_customer_id)
    assert alone.json()["code"] == left.json()["code"] == "end_customer_needs_partner"
    assert [row["id"] for row in listed] == [deal["id"]]


@pytest.mark.capability("SAL-06", "SAL-07")
async def test_the_history_says_who_and_why_and_counts_every_stay(client):
    deal = await an_opened_opportunity(client, expected_amount="1000.00", currency="USD")
    path = f"opportunities/{deal['id']}"
    for stage, day in (
        ("engaging", "2026-01-10"),
        ("prospecting", "2026-01-12"),
        ("engaging", "2026-01-20"),
    ):
        await posted(client, f"{path}:move", 200, stage=stage, changed_on=day, reason=f"to {stage}")
    await client.patch(
        f"/sales/v1/{path}", json={"expected_amount": "900.00", "change_reason": "no stand"}
    )
    await posted(client, f"{path}:lose", 200, reason="price", lost_on="2026-01-25")

    history = (await client.get(f"/sales/v1/{path}/history")).json()

    assert history["currency"] == "USD"
    assert history["totals"] == [
        {"stage": "prospecting", "stays": 2, "days": 13},
        {"stage": "engaging", "stays": 2, "days": 7},
        {"stage": "lost", "stays": 1, "days": 0},
    ]
    assert history["stages"][1]["reason"] == "to prospecting"
    (change,) = history["changes"]
    assert (change["from_expected_amount"], change["expected_amount"], change["reason"]) == (
        "1000.00",
        "900.00",
        "no stand",
    )
    assert change["recorded_by"]
