"""What the suite stored is there again when it is started again."""

import json
import time
from typing import Any

import httpx

from fairway.testing import Suite

STOPPED_WITHIN_S = 20
READY_AGAIN_WITHIN_S = 15

EVENTS = "/reporting/v1/events"
LISTS = (
    "/channel/v1/partners",
    "/channel/v1/employees",
    "/customer/v1/customers",
    "/customer/v1/contacts",
    "/sales/v1/leads",
    "/sales/v1/opportunities",
    "/sales/v1/quotes",
    "/sales/v1/orders",
    "/sales/v1/receipts",
    "/contract/v1/contracts",
    "/contract/v1/milestones",
    "/service-desk/v1/tickets",
    "/service-desk/v1/surveys",
    EVENTS,
)


def stored(suite: Suite) -> dict[str, Any]:
    """How much each list holds, and what the reports say."""
    with httpx.Client(
        base_url=suite.url, auth=suite.sign_in, timeout=30, trust_env=False
    ) as client:
        found: dict[str, Any] = {
            path: client.get(path, params={"limit": 1, "include": "total"}).json()["total"]
            for path in LISTS
        }
        for report in ("won-revenue", "channel-performance", "service-levels"):
            answer = client.get(f"/reporting/v1/reports/{report}").json()
            found[report] = answer["rows"], answer["totals"]
    return found


def test_a_second_start_keeps_the_data_and_both_ends_are_in_order(own_suite):
    own_suite.start("--empty")
    done = own_suite.command("demo", "lead-to-cash", "--json", "--within", "60")
    assert done.returncode == 0, done.stderr
    own_suite.settle()
    before = stored(own_suite)
    assert all(before[path] for path in LISTS)

    code, took_s = own_suite.stop()
    assert code == 0, own_suite.log.read_text()
    assert took_s < STOPPED_WITHIN_S
    assert json.loads(own_suite.command("status", "--json").stdout) == {"running": False}

    assert own_suite.start("--demo") < READY_AGAIN_WITHIN_S
    after = stored(own_suite)
    # Time goes on, and what it brings is said, as the stage that a new customer comes to.
    assert after.pop(EVENTS) >= before.pop(EVENTS)
    assert after == before


def test_a_killed_suite_starts_again_with_everything_it_had_answered(own_suite):
    own_suite.start("--empty")
    with httpx.Client(
        base_url=own_suite.url, auth=own_suite.sign_in, timeout=30, trust_env=False
    ) as client:
        created = client.post("/customer/v1/customers", json={"name": "沧屿水务有限公司"}).json()

    own_suite.kill()
    own_suite.start("--empty")

    with httpx.Client(
        base_url=own_suite.url, auth=own_suite.sign_in, timeout=30, trust_env=False
    ) as client:
        kept = client.get(f"/customer/v1/customers/{created['id']}").json()
        assert kept["number"] == created["number"]
        own_suite.settle()
        copy = client.post("/sales/v1/quotes", json=a_quote_for(client, created["id"]))
        assert copy.status_code == 201, copy.text


def a_quote_for(client: httpx.Client, customer_id: str) -> dict[str, Any]:
    """A quote needs sales' copy of the customer, which came by an event."""
    product = client.post(
        "/sales/v1/products",
        json={"sku": "CP1", "name": "Pump", "list_price": "10.00", "currency": "CNY"},
    ).json()
    return {
        "customer_id": customer_id,
        "valid_until": time.strftime("%Y-12-31"),
        "lines": [{"product_id": product["id"]}],
    }
