"""What the services read of parameters is what the channel service offers, and what the page says."""

import importlib
from pathlib import Path

import pytest

from channel.parameters.definitions import DEFINITIONS, Definition
from common.parameters import Parameter

ROOT = Path(__file__).parents[1]
READERS = ("contract", "customer", "sales")


def read_by(package: str) -> list[Parameter[int] | Parameter[str]]:
    names = vars(importlib.import_module(f"{package}.parameters")).values()
    return [each for each in names if isinstance(each, Parameter)]


def row_of(definition: Definition) -> str:
    """How docs/operations.md shows a parameter."""
    allowed = definition.kind.replace("_", " ")
    if definition.minimum is not None:
        allowed = f"{definition.minimum} to {definition.maximum}"
    if definition.choices:
        allowed = ", ".join(definition.choices)
    default = "–" if definition.default is None else definition.default
    used_by = ", ".join(definition.used_by) or "–"
    return (
        f"| `{definition.name}` | {allowed} | {default} | {definition.meaning}"
        f" {definition.meaning_zh} | {used_by} |"
    )


@pytest.mark.capability("X-01")
@pytest.mark.parametrize("package", READERS)
def test_a_service_reads_parameters_that_are_there_with_their_default(package):
    for parameter in read_by(package):
        definition = DEFINITIONS[parameter.name]
        assert parameter.default == definition.default
        assert package in definition.used_by


def test_the_table_of_parameters_is_what_the_code_says():
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    missing = [row for row in map(row_of, DEFINITIONS.values()) if row not in page]
    assert missing == [], "put these rows into docs/operations.md:\n" + "\n".join(missing)
