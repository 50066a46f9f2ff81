"""Each wall of .importlinter, broken on purpose in a small tree and in a copy of this one."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.tree import ROOT, services

from .builders import a_tree, write

SALES = "services/sales/src/sales"
ORDERS = f"{SALES}/orders"

WALLS = [
    # the wall, the file that breaks it, what it imports
    ("services", f"{SALES}/consumers.py", "from contract.events import ContractSigned"),
    ("services", f"{SALES}/things/use_cases.py", "import service_desk.things.model"),
    ("services", f"{SALES}/__main__.py", "def run():\n    import reporting.db"),
    ("common", "libs/common/src/common/errors.py", "import sales.events"),
    ("common", "libs/common/src/common/testing/postgres.py", "import fairway.apps"),
    ("suite", f"{SALES}/main.py", "import fairway"),
    ("use_cases", f"{SALES}/things/use_cases.py", "import sales.things.routes"),
    ("use_cases", f"{SALES}/things/use_cases.py", "from sales import consumers"),
    ("use_cases", f"{SALES}/things/use_cases.py", "from sales.main import create"),
    ("use_cases", f"{SALES}/things/use_cases.py", "from sales.worker import create"),
    ("use_cases", f"{SALES}/orders/returns/use_cases.py", "import sales.orders.routes"),
    ("model", f"{SALES}/things/model.py", "import sales.things.schemas"),
    ("model", f"{SALES}/things/model.py", "import sales.things.use_cases"),
    ("model", f"{SALES}/things/model.py", "from sales.orders import routes"),
    ("events", f"{SALES}/events.py", "from sales.things.model import Thing"),
    ("events", f"{SALES}/events.py", "import sales.things.schemas"),
    ("events", f"{SALES}/events.py", "import sales.things.use_cases"),
    ("http", f"{SALES}/things/model.py", "from fastapi import HTTPException"),
    ("http", f"{SALES}/things/use_cases.py", "import httpx"),
    ("http", f"{SALES}/events.py", "from starlette.requests import Request"),
    ("http", f"{SALES}/consumers.py", "import httpx"),
    ("broker", f"{SALES}/things/use_cases.py", "import aio_pika"),
    ("broker", "suite/src/fairway/apps.py", "from aio_pika import connect_robust"),
    ("testing", f"{SALES}/db.py", "from common.testing import postgres"),
    ("testing", "libs/common/src/common/errors.py", "import common.testing.postgres"),
    ("testing", "suite/src/fairway/apps.py", "import common.testing"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    a_tree(tmp_path)
    for file in ("__init__", "model", "schemas", "use_cases", "routes"):
        write(tmp_path, f"{ORDERS}/{file}.py")
        write(tmp_path, f"{ORDERS}/returns/{file}.py")
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def lint(root: Path) -> tuple[int, str]:
    sources = [*root.glob("libs/*/src"), *root.glob("services/*/src"), *root.glob("suite/src")]
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--config", ".importlinter", "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources)), "COLUMNS": "400"},
    )
    return result.returncode, result.stdout + result.stderr


def broken(root: Path) -> list[str]:
    """The ids of the contracts that do not hold."""
    names = {contract["name"]: wall for wall, contract in contracts().items()}
    status, output = lint(root)
    found = [wall for name, wall in names.items() if f"{name} BROKEN" in output]
    assert (status == 0) == (not found), output
    return found


def contracts() -> dict[str, configparser.SectionProxy]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    prefix = "importlinter:contract:"
    return {
        section.removeprefix(prefix): parser[section]
        for section in parser.sections()
        if section.startswith(prefix)
    }


def test_a_tree_in_which_nothing_is_wrong_passes(tree):
    assert broken(tree) == []


@pytest.mark.parametrize(("wall", "file", "planted"), WALLS)
def test_a_planted_import_breaks_its_wall_and_no_other(wall, file, planted, tree):
    path = tree / file
    path.write_text(path.read_text(encoding="utf-8") + planted + "\n", encoding="utf-8")

    assert broken(tree) == [wall]


def test_every_wall_is_broken_by_one_of_these_tests():
    assert {wall for wall, _, _ in WALLS} == set(contracts())


def test_tests_may_import_what_they_like(tree):
    write(
        tree, "services/sales/tests/test_things.py", "import common.testing, aio_pika, contract\n"
    )

    assert broken(tree) == []


def test_what_common_imports_does_not_count_for_those_who_use_common(tree):
    write(
        tree, "libs/common/src/common/app.py", "import fastapi\nimport common.messaging.rabbitmq\n"
    )
    write(tree, f"{SALES}/things/use_cases.py", "import common.app\n")

    assert broken(tree) == []


def test_a_violation_in_the_real_code_of_each_service_is_found(tmp_path):
    for pattern in ("libs/*/src", "services/*/src", "suite/src"):
        for source in ROOT.glob(pattern):
            shutil.copytree(
                source,
                tmp_path / source.relative_to(ROOT),
                ignore=shutil.ignore_patterns("__pycache__", "static"),
            )
    shutil.copy(ROOT / ".importlinter", tmp_path)
    planted = []
    for service in services(tmp_path):
        models = sorted(service.source.glob("*/model.py"))
        path = models[0] if models else service.source / "events.py"
        path.write_text(f"{path.read_text(encoding='utf-8')}\nimport httpx\n", encoding="utf-8")
        planted.append(".".join(path.relative_to(service.source.parent).with_suffix("").parts))

    status, output = lint(tmp_path)

    assert status == 1
    for module in planted:
        assert f"{module} -> httpx" in output
