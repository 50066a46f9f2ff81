"""The commands that must work before anything is installed."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tools.tree import ROOT

from .builders import write


def run(folder: Path, *command: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    before = f"{path}{os.pathsep}" if path else ""
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{before}{os.environ['PATH']}"},
    )


def a_program(folder: Path, name: str, text: str) -> None:
    write(folder, name, f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for file in ("tools/make-env", "tools/find-python", ".ci/run"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


# ---------------------------------------------------------------------------------- make env

COMPOSE = """
services:
  postgres:
    environment:
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?run make env first}
      TZ: ${TIME_ZONE:-UTC}
  sales:
    environment:
      DATABASE_URL: postgresql://sales:${SALES_PASSWORD:?run make env first}@postgres/sales
"""


def secrets_in(tree: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (tree / ".env").read_text().splitlines())


def test_every_variable_the_compose_file_insists_on_gets_a_secret_of_its_own(tree):
    write(tree, "docker-compose.yml", COMPOSE)

    result = run(tree, "tools/make-env")

    secrets = secrets_in(tree)
    assert result.returncode == 0
    assert secrets.keys() == {"POSTGRES_PASSWORD", "SALES_PASSWORD"}
    assert len(set(secrets.values())) == 2
    assert all(value.isalnum() and len(value) == 48 for value in secrets.values())
    assert stat.S_IMODE((tree / ".env").stat().st_mode) == 0o600
    assert "2 new secrets, 2 in all" in result.stdout


def test_a_secret_that_exists_is_never_changed(tree):
    write(tree, "docker-compose.yml", COMPOSE)
    write(tree, ".env", "SALES_PASSWORD=mine\n")

    run(tree, "tools/make-env")
    once = secrets_in(tree)
    run(tree, "tools/make-env")

    assert once["SALES_PASSWORD"] == "mine"
    assert secrets_in(tree) == once


# ---------------------------------------------------------------------------------- the Python


def test_a_python_that_does_not_run_is_passed_over(tree, tmp_path):
    programs = tmp_path / "bin"
    a_program(programs, "python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    a_program(programs, "python3.12", f'exec "{sys.executable}" "$@"')

    result = run(tree, "tools/find-python", path=programs)

    assert result.stdout.strip() == str(programs / "python3.12")


def test_without_a_usable_python_it_says_what_to_install(tree, tmp_path):
    programs = tmp_path / "bin"
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        a_program(programs, name, "exit 1")

    result = run(tree, "tools/find-python", path=programs)

    assert result.returncode == 1
    assert "Fairway needs Python 3.11 or newer" in result.stderr
    assert "apt install python3" in result.stderr


# ---------------------------------------------------------------------------------- what CI runs


@pytest.mark.parametrize(
    ("failing", "status", "verdict"),
    [
        ("", 0, ["make test: passed", "make check: passed"]),
        ("test", 1, ["make test: FAILED (2)", "make check: passed"]),
        ("check", 1, ["make test: passed", "make check: FAILED (2)"]),
    ],
)
def test_tests_and_checks_both_run_and_both_count(failing, status, verdict, tree, tmp_path):
    programs = tmp_path / "bin"
    a_program(programs, "make", f'echo "ran $2"; [ "$2" != "{failing}" ] || exit 2')

    result = run(tree, ".ci/run", path=programs)

    assert result.returncode == status
    assert result.stdout.split("\n")[:2] == ["ran test", "ran check"]
    assert result.stdout.strip().split("\n")[-2:] == verdict


# ---------------------------------------------------------------------------------- make help


def test_help_explains_every_target():
    targets = {
        name
        for line in (ROOT / "Makefile")
        .read_text(encoding="utf-8")
        .split(".PHONY:")[1]
        .splitlines()[:2]
        for name in line.replace("\\", "").split()
    }

    shown = run(ROOT, "make", "--no-print-directory", "help").stdout

    assert targets <= {line.split()[1] for line in shown.splitlines() if line.startswith("  make ")}
