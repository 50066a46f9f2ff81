"""What is in the repository: no secret, no code that a scanner objects to."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.tree import ROOT

pytestmark = pytest.mark.capability("N10")

SECRETS = re.compile(
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\n[A-Za-z0-9+/=]{20,}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\beyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}"
    r"|\bxox[abpr]-[A-Za-z0-9-]{20,}"
)
SECRET_NAMES = re.compile(r"password|secret|token|private_key", re.IGNORECASE)
LARGEST_FILE = 2_000_000
BANDIT = Path(sys.executable).with_name("bandit")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_file_holds_a_secret():
    found = []
    for path in tracked():
        if not path.is_file() or path.stat().st_size > LARGEST_FILE:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [
            f"{path.relative_to(ROOT)}: {hit.group()[:12]}…" for hit in SECRETS.finditer(text)
        ]

    assert found == []


def test_no_file_of_settings_is_in_the_repository():
    assert [path.name for path in tracked() if path.name == ".env" or path.suffix == ".pem"] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("services/*/api/openapi.json")), ids=str)
def test_no_document_has_a_secret_as_example_or_default(path):
    told = []

    def look(value: object, name: str) -> None:
        if isinstance(value, dict):
            is_secret = SECRET_NAMES.search(name) and name != "token_type"
            if is_secret and {"example", "examples", "default"} & value.keys():
                said = value.get("default") or value.get("example") or value.get("examples")
                if isinstance(said, str) or said not in (None, [], False):
                    told.append((name, said))
            for key, inner in value.items():
                look(inner, key)
        elif isinstance(value, list):
            for inner in value:
                look(inner, name)

    look(json.loads(path.read_text(encoding="utf-8")), "")

    assert told == []


def test_bandit_finds_nothing_of_medium_or_high_severity():
    """Beside what ruff checks with the same rules, whose exceptions say why in the code."""
    command = [str(BANDIT), "-q", "-r", "-ll", "-f", "json", "--configfile", "pyproject.toml"]
    folders = [str(path) for path in sorted(ROOT.glob("services/*/src"))]
    done = subprocess.run(
        [*command, "libs/common/src", "suite/src", *folders],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )

    found = [
        f"{one['filename']}:{one['line_number']} {one['test_id']} {one['issue_text']}"
        for one in json.loads(done.stdout)["results"]
    ]
    assert found == []
