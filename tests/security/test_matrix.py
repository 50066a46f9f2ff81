"""Each row of the security matrix names tests that are there, or says why it has none."""

import ast

import pytest

from tools.tree import ROOT

from .matrix import MATRIX


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row.area}: {row.tried}"[:60])
def test_a_row_names_tests_that_are_there_or_says_why_not(row):
    assert bool(row.tests) != bool(row.not_built)
    for test in row.tests:
        file, name = test.split("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }, test


AREAS = {
    "Audit",
    "Authentication",
    "Business flow",
    "Concurrency",
    "Crypto",
    "Data scope",
    "Events as input",
    "Export",
    "Function level",
    "Fuzz",
    "Headers",
    "Idempotency",
    "Injection",
    "Inventory",
    "Misconfiguration",
    "Object level",
    "Property level",
    "Resource use",
    "Secrets",
    "Service to service",
    "Supply chain",
    "Webhook in",
    "Webhook out",
}
"""Whatever is built, each of these is tried, or its row says why not."""


def test_no_area_is_left_out_and_no_row_stands_twice():
    assert {row.area for row in MATRIX} == AREAS
    assert len({(row.area, row.tried) for row in MATRIX}) == len(MATRIX)


def test_every_file_of_these_tests_proves_a_row():
    here = {f"tests/security/{path.name}" for path in (ROOT / "tests/security").glob("test_*.py")}

    proving = {test.partition("::")[0] for row in MATRIX for test in row.tests}

    assert here - proving == {"tests/security/test_matrix.py"}
