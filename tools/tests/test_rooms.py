from pathlib import Path

import pytest

from tools import rooms
from tools.tree import ROOT

from .builders import SERVICES, a_service, a_tree, write, write_lists

THINGS = "services/sales/src/sales/things"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return a_tree(tmp_path)


@pytest.mark.parametrize("check", rooms.CHECKS, ids=lambda check: check.__name__)
def test_this_repository_is_in_order(check):
    if problems := check(ROOT):
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.mark.parametrize("check", rooms.CHECKS, ids=lambda check: check.__name__)
def test_a_tree_in_which_nothing_is_wrong_passes(check, tree):
    assert check(tree) == []


@pytest.mark.parametrize(
    ("check", "file", "text", "found"),
    [
        (
            rooms.commits,
            f"{THINGS}/use_cases.py",
            "async def add(session):\n    await session.commit()\n",
            "use_cases.py:2",
        ),
        (
            rooms.commits,
            f"{THINGS}/pricing/rules.py",
            "def add(unit):\n    unit.session.commit()\n",
            "rules.py:2",
        ),
        (
            rooms.async_rules,
            f"{THINGS}/model.py",
            "class Thing:\n    def open(self): ...\n    async def close(self): ...\n",
            "model.py:3: `async def close` in class Thing",
        ),
        (
            rooms.http_exceptions,
            f"{THINGS}/routes.py",
            "from fastapi import APIRouter, HTTPException\n",
            "routes.py:1",
        ),
        (
            rooms.http_exceptions,
            f"{THINGS}/routes.py",
            "import fastapi\n\n\ndef show():\n    raise fastapi.HTTPException(404)\n",
            "routes.py:5",
        ),
        (
            rooms.http_exceptions,
            f"{THINGS}/routes.py",
            "from starlette.exceptions import HTTPException as Refusal\n",
            "routes.py:1",
        ),
        (
            rooms.clocks,
            f"{THINGS}/model.py",
            "from datetime import UTC, datetime\nNOW = datetime.now(UTC)\n",
            "model.py:2",
        ),
        (
            rooms.clocks,
            f"{THINGS}/model.py",
            "import datetime\nNOW = datetime.datetime.utcnow()\n",
            "model.py:2",
        ),
        (
            rooms.clocks,
            f"{THINGS}/model.py",
            "from datetime import date\nTODAY = date.today()\n",
            "model.py:2",
        ),
        (
            rooms.statements_on_aggregates,
            f"{THINGS}/model.py",
            """class Thing(Aggregate, Base):
    __tablename__ = "things"
CLOSE = text("\\n UPDATE things SET state = 1")
OTHER = text("UPDATE others SET things = 1")
""",
            "model.py:3: SQL that writes things",
        ),
    ],
)
def test_code_that_does_what_it_may_not_is_found(check, file, text, found, tree):
    write(tree, file, text)

    problems = check(tree)

    assert len(problems) == 1
    assert found in problems[0]


def test_a_word_in_a_comment_or_a_text_is_not_a_violation(tree):
    write(
        tree,
        f"{THINGS}/use_cases.py",
        '"""Nobody calls session.commit() or datetime.now() here."""\n# HTTPException: no\n'
        'class Thing(Aggregate):\n    """Not by UPDATE things."""\n    __tablename__ = "things"\n',
    )

    assert [problem for check in rooms.CHECKS for problem in check(tree)] == []


def test_the_clock_in_common_and_in_tests_is_allowed(tree):
    text = "from datetime import UTC, datetime\nNOW = datetime.now(UTC)\n"
    write(tree, "libs/common/src/common/clock.py", text)
    write(tree, "services/sales/tests/builders.py", text)

    assert rooms.clocks(tree) == []


@pytest.mark.parametrize("room", [*rooms.ROOMS, *(f"src/sales/{name}" for name in rooms.MODULES)])
def test_a_missing_room_is_found(room, tree):
    path = tree / "services/sales" / room
    if path.is_dir():
        (path / "env.py").unlink()
        path.rmdir()
    else:
        path.unlink()

    assert rooms.missing_rooms(tree) == [
        f"services/sales/{room} is missing. Every service has the same rooms."
    ]


@pytest.mark.parametrize("name", rooms.FEATURE_FILES)
def test_a_feature_without_one_of_its_files_is_found(name, tree):
    (tree / THINGS / name).unlink()

    problems = rooms.incomplete_features(tree)

    assert len(problems) == 1
    assert problems[0].startswith(f"{THINGS}/{name} is missing")


def test_a_feature_that_only_reads_needs_no_model(tree):
    (tree / THINGS / "model.py").unlink()

    assert rooms.incomplete_features(tree) == []


def test_a_feature_may_do_without_a_file_when_it_says_why(tree):
    (tree / THINGS / "routes.py").unlink()
    write(tree, f"{THINGS}/__init__.py", "# without routes.py: only orders call it\n")

    assert rooms.incomplete_features(tree) == []


def test_an_excuse_without_a_reason_or_for_a_file_that_exists_is_found(tree):
    (tree / THINGS / "routes.py").unlink()
    write(tree, f"{THINGS}/__init__.py", "# without routes.py:\n# without schemas.py: no need\n")

    problems = rooms.incomplete_features(tree)

    assert [problem.split(" ")[0] for problem in problems] == [
        f"{THINGS}/routes.py",
        f"{THINGS}/__init__.py",
    ]


def test_a_folder_of_calculations_is_not_a_feature(tree):
    write(tree, "services/sales/src/sales/pricing/discounts.py")

    assert rooms.incomplete_features(tree) == []


def test_a_new_service_that_stands_in_no_list_is_found_in_each_of_them(tree):
    a_service(tree, "field-service")

    problems = rooms.unlisted_services(tree)

    assert [problem.split(" ", 1)[0] for problem in problems] == [
        "field-service",
        "field-service",
        "field-service",
        "field-service",
        "field_service",
        "field_service",
        "field_service",
        "field_service",
    ]
    for place in (
        "docker-compose.yml",
        "deploy/k8s/base",
        "README.md",
        "README.zh-CN.md",
        ".importlinter",
        "pyproject.toml",
        "suite/pyproject.toml",
        "topology.py",
    ):
        assert any(place in problem for problem in problems)


def test_a_service_is_not_listed_by_one_whose_name_begins_alike(tree):
    a_service(tree, "service")
    write_lists(tree, SERVICES)

    assert len(rooms.unlisted_services(tree)) == 8
