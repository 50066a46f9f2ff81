"""A service and features are made in a copy of this tree, and pass there what ours have to pass."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import listing, new_service, rooms
from tools.generating import CannotGenerate, Feature, Renaming, check_service_name, merged
from tools.tree import ROOT, Service, python_path, services

NAME = "field-service"
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", ".fairway", ".env*", ".*_cache", "__pycache__"
)
OF_THIS_RUN = ("PYTEST_", "FAIRWAY_TEST_RUN")


def run(tree: Path, *arguments: str) -> str:
    """What a Python module of the tree prints; the test fails when it fails."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(OF_THIS_RUN)
    }
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tree,
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": python_path(tree), "PYTHONUTF8": "1"},
    )
    if result.returncode != 0:
        pytest.fail(f"{' '.join(arguments)}\n{result.stdout}{result.stderr}", pytrace=False)
    return result.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this tree with one service more, and with one more feature of customer."""
    copy = tmp_path_factory.mktemp("generators") / "tree"
    shutil.copytree(ROOT, copy, ignore=LEFT_BEHIND)
    run(copy, "tools.new_service", NAME, "--feature", "activity-reports")
    run(copy, "tools.new_feature", "customer", "rebates")
    return copy


def pytest_in(tree: Path, *arguments: str) -> str:
    return run(tree, "pytest", "-q", "--no-header", "-p", "no:cacheprovider", *arguments)


def test_what_is_made_passes_its_tests(tree):
    output = pytest_in(
        tree,
        f"services/{NAME}/tests",
        "services/customer/tests/rebates",
        "services/customer/tests/test_api.py",
    )

    assert "failed" not in output
    assert "skipped" not in output


def test_the_walls_stand_around_the_new_service(tree):
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    source = tree / "services" / NAME / "src" / "field_service"
    planted = source / "activity_reports" / "model.py"
    text = planted.read_text(encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": python_path(tree), "COLUMNS": "400"}

    before = subprocess.run(lint, cwd=tree, capture_output=True, text=True, env=environment)
    planted.write_text(f"{text}\nimport customer.events\n", encoding="utf-8")
    after = subprocess.run(lint, cwd=tree, capture_output=True, text=True, env=environment)
    planted.write_text(text, encoding="utf-8")

    assert before.returncode == 0, before.stdout
    assert "field_service.activity_reports.model -> customer.events" in after.stdout


def test_the_new_service_has_every_room_and_stands_in_every_list(tree):
    assert [problem for check in rooms.CHECKS for problem in check(tree)] == []


def test_the_new_service_is_deployed_like_the_others(tree):
    pytest_in(tree, "deploy/tests")


def test_what_is_made_needs_no_formatting(tree):
    made = [f"services/{NAME}", "services/customer", "libs/common/src/common/messaging"]

    run(tree, "ruff", "check", *made)
    run(tree, "ruff", "format", "--check", *made)


def test_the_pages_about_events_know_the_new_ones(tree):
    page = (tree / "docs/events.md").read_text(encoding="utf-8")

    assert "`field_service.activity_report.created.v1`" in page
    assert "`customer.rebate.created.v1`" in page


# ---------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("plural", "singular"),
    [("visits", "visit"), ("policies", "policy"), ("boxes", "box"), ("price-lists", "price-list")],
)
def test_the_singular_is_found(plural, singular):
    assert Feature.named(plural).singular == singular


@pytest.mark.parametrize(
    "plural",
    [
        "stock",
        "Visits",
        "visits2",
        "price_lists",
        "sessions",
        "names",
        "lists",
        "classes",
        "progress",
    ],
)
def test_a_feature_whose_name_would_not_work_is_refused(plural):
    with pytest.raises(CannotGenerate):
        Feature.named(plural)


@pytest.mark.parametrize("name", ["sales", "calendar", "common", "Probe", "field_service", "class"])
def test_a_service_whose_name_would_not_work_is_refused(name):
    with pytest.raises(CannotGenerate):
        check_service_name(name, ROOT)


def test_names_are_words_in_prose_and_identifiers_in_code():
    renaming = Renaming(
        Service("field-service", Path()), Feature("activity-reports", "activity-report")
    )

    text = renaming.text(
        '"""A sample of samples."""\n'
        'a_sample(samples, "/template-service/v1/samples", Sample, "no sample {sample_id}")\n',
        is_code=True,
    )

    assert text == (
        '"""An activity report of activity reports."""\n'
        'an_activity_report(activity_reports, "/field-service/v1/activity-reports", ActivityReport, '
        '"no activity report {activity_report_id}")\n'
    )


# ---------------------------------------------------------------------------- files


def test_what_a_module_lacks_is_added_and_what_it_has_stays():
    target = '"""Events."""\n\nfrom a import b\n\nNOW = 1\n\n\nclass First: ...\n'

    text = merged(target, "from c import d\n\nNOW = 2\n\n\nclass Second: ...\n")

    assert "from a import b" in text
    assert "from c import d" in text
    assert "NOW = 2" not in text
    assert text.index("class First") < text.index("class Second")


def test_a_class_that_is_there_already_is_refused():
    with pytest.raises(CannotGenerate, match="First is there already"):
        merged("class First: ...\n", "class First: ...\n")


@pytest.mark.parametrize(
    ("file", "gone"),
    [
        ("docker-compose.yml", "service-desk"),
        ("deploy/gateway/nginx.conf.template", "(?<to>"),
        ("README.md", "](services/"),
        ("libs/common/src/common/messaging/topology.py", "ALL_SERVICES"),
    ],
)
def test_nothing_is_written_when_a_list_has_lost_its_form(file, gone, tree, tmp_path):
    copy = tmp_path / "tree"
    shutil.copytree(tree, copy, ignore=shutil.ignore_patterns("tests", "static"))
    path = copy / file
    path.write_text(path.read_text(encoding="utf-8").replace(gone, "?"), encoding="utf-8")
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}

    with pytest.raises(listing.NoPlace, match=file):
        new_service.make(copy, "probe", Feature("samples", "sample"))

    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_who_calls_whom_follows_from_what_is_heard(tree):
    heard = new_service.heard(tree)

    assert heard[NAME] == {"channel"}
    assert heard["reporting"] == {s.name for s in services(tree)} - {"reporting"}
