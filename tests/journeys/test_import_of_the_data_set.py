"""A firm brings its CRM along: the sample data set, imported into an empty suite by the command.

The figures of the reports are compared with what the CSV files say by themselves.
"""

import csv
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairway.testing import TEST_TIMEOUT_S, Suite

FOLDER = Path(__file__).parents[3] / "shared/data/crm-sales-opportunities"
MAPPING = "crm-sales-opportunities"
REGIONS = {
    "West": (1_438, Decimal(3_568_647)),
    "Central": (1_629, Decimal(3_346_293)),
    "East": (1_171, Decimal(3_090_594)),
}
STAGES = {"won": 4_238, "lost": 2_473, "engaging": 1_589, "prospecting": 500}
WON_AMOUNT = Decimal(10_005_534)
RESUMED_WITHIN_S = 180

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the sample data set is not at {FOLDER}"),
    pytest.mark.timeout(TEST_TIMEOUT_S),
]


def read(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def month_of(day: str) -> str:
    return datetime.strptime(day, "%m/%d/%Y").strftime("%Y-%m")


class Figures:
    """Won deals and their amounts, by name of the group."""

    def __init__(self) -> None:
        self.deals: Counter[str] = Counter()
        self.amounts: defaultdict[str, Decimal] = defaultdict(Decimal)

    def count(self, key: str, amount: Decimal) -> None:
        self.deals[key] += 1
        self.amounts[key] += amount


@pytest.fixture(scope="module")
def expected() -> dict[str, Figures]:
    """What the files say, without any code of ours."""
    office = {row["sales_agent"]: row["regional_office"] for row in read("sales_teams.csv")}
    figures: dict[str, Figures] = defaultdict(Figures)
    for row in read("sales_pipeline.csv"):
        if row["deal_stage"] != "Won":
            continue
        amount = Decimal(row["close_value"])
        figures["region"].count(office[row["sales_agent"]], amount)
        figures["month"].count(month_of(row["close_date"]), amount)
        figures["product"].count(row["product"].replace("GTXPro", "GTX Pro"), amount)
        figures["person"].count(row["sales_agent"], amount)
        figures["partner"].count(row["sales_agent"], amount)
    return figures


@pytest.fixture(scope="module")
def empty_suite() -> Iterator[Suite]:
    suite = Suite()
    suite.start("--empty")
    yield suite
    suite.close()


def import_into(suite: Suite, *options: str, path: Path = FOLDER) -> dict[str, Any]:
    """Run the command to its end; what it tells."""
    done = suite.command("import", str(path), "--mapping", MAPPING, "--json", *options)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def dry_run(empty_suite: Suite) -> tuple[dict[str, Any], list[Any]]:
    """What a dry run tells, and which products are there after it."""
    told = import_into(empty_suite, "--dry-run", path=FOLDER / "products.csv")
    answer = httpx.get(
        f"{empty_suite.url}/sales/v1/products", auth=empty_suite.sign_in, trust_env=False
    )
    return told, answer.json()["data"]


@pytest.fixture(scope="module")
def first_import(dry_run: tuple[dict[str, Any], list[Any]], empty_suite: Suite) -> dict[str, Any]:
    """What the command tells of the first import, which comes after the dry run."""
    return import_into(empty_suite)


def report(suite: Suite, group_by: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{suite.url}/reporting/v1/reports/won-revenue",
        params={"group_by": group_by, "currency": "USD"},
        auth=suite.sign_in,
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stages(suite: Suite) -> dict[str, int]:
    """How many deals stand at each stage, counted by sales."""
    found = {}
    with httpx.Client(
        base_url=suite.url, auth=suite.sign_in, timeout=60, trust_env=False
    ) as client:
        for stage in STAGES:
            answer = client.get(
                "/sales/v1/opportunities", params={"stage": stage, "limit": 1, "include": "total"}
            )
            found[stage] = answer.json()["total"]
    return found


def assert_reports_say_what_the_files_say(suite: Suite, expected: dict[str, Figures]) -> None:
    assert stages(suite) == STAGES
    for group_by, figures in expected.items():
        answer = report(suite, group_by)
        amounts = {row[group_by]: Decimal(row["won_revenue"]) for row in answer["rows"]}
        deals = {row[group_by]: row["won_deals"] for row in answer["rows"]}
        assert {key: amount for key, amount in amounts.items() if amount} == dict(
            figures.amounts
        ), group_by
        assert {key: count for key, count in deals.items() if count} == dict(figures.deals), (
            group_by
        )
        assert Decimal(answer["totals"]["won_revenue"]) == WON_AMOUNT
        assert answer["totals"]["won_deals"] == STAGES["won"]
        assert answer["totals"]["lost_deals"] == STAGES["lost"]


def test_the_files_say_what_their_readme_says(expected):
    assert Counter(row["deal_stage"].lower() for row in read("sales_pipeline.csv")) == STAGES
    assert dict(expected["region"].deals) == {name: deals for name, (deals, _) in REGIONS.items()}
    assert sum(expected["region"].amounts.values()) == WON_AMOUNT


def test_a_dry_run_says_what_would_be_and_changes_nothing(dry_run):
    told, products = dry_run

    [step] = told["steps"]
    assert (step["total_rows"], step["created"]) == (7, 7)
    assert products == []


def test_every_row_is_accounted_for_and_none_is_rejected(first_import):
    for step in first_import["steps"]:
        outcomes = ("created", "updated", "unchanged", "rejected")
        assert sum(step[outcome] for outcome in outcomes) == step["total_rows"], step["title"]
        assert step["rejected"] == 0, step["title"]
    created = {step["title"]: step["created"] for step in first_import["steps"]}
    assert created["opportunities"] == sum(STAGES.values())
    assert created["customers"] == 85
    assert created["products"] == 7
    assert created["regional offices"] == 3
    assert created["managers"] + created["sales agents"] == 6 + 35 - shared_names()


def shared_names() -> int:
    """Managers who are sales agents as well are one employee."""
    rows = read("sales_teams.csv")
    return len({row["manager"] for row in rows} & {row["sales_agent"] for row in rows})


def test_what_was_mended_or_left_open_is_said_of_each_row(first_import):
    warnings = {step["title"]: step["warnings"] for step in first_import["steps"]}

    pipeline = read("sales_pipeline.csv")
    dirty = [
        row
        for row in pipeline
        if row["product"] == "GTXPro" or not row["account"] or not row["engage_date"]
    ]
    accounts = read("accounts.csv")
    misspelt = [
        row
        for row in accounts
        if row["sector"] == "technolgy" or row["office_location"] == "Philipines"
    ]
    assert warnings["opportunities"] == len(dirty)
    assert warnings["customers"] == len(misspelt)


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_has_the_won_deals_its_readme_names(first_import, empty_suite, region):
    rows = {row["region"]: row for row in report(empty_suite, "region")["rows"]}

    assert (rows[region]["won_deals"], Decimal(rows[region]["won_revenue"])) == REGIONS[region]


@pytest.mark.capability("REP-06")
def test_won_revenue_is_to_the_cent_what_the_files_say_however_it_is_grouped(
    first_import, empty_suite, expected
):
    assert_reports_say_what_the_files_say(empty_suite, expected)


def test_a_parent_organisation_of_the_same_file_is_found(first_import, empty_suite):
    with httpx.Client(
        base_url=empty_suite.url, auth=empty_suite.sign_in, timeout=60, trust_env=False
    ) as client:
        for row in read("accounts.csv"):
            if not row["subsidiary_of"]:
                continue
            [customer] = client.get(
                "/customer/v1/customers",
                params={
                    "external_source": "crm_sales_opportunities",
                    "external_id": row["account"],
                },
            ).json()["data"]
            parent = client.get(f"/customer/v1/customers/{customer['parent_id']}").json()
            assert parent["name"] == row["subsidiary_of"]


@pytest.mark.capability("C-03")
def test_to_import_again_changes_nothing(first_import, empty_suite, expected):
    events = event_count(empty_suite)

    told = import_into(empty_suite)

    for step in told["steps"]:
        assert step["created"] == step["updated"] == step["rejected"] == 0, step["title"]
        assert step["unchanged"] == step["total_rows"], step["title"]
    assert event_count(empty_suite) == events
    assert_reports_say_what_the_files_say(empty_suite, expected)


def event_count(suite: Suite) -> int:
    """How many events the services have said so far."""
    suite.settle()
    answer = httpx.get(
        f"{suite.url}/reporting/v1/events",
        params={"limit": 1, "include": "total"},
        auth=suite.sign_in,
        timeout=60,
        trust_env=False,
    )
    total: int = answer.json()["total"]
    return total


@pytest.mark.capability("C-04")
def test_an_import_that_was_killed_in_the_middle_ends_as_if_nothing_had_happened(
    own_suite, expected
):
    own_suite.start("--empty")
    importing = subprocess.Popen(
        [sys.executable, "-m", "fairway", "import", str(FOLDER), "--mapping", MAPPING],
        env=own_suite.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    done_rows = until_rows_are_done(own_suite, at_least=1_000)
    own_suite.kill()
    _, said = importing.communicate(timeout=60)
    assert 0 < done_rows < sum(STAGES.values())
    assert (importing.returncode, "The import stopped" in said) == (1, True)

    own_suite.start("--empty")
    job = until_job_is_over(own_suite)

    assert job["state"] == "done"
    assert (job["created"], job["rejected"]) == (sum(STAGES.values()), 0)
    own_suite.settle()
    assert_reports_say_what_the_files_say(own_suite, expected)


def opportunities_job(client: httpx.Client) -> dict[str, Any] | None:
    jobs = client.get("/sales/v1/imports").json()
    return next((job for job in jobs if job["target"] == "opportunities"), None)


def until_rows_are_done(suite: Suite, *, at_least: int) -> int:
    with httpx.Client(
        base_url=suite.url, auth=suite.sign_in, timeout=60, trust_env=False
    ) as client:
        deadline = time.monotonic() + RESUMED_WITHIN_S
        while time.monotonic() < deadline:
            job = opportunities_job(client)
            if job is not None and job["done_rows"] >= at_least:
                done: int = job["done_rows"]
                return done
            time.sleep(0.02)
    raise AssertionError("the import of the opportunities has not begun")


def until_job_is_over(suite: Suite) -> dict[str, Any]:
    with httpx.Client(
        base_url=suite.url, auth=suite.sign_in, timeout=60, trust_env=False
    ) as client:
        deadline = time.monotonic() + RESUMED_WITHIN_S
        while time.monotonic() < deadline:
            job = opportunities_job(client)
            assert job is not None
            if job["state"] not in ("queued", "running"):
                return job
            time.sleep(0.2)
    raise AssertionError("the import was not taken up again")
