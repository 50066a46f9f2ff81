from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ids import new_id
from reporting.reports.definitions import REPORTS, Kind

from ..builders import (
    BY_CHANCE,
    Histories,
    a_lost_deal,
    a_partner,
    a_receipt,
    a_report,
    a_scorecard,
    a_survey,
    a_won_deal,
    an_opened_deal,
    an_opened_ticket,
    hear_all,
    row_of,
)

GROUPINGS = [(report, grouping) for report in REPORTS for grouping in report.groupings]


async def a_region(hear, name="华东"):
    region = new_id()
    await hear("channel.territory.changed.v1", subject=region, code=name, name=name, state="active")
    return str(region)


# --- what there is to ask


async def test_the_list_says_what_each_report_is_and_how_to_ask(client):
    found = (await client.get("/reporting/v1/reports")).json()["data"]

    assert [report["name"] for report in found] == [
        "won-revenue",
        "sales-funnel",
        "channel-performance",
        "service-levels",
    ]
    funnel = found[1]
    assert funnel["default_group_by"] == "stage"
    assert "stage" not in funnel["group_by"]
    assert funnel["filters"] == ["region", "product", "person", "partner"]
    conversion = next(column for column in funnel["columns"] if column["name"] == "conversion")
    assert conversion["kind"] == "percent"
    assert conversion["definition"].keys() == {"en", "zh"}


@pytest.mark.capability("REP-03")
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("no-such-report", 404, "report_not_found"),
        ("won-revenue?group_by=colour", 422, "unknown_group_by"),
        ("service-levels?group_by=product", 422, "unknown_group_by"),
        ("won-revenue?from=2026-02-02&to=2026-02-01", 422, "period_reversed"),
        ("won-revenue?from=yesterday", 422, "not_valid"),
        ("won-revenue?region=east", 422, "not_valid"),
        ("won-revenue?currency=yuan", 422, "not_valid"),
        ("channel-performance?product=01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f", 422, "unknown_filter"),
        ("service-levels?currency=CNY", 422, "unknown_filter"),
        ("won-revenue?colour=red", 422, "unknown_parameter"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_refused(client, path, status, code):
    response = await client.get(f"/reporting/v1/reports/{path}")

    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_refused_grouping_names_those_there_are(client):
    response = await client.get("/reporting/v1/reports/channel-performance?group_by=product")

    assert response.json()["allowed"] == ["partner", "region", "month"]


@pytest.mark.parametrize(("report", "grouping"), GROUPINGS)
async def test_an_empty_database_answers_with_nothing(client, report, grouping):
    answer = await a_report(client, report.name, group_by=grouping)

    assert answer["rows"] == []
    assert [answer[name] for name in ("from", "to", "currency", "as_of", "lag_seconds")] == (
        [None] * 5
    )
    assert answer["other_currencies"] == []


# --- totals


@pytest.mark.capability("REP-06", "SAL-22")
@BY_CHANCE
@given(seed=st.integers(0, 10**6))
async def test_totals_add_up(client, database, seed):
    histories = Histories(Random(seed))
    await hear_all(database, histories.tell(12))
    for report, grouping in GROUPINGS:
        answer = await a_report(client, report.name, group_by=grouping)
        columns = {column.name: column for column in report.columns}
        for shown in answer["columns"][1:]:
            column, name = columns[shown["name"]], shown["name"]
            if not column.is_additive or name not in answer["totals"]:
                continue
            whole = sum((Decimal(row[name]) for row in answer["rows"]), Decimal(0))
            if name == "won_deals" and grouping in report.overlapping:
                assert whole >= answer["totals"][name]
            else:
                assert whole == Decimal(answer["totals"][name]), (report.name, grouping, name)


@pytest.mark.capability("REP-06")
@BY_CHANCE
@given(seed=st.integers(0, 10**6))
async def test_totals_are_the_same_however_they_are_grouped(client, database, seed):
    await hear_all(database, Histories(Random(seed)).tell(12))
    for report in REPORTS:
        answers = [
            await a_report(client, report.name, group_by=grouping) for grouping in report.groupings
        ]
        for name in ("won_revenue", "won_deals", "lost_deals", "win_rate", "open_pipeline"):
            told = {answer["totals"][name] for answer in answers if name in answer["totals"]}
            assert len(told) <= 1, (report.name, name)


@pytest.mark.capability("REP-06")
@BY_CHANCE
@given(seed=st.integers(0, 10**6))
async def test_the_figures_of_a_filter_are_those_of_its_row(client, database, seed):
    await hear_all(database, Histories(Random(seed)).tell(12))
    for report in REPORTS:
        for grouping in report.filters:
            rows = (await a_report(client, report.name, group_by=grouping))["rows"]
            chosen = [row for row in rows if row[f"{grouping}_id"] is not None][:2]
            for row in chosen:
                narrowed = await a_report(
                    client,
                    report.name,
                    group_by=grouping,
                    **{grouping: row[f"{grouping}_id"]},
                )
                assert narrowed["rows"] == [row]


@pytest.mark.capability("REP-03")
async def test_a_period_in_days_and_the_same_in_months_tell_the_same(client, database):
    await hear_all(database, Histories(Random(7)).tell(60))
    by_months = await a_report(client, "won-revenue", from_="2026-01-01", to="2026-02-28")

    by_days = [
        await a_report(client, "won-revenue", from_=str(day), to=str(day))
        for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(59))
    ]

    for name in ("won_revenue", "received"):
        whole = sum(Decimal(answer["totals"][name]) for answer in by_days)
        assert whole == Decimal(by_months["totals"][name]) > 0
    for name in ("won_deals", "lost_deals"):
        assert sum(answer["totals"][name] for answer in by_days) == by_months["totals"][name] > 0


# --- won revenue


@pytest.mark.capability("SAL-22", "SAL-12")
async def test_won_revenue_tells_what_was_won_lost_and_received(client, hear):
    region, deal = await a_region(hear), new_id()
    await hear(
        "sales.opportunity.won.v1",
        subject=deal,
        **a_won_deal(amount="1000.00") | {"region_id": region},
    )
    await hear("sales.opportunity.won.v1", **a_won_deal(amount="500.00") | {"region_id": region})
    await hear("sales.opportunity.lost.v1", **a_lost_deal() | {"region_id": region})
    await hear("sales.opportunity.opened.v1", **an_opened_deal() | {"region_id": region})
    await hear("sales.receipt.recorded.v1", **a_receipt(opportunity_id=str(deal)))

    answer = await a_report(client, "won-revenue", group_by="region")

    expected = {
        "won_revenue": "1500.00",
        "won_deals": 2,
        "average_deal": "750.00",
        "lost_deals": 1,
        "win_rate": 0.666667,
        "received": "400.00",
    }
    assert answer["rows"] == [{"region": "华东", "region_id": region, **expected}]
    assert answer["totals"] == expected
    assert [column["name"] for column in answer["columns"]] == ["region", *expected]
    assert (answer["from"], answer["to"], answer["currency"]) == (
        "2026-02-10",
        "2026-02-12",
        "CNY",
    )


async def test_money_received_through_the_order_of_a_deal_counts_and_reversed_does_not(
    client, hear
):
    deal, order, reversed_receipt = new_id(), new_id(), new_id()
    await hear("sales.receipt.recorded.v1", **a_receipt(order_id=str(order), amount="300.00"))
    await hear(
        "sales.receipt.recorded.v1", subject=reversed_receipt, **a_receipt(order_id=str(order))
    )
    await hear(
        "sales.receipt.reversed.v1",
        subject=reversed_receipt,
        reversed_on="2026-03-01",
        reason="bounced",
    )
    await hear(
        "sales.order.confirmed.v1",
        subject=order,
        number="O1",
        customer_id=str(uuid4()),
        opportunity_id=str(deal),
        total="1000.00",
        currency="CNY",
        confirmed_at="2026-02-15T01:00:00Z",
        ordered_on="2026-02-15",
    )
    await hear("sales.opportunity.won.v1", subject=deal, **a_won_deal())

    assert (await a_report(client, "won-revenue"))["totals"]["received"] == "300.00"


async def test_by_product_a_deal_counts_with_its_lines_and_once_in_the_totals(client, hear):
    pumps, valves = new_id(), new_id()
    for product, name in ((pumps, "泵"), (valves, "阀")):
        await hear(
            "sales.product.created.v1",
            subject=product,
            sku=name,
            name=name,
            kind="own",
            state="active",
        )
    await hear(
        "sales.opportunity.won.v1",
        **a_won_deal(
            amount="1000.00",
            lines=[
                {"product_id": str(pumps), "amount": "600.00"},
                {"product_id": str(valves), "amount": "300.00"},
                {"product_id": str(valves), "amount": "100.00"},
            ],
        ),
    )

    answer = await a_report(client, "won-revenue", group_by="product")

    assert [(row["product"], row["won_revenue"], row["won_deals"]) for row in answer["rows"]] == [
        ("泵", "600.00", 1),
        ("阀", "400.00", 1),
    ]
    assert (answer["totals"]["won_revenue"], answer["totals"]["won_deals"]) == ("1000.00", 1)
    assert "received" not in answer["totals"]
    narrowed = await a_report(client, "won-revenue", group_by="month", product=valves)
    assert narrowed["totals"]["won_revenue"] == "400.00"


async def test_months_without_a_deal_are_there_with_nothing(client, hear):
    await hear("sales.opportunity.won.v1", **a_won_deal(won_on="2025-11-30"))
    await hear("sales.opportunity.won.v1", **a_won_deal(won_on="2026-02-01"))

    answer = await a_report(client, "won-revenue", group_by="month")

    assert [row["month"] for row in answer["rows"]] == ["2025-11", "2025-12", "2026-01", "2026-02"]
    quiet = row_of(answer, "2025-12")
    assert (quiet["won_revenue"], quiet["won_deals"], quiet["win_rate"]) == ("0.00", 0, None)
    assert quiet["month_id"] is None


async def test_what_is_not_assigned_has_a_row_without_a_name(client, hear):
    await hear("sales.opportunity.won.v1", **a_won_deal())

    (row,) = (await a_report(client, "won-revenue", group_by="person"))["rows"]

    assert (row["person"], row["person_id"]) == (None, None)


async def test_what_has_no_name_yet_is_called_by_its_id(client, hear):
    region = str(uuid4())
    await hear("sales.opportunity.won.v1", **a_won_deal() | {"region_id": region})

    (row,) = (await a_report(client, "won-revenue", group_by="region"))["rows"]

    assert row["region"] == row["region_id"] == region


async def test_figures_are_of_one_currency_and_name_the_others(client, hear):
    await hear("sales.opportunity.won.v1", **a_won_deal(amount="10.00", currency="USD"))
    await hear("sales.opportunity.won.v1", **a_won_deal(amount="1000.00", currency="CNY"))
    await hear("sales.opportunity.opened.v1", **an_opened_deal(currency="EUR"))

    usual = await a_report(client, "won-revenue")
    asked = await a_report(client, "won-revenue", currency="USD")

    assert (usual["currency"], usual["other_currencies"]) == ("CNY", ["EUR", "USD"])
    assert usual["totals"]["won_revenue"] == "1000.00"
    assert (asked["currency"], asked["totals"]["won_deals"]) == ("USD", 1)


async def test_a_period_includes_its_first_and_last_day(client, hear):
    for day in ("2026-02-09", "2026-02-10", "2026-02-12", "2026-02-13"):
        await hear("sales.opportunity.won.v1", **a_won_deal(won_on=day))

    answer = await a_report(client, "won-revenue", from_="2026-02-10", to="2026-02-12")

    assert answer["totals"]["won_deals"] == 2
    assert (answer["from"], answer["to"]) == ("2026-02-10", "2026-02-12")


@pytest.mark.parametrize(
    ("asked", "stated"),
    [
        ({"from_": "2026-02-01"}, ("2026-02-01", "2026-02-10")),
        ({"to": "2026-05-01"}, ("2026-02-10", "2026-05-01")),
        ({"from_": "2030-01-01"}, ("2030-01-01", "2030-01-01")),
        ({"to": "1990-01-31"}, ("1990-01-31", "1990-01-31")),
    ],
)
async def test_an_open_side_of_a_period_is_that_of_the_data(client, hear, asked, stated):
    await hear("sales.opportunity.won.v1", **a_won_deal())

    answer = await a_report(client, "won-revenue", **asked)

    assert (answer["from"], answer["to"]) == stated


# --- funnel


async def a_deal_at(hear, stage, *, then=None, amount="100.00"):
    deal = new_id()
    await hear(
        "sales.opportunity.opened.v1",
        subject=deal,
        **an_opened_deal(stage=stage, expected_amount=amount),
    )
    if then == "won":
        await hear(
            "sales.opportunity.won.v1",
            subject=deal,
            **a_won_deal(from_stage=stage, amount=amount),
        )
    if then == "lost":
        await hear("sales.opportunity.lost.v1", subject=deal, **a_lost_deal(from_stage=stage))


@pytest.mark.capability("SAL-12")
async def test_the_funnel_tells_where_deals_stand_and_how_far_they_came(client, hear):
    await a_deal_at(hear, "prospecting")
    await a_deal_at(hear, "engaging", amount="250.00")
    await a_deal_at(hear, "proposal", then="lost")
    await a_deal_at(hear, "negotiation", then="won", amount="400.00")

    answer = await a_report(client, "sales-funnel")

    assert answer["group_by"] == "stage"
    assert [
        (row["stage"], row["deals"], row["reached_deals"], row["amount"], row["conversion"])
        for row in answer["rows"]
    ] == [
        ("prospecting", 1, 4, "100.00", 0.75),
        ("engaging", 1, 3, "250.00", 0.666667),
        ("proposal", 0, 2, "0.00", 0.5),
        ("negotiation", 0, 1, "0.00", 1.0),
        ("won", 1, 1, "400.00", None),
    ]
    assert answer["totals"] == {
        "deals": 3,
        "amount": "750.00",
        "open_deals": 2,
        "open_pipeline": "350.00",
        "won_deals": 1,
        "lost_deals": 1,
        "win_rate": 0.5,
    }


async def test_a_stage_this_release_does_not_know_is_not_dropped(client, hear):
    await a_deal_at(hear, "on_hold")

    answer = await a_report(client, "sales-funnel")

    assert row_of(answer, "other")["deals"] == 1
    assert answer["totals"]["open_deals"] == 1


async def test_the_funnel_by_month_goes_by_the_day_of_opening(client, hear):
    await a_deal_at(hear, "prospecting", then="won")

    answer = await a_report(client, "sales-funnel", group_by="month")

    assert [(row["month"], row["won_deals"]) for row in answer["rows"]] == [("2026-01", 1)]
    assert "reached_deals" not in answer["rows"][0]


# --- channel


@pytest.mark.capability("SAL-29")
async def test_the_channel_is_told_by_partner_with_its_region_and_score(client, hear):
    region, partner, quiet = await a_region(hear), new_id(), new_id()
    here = {"region_id": region, "partner_id": str(partner)}
    await hear("channel.partner.onboarded.v1", subject=partner, **a_partner(region_id=region))
    await hear("channel.partner.onboarded.v1", subject=quiet, **a_partner(name="无业务"))
    await hear("sales.opportunity.won.v1", **a_won_deal(amount="1000.00") | here)
    await hear("sales.opportunity.lost.v1", **a_lost_deal() | here)
    await hear("sales.opportunity.won.v1", **a_won_deal(amount="9999.00"))
    await hear("service_desk.ticket.opened.v1", **an_opened_ticket() | here)
    await hear("service_desk.survey.answered.v1", **a_survey(score=5) | here)
    await hear("service_desk.survey.answered.v1", **a_survey(score=4) | here)
    await hear(
        "channel.scorecard.published.v1",
        **a_scorecard(period_end="2026-01-31", score="60.00") | here,
    )
    await hear("channel.scorecard.published.v1", **a_scorecard(score="80.00") | here)

    answer = await a_report(client, "channel-performance")

    assert answer["rows"] == [
        {
            "partner": "宁波海达",
            "partner_id": str(partner),
            "partner_region": "华东",
            "won_revenue": "1000.00",
            "won_deals": 1,
            "lost_deals": 1,
            "win_rate": 0.5,
            "tickets": 1,
            "satisfaction": 4.5,
            "score": 80.0,
        },
        {
            "partner": "无业务",
            "partner_id": str(quiet),
            "partner_region": None,
            "won_revenue": "0.00",
            "won_deals": 0,
            "lost_deals": 0,
            "win_rate": None,
            "tickets": 0,
            "satisfaction": None,
            "score": None,
        },
    ]
    assert answer["totals"]["won_revenue"] == "1000.00"
    earlier = await a_report(client, "channel-performance", to="2026-02-15")
    assert row_of(earlier, "宁波海达")["score"] == 60.0


async def test_the_score_of_a_region_is_the_mean_of_its_partners(client, hear):
    region = await a_region(hear)
    for score in ("60.00", "90.00"):
        await hear(
            "channel.scorecard.published.v1",
            **a_scorecard(partner_id=str(uuid4()), region_id=region, score=score),
        )

    answer = await a_report(client, "channel-performance", group_by="region")

    assert row_of(answer, "华东")["score"] == 75.0


# --- service


async def a_ticket(hear, *events, **values):
    ticket = new_id()
    await hear("service_desk.ticket.opened.v1", subject=ticket, **an_opened_ticket(**values))
    for event_type, data in events:
        await hear(f"service_desk.ticket.{event_type}.v1", subject=ticket, **data)


def responded(*, within, minutes):
    return "responded", {
        "responded_at": "2026-02-01T03:00:00Z",
        "within_sla": within,
        "minutes": minutes,
    }


def closed(*, within, minutes):
    return "closed", {
        "closed_at": "2026-02-02T02:00:00Z",
        "within_sla": within,
        "minutes": minutes,
    }


async def test_service_levels_are_told_with_their_definitions(client, hear):
    person = new_id()
    await hear(
        "channel.employee.changed.v1",
        subject=person,
        number="E1",
        name="王芳",
        department_id=str(uuid4()),
        state="active",
    )
    here = {"owner_id": str(person)}
    await a_ticket(
        hear, responded(within=True, minutes=30), closed(within=True, minutes=120), **here
    )
    await a_ticket(
        hear, responded(within=False, minutes=90), closed(within=False, minutes=600), **here
    )
    await a_ticket(hear, ("sla_breached", {"clock": "response"}), **here)
    await a_ticket(
        hear,
        closed(within=True, minutes=60),
        ("reopened", {"reopened_at": "2026-02-03T02:00:00Z", "reason": "again"}),
        **here,
    )
    await a_ticket(hear, **here)
    await hear("service_desk.survey.answered.v1", **a_survey(score=3) | here)

    answer = await a_report(client, "service-levels", group_by="person")

    (row,) = answer["rows"]
    assert row == {
        "person": "王芳",
        "person_id": str(person),
        "tickets": 5,
        "responded_within": 0.333333,
        "sla_met": 0.5,
        "first_response_hours": 1.0,
        "resolution_hours": 6.0,
        "reopened": 1,
        "satisfaction": 3.0,
    }
    assert answer["currency"] is None


async def test_a_ticket_belongs_to_the_day_it_was_opened_on_where_we_work(client, hear):
    await a_ticket(hear, opened_at="2026-01-31T16:30:00Z")

    answer = await a_report(client, "service-levels", group_by="month")

    assert [row["month"] for row in answer["rows"]] == ["2026-02"]


@pytest.mark.capability("REP-07")
@pytest.mark.parametrize(("report", "grouping"), GROUPINGS)
async def test_every_row_has_its_label_its_id_and_every_column(client, database, report, grouping):
    await hear_all(database, Histories(Random(3)).tell(20))

    answer = await a_report(client, report.name, group_by=grouping)

    names = [column["name"] for column in answer["columns"]]
    assert names[0] == grouping
    assert {column["kind"] for column in answer["columns"]} <= set(Kind)
    for row in answer["rows"]:
        assert list(row) == [grouping, f"{grouping}_id", *names[1:]]
