"""The `fairway` command, against a suite that runs and without one."""

import json
import sys

import httpx
import pytest
from typer.testing import CliRunner, Result

from fairway.cli import app
from fairway.services import PACKAGES, path_of
from fairway.testing import Suite


@pytest.fixture
def alone(tmp_path):
    """The command in a folder from which nothing runs."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env={"FAIRWAY_HOME": str(tmp_path / "home")})

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["demo", "fill"],
        ["demo", "lead-to-cash"],
        ["import", ".", "--mapping", "crm-sales-opportunities"],
        ["-s", "sales", "outbox", "ls"],
        ["projections", "rebuild"],
    ],
)
def test_what_needs_the_suite_says_that_it_does_not_run(alone, arguments):
    done = alone(*arguments)

    assert done.exit_code == 3, done.output
    assert "does not run" in done.output


def test_to_stop_what_does_not_run_is_no_fault(alone):
    assert alone("down").exit_code == 0


def test_the_doctor_says_what_is_there(alone):
    done = alone("doctor", "--json")

    found = json.loads(done.stdout)
    assert found["python"] == sys.version.split()[0]
    assert found["postgresql"].endswith("postgres")
    assert found["running"] is False


def test_a_service_that_does_not_exist_is_a_wrong_use(alone):
    assert alone("-s", "accounting", "outbox", "ls").exit_code == 2


def test_the_status_of_a_running_suite_shows_each_service(suite):
    suite.settle()
    done = suite.command("status", "--json")

    facts = json.loads(done.stdout)
    assert done.returncode == 0
    assert facts["ready"]
    assert facts["pid"] == suite.pid
    assert set(facts["services"]) == {path_of(package) for package in PACKAGES}
    for service in facts["services"].values():
        assert service["status"] == "ready"
        assert service["inbox_dead"] == 0


def test_a_suite_that_runs_is_not_started_twice(suite):
    done = suite.command("up", "--empty")

    assert done.returncode == 0
    assert suite.url in done.stderr


def test_demo_data_is_not_loaded_over_what_is_there(suite):
    with httpx.Client(base_url=suite.url, auth=suite.sign_in, trust_env=False) as client:
        before = client.get("/customer/v1/customers?limit=1&include=total").json()["total"]

        done = suite.command("demo", "fill")

        assert done.returncode == 1
        assert "already" in done.stderr
        after = client.get("/customer/v1/customers?limit=1&include=total").json()["total"]
        assert after == before


def test_the_migrations_of_a_running_suite_are_at_head(suite):
    done = suite.command("migrate", "--check", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout) == dict.fromkeys(PACKAGES, "at head")


def test_a_rebuild_is_only_announced_without_yes(suite):
    done = suite.command("projections", "rebuild")

    assert done.returncode == 0
    assert "--yes" in done.stderr


@pytest.mark.capability("REP-05")
def test_a_rebuild_gives_the_same_figures(suite):
    suite.settle()
    with httpx.Client(
        base_url=suite.url, auth=suite.sign_in, timeout=60, trust_env=False
    ) as client:
        before = figures(client)

        done = suite.command("projections", "rebuild", "--yes")

        assert done.returncode == 0, done.stderr
        assert figures(client) == before


def figures(client: httpx.Client) -> dict[str, object]:
    found: dict[str, object] = {}
    for report in client.get("/reporting/v1/reports").json()["data"]:
        for group_by in (*report["group_by"], report["default_group_by"]):
            answer = client.get(
                f"/reporting/v1/reports/{report['name']}", params={"group_by": group_by}
            ).json()
            found[f"{report['name']} by {group_by}"] = answer["rows"], answer["totals"]
    return found


def test_the_demo_data_is_in_the_reports(suite: Suite):
    suite.settle()
    with httpx.Client(
        base_url=suite.url, auth=suite.sign_in, timeout=60, trust_env=False
    ) as client:
        for report in client.get("/reporting/v1/reports").json()["data"]:
            answer = client.get(f"/reporting/v1/reports/{report['name']}").json()
            assert answer["rows"], report["name"]
            assert answer["lag_seconds"] < 60
