"""A lead becomes a contract becomes a ticket and shows in the report, through the running suite."""

import json
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from fairway.testing import Suite

LISTS = (
    "/channel/v1/departments",
    "/channel/v1/employees",
    "/channel/v1/partners",
    "/channel/v1/scorecards",
    "/channel/v1/territories",
    "/customer/v1/contacts",
    "/customer/v1/customers",
    "/customer/v1/interactions",
    "/sales/v1/leads",
    "/sales/v1/opportunities",
    "/sales/v1/orders",
    "/sales/v1/price-lists",
    "/sales/v1/products",
    "/sales/v1/quotes",
    "/sales/v1/receipts",
    "/contract/v1/approvals",
    "/contract/v1/contracts",
    "/contract/v1/milestones",
    "/service-desk/v1/entitlements",
    "/service-desk/v1/installed-base",
    "/service-desk/v1/surveys",
    "/service-desk/v1/tickets",
)


@pytest_asyncio.fixture
async def client(suite: Suite) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=suite.url, auth=suite.sign_in, timeout=60, trust_env=False
    ) as held:
        yield held


async def rows(client: httpx.AsyncClient, path: str, **where: Any) -> list[dict[str, Any]]:
    """All rows of a list."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get(path, params={"limit": 200, **where, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["data"]
        if not page["has_more"]:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def counts(client: httpx.AsyncClient) -> dict[str, int]:
    """How many rows each list has."""
    answers = {path: await client.get(f"{path}?limit=1&include=total") for path in LISTS}
    return {path: answer.json()["total"] for path, answer in answers.items()}


async def won_revenue(client: httpx.AsyncClient, group_by: str) -> dict[str, Any]:
    answer = await client.get(
        "/reporting/v1/reports/won-revenue", params={"group_by": group_by, "currency": "CNY"}
    )
    report: dict[str, Any] = answer.json()
    return report


@pytest.fixture(scope="module")
def walk(suite: Suite) -> dict[str, Any]:
    """What `fairway demo lead-to-cash` tells of its deal."""
    done = suite.command("demo", "lead-to-cash", "--json", "--within", "60")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def events_of(walk: dict[str, Any], title: str) -> list[tuple[str, str, str | None]]:
    step = next(step for step in walk["steps"] if step["title"] == title)
    return [(event["type"], event["service"], event["because_of"]) for event in step["events"]]


def test_a_lead_goes_through_all_six_services_and_changes_the_reports_by_exactly_itself(walk):
    services = {step["call"].split("/")[1] for step in walk["steps"]}

    assert services == {"channel", "customer", "sales", "contract", "service-desk"}
    assert walk["fault"] is None
    assert all(figure["is_right"] for figure in walk["figures"])
    assert {figure["report"] for figure in walk["figures"]} == {
        "won-revenue",
        "sales-funnel",
        "channel-performance",
        "service-levels",
    }


@pytest.mark.parametrize(
    ("step", "effect"),
    [
        (
            "and accepted",
            ("contract.contract.drafted.v1", "contract", "sales.quote.accepted.v1"),
        ),
        (
            "It is confirmed",
            ("customer.customer.updated.v1", "customer", "sales.order.confirmed.v1"),
        ),
        ("and shipped", ("contract.milestone.met.v1", "contract", "sales.order.shipped.v1")),
        (
            "The advance comes in",
            ("contract.milestone.met.v1", "contract", "sales.receipt.recorded.v1"),
        ),
    ],
)
def test_what_happens_in_one_service_follows_in_another_and_says_because_of_what(
    walk, step, effect
):
    assert effect in events_of(walk, step)


def test_an_effect_that_does_not_come_in_time_is_told_with_exit_code_1(suite):
    done = suite.command("demo", "lead-to-cash", "--within", "0.001")

    assert done.returncode == 1
    assert "It did not follow" in done.stderr


@pytest.mark.parametrize("group_by", ["region", "month", "product", "person", "partner"])
async def test_won_revenue_is_the_sum_of_the_won_deals_however_it_is_grouped(
    walk, suite, client, group_by
):
    suite.settle()
    won = await rows(client, "/sales/v1/opportunities", stage="won")
    lost = await rows(client, "/sales/v1/opportunities", stage="lost")

    report = await won_revenue(client, group_by)

    amount = sum(Decimal(deal["amount"]) for deal in won)
    assert amount > 0
    assert Decimal(report["totals"]["won_revenue"]) == amount
    assert report["totals"]["won_deals"] == len(won)
    assert report["totals"]["lost_deals"] == len(lost)
    assert sum(Decimal(row["won_revenue"]) for row in report["rows"]) == amount


@pytest.mark.parametrize(
    ("group_by", "field"),
    [("region", "region_id"), ("person", "owner_id"), ("partner", "partner_id")],
)
async def test_each_row_of_won_revenue_is_the_sum_of_its_own_deals(
    walk, suite, client, group_by, field
):
    suite.settle()
    sums: dict[str | None, Decimal] = {}
    for deal in await rows(client, "/sales/v1/opportunities", stage="won"):
        sums[deal[field]] = sums.get(deal[field], Decimal(0)) + Decimal(deal["amount"])

    report = await won_revenue(client, group_by)

    shown = {row[f"{group_by}_id"]: Decimal(row["won_revenue"]) for row in report["rows"]}
    assert {key: amount for key, amount in shown.items() if amount} == sums


async def test_received_is_what_the_receipts_of_the_won_deals_brought(walk, suite, client):
    suite.settle()
    won = {deal["id"] for deal in await rows(client, "/sales/v1/opportunities", stage="won")}
    receipts = await rows(client, "/sales/v1/receipts")

    report = await won_revenue(client, "month")

    kept = [one for one in receipts if one["opportunity_id"] in won and not one["reversed_on"]]
    assert Decimal(report["totals"]["received"]) == sum(Decimal(one["amount"]) for one in kept)


async def refused(
    client: httpx.AsyncClient, calls: Iterable[tuple[str, dict[str, Any]]]
) -> list[str]:
    """Make calls that must be refused; their request ids, by which their events would be found."""
    request_ids = []
    for path, body in calls:
        request_id = str(uuid4())
        answer = await client.post(path, json=body, headers={"X-Request-ID": request_id})
        assert answer.status_code in (404, 409, 422), f"{path}: {answer.status_code}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == request_id
        request_ids.append(request_id)
    return request_ids


async def test_a_refused_step_changes_nothing_anywhere(walk, suite, client):
    suite.settle()
    won = (await rows(client, "/sales/v1/opportunities", stage="won"))[0]["id"]
    accepted = (await rows(client, "/sales/v1/quotes", state="accepted"))[0]["id"]
    signed = (await rows(client, "/contract/v1/contracts", state="signed"))[0]["id"]
    closed = (await rows(client, "/service-desk/v1/tickets", state="closed"))[0]["id"]
    unknown = "01900000-0000-7000-8000-000000000000"
    before = await counts(client)
    figures = (await won_revenue(client, "partner"))["rows"]

    request_ids = await refused(
        client,
        [
            (f"/sales/v1/opportunities/{won}:win", {"amount": "1.00"}),
            (f"/sales/v1/opportunities/{won}:lose", {"reason": "too late"}),
            (f"/sales/v1/quotes/{accepted}:accept", {}),
            (f"/sales/v1/quotes/{unknown}:accept", {}),
            ("/sales/v1/orders", {"quote_id": accepted, "lines": [{"product_id": unknown}]}),
            ("/sales/v1/opportunities", {"name": "Nobody's", "owner_id": "no id"}),
            (
                f"/contract/v1/contracts/{signed}:sign",
                {"our_signatory": "A", "their_signatory": "B"},
            ),
            (f"/service-desk/v1/tickets/{closed}:close", {"solution": "again"}),
            ("/customer/v1/contacts", {"customer_id": unknown, "name": "Nobody"}),
            ("/channel/v1/partners", {"name": "A", "kind": "no such kind"}),
        ],
    )

    suite.settle()
    for request_id in request_ids:
        assert await rows(client, "/reporting/v1/events", correlation_id=request_id) == []
    assert await counts(client) == before
    assert (await won_revenue(client, "partner"))["rows"] == figures
