import csv
import io

import pytest

from common.ids import new_id

from ..builders import a_partner, a_report, a_scorecard, a_won_deal

CSV = {"Accept": "text/csv"}


async def test_the_file_holds_titles_rows_and_totals(client, hear):
    await hear("sales.opportunity.won.v1", **a_won_deal(amount="1000.00"))

    response = await client.get("/reporting/v1/reports/won-revenue?group_by=region", headers=CSV)

    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == (
        'attachment; filename="fairway_won-revenue_by-region_2026-02-10_2026-02-10.csv"'
    )
    assert response.text == (
        "Region,Won revenue,Won deals,Average deal,Lost deals,Win rate,Received\r\n"
        "Not assigned,1000.00,1,1000.00,0,1.0,0.00\r\n"
        "Total,1000.00,1,1000.00,0,1.0,0.00\r\n"
    )


async def test_a_chinese_reader_gets_chinese_titles(client, hear):
    await hear("sales.opportunity.won.v1", **a_won_deal())

    response = await client.get(
        "/reporting/v1/reports/won-revenue?group_by=region",
        headers=CSV | {"Accept-Language": "zh-CN,zh;q=0.9"},
    )

    assert response.content.decode("utf-8").startswith("区域,赢单金额,")
    assert not response.content.startswith(b"\xef\xbb\xbf")
    assert response.headers["content-language"] == "zh"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_name_is_taken_for_a_formula(client, hear, start):
    partner = new_id()
    name = f'{start}HYPERLINK("x", "y")'
    await hear("channel.partner.onboarded.v1", subject=partner, **a_partner(name=name))

    response = await client.get("/reporting/v1/reports/channel-performance", headers=CSV)

    rows = list(csv.reader(io.StringIO(response.text, newline="")))
    assert rows[1][0] == f"'{name}"


async def test_numbers_stay_numbers(client, hear):
    partner = new_id()
    await hear("channel.partner.onboarded.v1", subject=partner, **a_partner())
    await hear(
        "channel.scorecard.published.v1",
        **a_scorecard(partner_id=str(partner), score="-3.50"),
    )

    response = await client.get("/reporting/v1/reports/channel-performance", headers=CSV)

    rows = list(csv.reader(io.StringIO(response.text, newline="")))
    assert rows[1][-1] == "-3.5"


@pytest.mark.parametrize(
    ("accept", "is_csv"),
    [
        ("*/*", False),
        ("application/json, text/csv", False),
        ("text/csv, application/json", True),
        ("text/csv;q=0.5, */*;q=0.8", False),
        ("text/csv, */*;q=0.1", True),
        ("text/csv;q=0", False),
        ("text/csv;q=much", False),
    ],
)
async def test_the_answer_is_what_is_preferred(client, accept, is_csv):
    response = await client.get("/reporting/v1/reports/won-revenue", headers={"Accept": accept})

    assert response.headers["content-type"].startswith("text/csv") is is_csv


async def test_a_month_stands_as_year_and_month(client, hear):
    await hear("sales.opportunity.won.v1", **a_won_deal())

    response = await client.get("/reporting/v1/reports/won-revenue?group_by=month", headers=CSV)

    assert response.text.split("\r\n")[1].startswith("2026-02,")
    assert (await a_report(client, "won-revenue"))["rows"][0]["month"] == "2026-02"
