"""The dashboard as a person sees it: a real Chromium opens the page of a running suite.

The fixture `suite` has demo data. Every request brings a token, as behind a proxy that signs people
in; the form of the page is in test_sign_in.py.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from fairway.testing import Suite

STATIC = Path(__file__).parents[2] / "services/reporting/src/reporting/dashboards/static"
SETTLED_WITHIN_MS = 20_000


@dataclass
class Watched:
    """A page and what must not happen on it."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)
    interrupted: bool = False

    async def open(self, path: str = "/reporting/dashboard?lang=en") -> None:
        await self.page.goto(self.base_url + path)
        if self.interrupted:
            # The page repeats an interrupted question by itself; a script comes only with a reload.
            self.interrupted = False
            await self.page.reload()
        cards = self.page.locator(".card")
        await expect(cards.first).to_be_attached(timeout=SETTLED_WITHIN_MS)
        settled = self.page.locator(".card[data-state=figures], .card[data-state=empty]")
        await expect(settled).to_have_count(await cards.count(), timeout=SETTLED_WITHIN_MS)

    async def report(self, name: str, **parameters: str | float | bool) -> dict[str, Any]:
        answer = await self.page.request.get(
            f"{self.base_url}/reporting/v1/reports/{name}", params=parameters
        )
        assert answer.ok, await answer.text()
        return await answer.json()


async def watch(context: BrowserContext, base_url: str) -> Watched:
    watched = Watched(await context.new_page(), base_url.rstrip("/"))
    host = urlsplit(base_url).netloc

    def note_console(message: Any) -> None:
        # A container network that comes up on the same machine interrupts whatever is under way.
        if "ERR_NETWORK_CHANGED" in message.text:
            watched.interrupted = True
        elif message.type in ("error", "warning"):
            watched.complaints.append(f"console: {message.text}")

    def note_request(request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("blob", "data") and address.netloc != host:
            watched.complaints.append(f"request to another host: {request.url}")

    watched.page.on("console", note_console)
    watched.page.on("pageerror", lambda error: watched.complaints.append(f"script: {error}"))
    watched.page.on("request", note_request)
    return watched


def signed_in(suite: Suite) -> dict[str, str]:
    return {"Authorization": f"Bearer {suite.token}"}


@pytest.fixture
async def dashboard(suite: Suite, browser: Browser) -> AsyncIterator[Watched]:
    context = await browser.new_context(
        locale="en-US",
        timezone_id="Asia/Shanghai",
        viewport={"width": 1440, "height": 900},
        reduced_motion="reduce",
        accept_downloads=True,
        extra_http_headers=signed_in(suite),
    )
    watched = await watch(context, suite.url)
    yield watched
    await context.close()


def shown(text: str) -> Decimal | None:
    """The number a person reads; a dash is no number."""
    digits = re.sub(r"[^\d.-]", "", text)
    return Decimal(digits) if re.search(r"\d", digits) else None


def as_shown(kind: str, value: Any, text: str) -> Decimal | None:
    """The API's figure, rounded to the decimals the page shows."""
    if value is None:
        return None
    exact = Decimal(str(value)) * (100 if kind == "percent" else 1)
    if kind == "money":
        return exact
    decimals = len(text.partition(".")[2].rstrip("%"))
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


async def rows_of(table: Locator, part: str) -> list[list[str]]:
    rows = await table.locator(f"{part} tr").all()
    return [await row.locator("th, td").all_inner_texts() for row in rows]


def assert_row_equals(columns: list[dict[str, Any]], row: dict[str, Any], texts: list[str]) -> None:
    for column, text in zip(columns, texts, strict=True):
        name, kind = column["name"], column["kind"]
        if kind != "text" and name in row:
            assert shown(text) == as_shown(kind, row[name], text), f"{name}: {text}"


@pytest.mark.capability("REP-07")
@pytest.mark.parametrize("group", ["month", "region", "product"])
async def test_every_figure_of_the_table_is_the_reports_figure(dashboard, group):
    await dashboard.open()
    card = dashboard.page.locator(f"#card-revenue-{group}")
    report = await dashboard.report("won-revenue", group_by=group)
    assert report["rows"], "the suite has no won deals to show"

    if group != "month":
        await card.locator("button[data-view=table]").click()
    if await card.locator(".more").is_visible():
        await card.locator(".more").click()
    table = card.locator("table")

    body = await rows_of(table, "tbody")
    assert len(body) == len(report["rows"])
    money = next(column["name"] for column in report["columns"] if column["kind"] == "money")
    expected = report["rows"]
    if group != "month":
        expected = sorted(expected, key=lambda row: -Decimal(row[money] or 0))
    for row, texts in zip(expected, body, strict=True):
        assert_row_equals(report["columns"], row, texts)
    [totals] = await rows_of(table, "tfoot")
    assert_row_equals(report["columns"], report["totals"], totals)


@pytest.mark.capability("REP-07")
async def test_the_key_figures_are_the_reports_totals(dashboard):
    await dashboard.open()

    for figure in ("won_revenue", "won_deals"):
        totals = (await dashboard.report("won-revenue", group_by="month"))["totals"]
        text = await dashboard.page.locator(f"[data-figure={figure}]").inner_text()
        assert shown(text) == Decimal(str(totals[figure]))


async def test_a_card_says_how_fresh_its_figures_are(dashboard):
    await dashboard.open()

    report = await dashboard.report("won-revenue", group_by="month")
    moment = dashboard.page.locator("#card-revenue-month .freshness time")
    assert await moment.get_attribute("datetime") <= report["as_of"]
    await expect(dashboard.page.locator("#status-text")).to_contain_text("Data as of")


async def test_the_page_speaks_chinese_and_remembers_it(dashboard):
    await dashboard.open()
    page = dashboard.page
    await expect(page.locator("h1")).to_have_text("Sales and channel dashboard")

    await page.get_by_role("button", name="中文").click()

    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await expect(page.locator("h1")).to_have_text("销售与渠道看板")
    reports = await (await page.request.get(f"{dashboard.base_url}/reporting/v1/reports")).json()
    title = next(r["title"]["zh"] for r in reports["data"] if r["name"] == "won-revenue")
    await expect(page.locator("#card-revenue-month h3")).to_contain_text(title)
    await dashboard.open("/reporting/dashboard")
    await expect(page.locator("h1")).to_have_text("销售与渠道看板")


async def test_the_browsers_language_is_the_first_choice(suite, browser):
    context = await browser.new_context(locale="zh-CN", extra_http_headers=signed_in(suite))
    dashboard = await watch(context, suite.url)

    await dashboard.open("/reporting/dashboard")

    await expect(dashboard.page.locator("html")).to_have_attribute("lang", "zh-CN")
    await context.close()


async def test_the_download_is_the_reports_csv(dashboard):
    await dashboard.open()

    async with dashboard.page.expect_download() as downloading:
        await dashboard.page.locator("#card-revenue-region .csv").click()
    download = await downloading.value

    answer = await dashboard.page.request.get(
        f"{dashboard.base_url}/reporting/v1/reports/won-revenue?group_by=region",
        headers={"Accept": "text/csv"},
    )
    assert Path(await download.path()).read_bytes() == await answer.body()
    assert re.fullmatch(
        r"fairway_won-revenue_by-region_[\d-]+_[\d-]+\.csv", download.suggested_filename
    )


async def test_a_column_explains_itself_to_the_keyboard(dashboard):
    await dashboard.open()
    reports = await (
        await dashboard.page.request.get(f"{dashboard.base_url}/reporting/v1/reports")
    ).json()
    report = next(r for r in reports["data"] if r["name"] == "won-revenue")
    column = next(c for c in report["columns"] if c["kind"] == "money")

    heading = dashboard.page.locator(f"#card-revenue-month thead [data-column={column['name']}]")
    await heading.focus()

    await expect(dashboard.page.get_by_role("tooltip")).to_contain_text(column["definition"]["en"])


async def test_a_period_without_data_says_so_and_leads_back(dashboard):
    await dashboard.open("/reporting/dashboard?lang=en&from=1990-01-01&to=1990-01-31")
    month = dashboard.page.locator("#card-revenue-month")

    await month.get_by_role("button", name="Show all data").click()

    await expect(month).to_have_attribute("data-state", "figures")
    assert "from=" not in dashboard.page.url


async def test_a_refused_report_shows_the_reason_and_the_request_id(dashboard):
    problem = {"title": "Busy", "status": 503, "detail": "Try later.", "request_id": "request-7"}
    await dashboard.page.route(
        "**/reporting/v1/reports/won-revenue*",
        lambda route: route.fulfill(
            status=503, content_type="application/problem+json", body=json.dumps(problem)
        ),
    )

    await dashboard.page.goto(f"{dashboard.base_url}/reporting/dashboard?lang=en")

    month = dashboard.page.locator("#card-revenue-month")
    await expect(month).to_contain_text("Try later.")
    await expect(month).to_contain_text("request-7")
    await dashboard.page.unroute_all()
    await month.get_by_role("button", name="Try again").click()
    await expect(month).to_have_attribute("data-state", "figures")


@pytest.mark.parametrize("width", [360, 390, 768, 1440])
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_fits_the_screen_without_a_complaint(suite, browser, width, language):
    context = await browser.new_context(
        viewport={"width": width, "height": 800},
        locale="en-US",
        reduced_motion="reduce",
        extra_http_headers=signed_in(suite),
    )
    dashboard = await watch(context, suite.url)

    await dashboard.open(f"/reporting/dashboard?lang={language}")

    charts = dashboard.page.locator(".card[data-state=figures] .chart:visible")
    await expect(charts.locator("canvas")).to_have_count(await charts.count())
    needed = await dashboard.page.evaluate("document.documentElement.scrollWidth")
    assert needed <= width
    assert dashboard.complaints == []
    await context.close()


def test_both_languages_have_the_same_words():
    english, chinese = (
        json.loads((STATIC / "i18n" / f"{language}.json").read_text(encoding="utf-8"))
        for language in ("en", "zh")
    )

    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key
