"""Runs everything that is checked beside the tests, side by side, and says what failed.

python -m tools.check          all of it
python -m tools.check mypy     one of them
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.tree import ROOT, services

BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments, and the folder it runs in."""

    arguments: list[str]
    folder: Path = ROOT


@dataclass(frozen=True, slots=True)
class Check:
    """One check: commands that are run one after the other until one fails."""

    name: str
    commands: list[Command]
    instead: str = ""
    """What to do when it fails, where its own output does not say so."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended."""

    check: Check
    passed: bool
    output: str
    seconds: float


def checks() -> list[Check]:
    """All checks, the longest first, so that they end together."""

    def installed(program: str, *arguments: str) -> list[Command]:
        return [Command([str(BIN / program), *arguments])]

    def ours(module: str, *arguments: str) -> list[Command]:
        return [Command([sys.executable, "-m", f"tools.{module}", *arguments])]

    concise = ["--quiet", "--output-format", "concise", "."]
    return [
        Check("deploy", installed("pytest", "-q", "--no-header", "deploy/tests")),
        Check("mypy", mypy_commands()),
        Check("tools", installed("pytest", "-q", "--no-header", "tools/tests")),
        Check("api", ours("api", "--check")),
        Check("walls", installed("lint-imports", "--config", ".importlinter")),
        Check("api-diff", ours("api_diff")),
        Check("events", ours("event_map", "--check")),
        Check("capabilities", ours("capabilities", "--check")),
        Check("security", ours("security", "--check")),
        Check(
            "bandit",
            installed(
                "bandit",
                *("-q", "-r", "-ll", "--configfile", "pyproject.toml"),
                *("libs/common/src", "suite/src"),
                *(str(path) for path in sorted(ROOT.glob("services/*/src"))),
            ),
        ),
        Check("ruff", installed("ruff", "check", *concise), "`make fix` repairs most of it."),
        Check(
            "format",
            installed("ruff", "format", "--check", *concise),
            "`make fix` formats it.",
        ),
    ]


def mypy_commands() -> list[Command]:
    """The trees mypy looks at, in as few runs as their names allow.

    A test module is named by its path from the root (`services.sales.tests.test_api`), and so six
    of them can be called test_api. A folder with a hyphen cannot be part of such a name: the tests
    of a service like that get a run of their own, from inside its folder.
    """
    mypy = [str(BIN / "mypy"), "--config-file", str(ROOT / "pyproject.toml")]
    mypy += ["--cache-dir", str(ROOT / ".mypy_cache")]
    together = [
        path
        for pattern in ("libs/*/src", "libs/*/tests", "suite/src", "suite/tests", "services/*/src")
        for path in sorted(ROOT.glob(pattern))
    ]
    together += [ROOT / name for name in ("tests", "tools", "deploy/tests", "benchmarks")]
    alone: list[Path] = []
    for service in services():
        tests = service.folder / "tests"
        (together if service.name.isidentifier() else alone).append(tests)
    found = [str(path.relative_to(ROOT)) for path in together if any(path.rglob("*.py"))]
    return [
        Command([*mypy, *found]),
        *(
            Command([*mypy, tests.name], tests.parent)
            for tests in alone
            if any(tests.rglob("*.py"))
        ),
    ]


def run(check: Check) -> Outcome:
    """Run a check to its end, or to its first command that fails."""
    started = time.monotonic()
    output = ""
    passed = True
    for command in check.commands:
        result = subprocess.run(
            command.arguments,
            cwd=command.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        )
        output += result.stdout
        if result.returncode != 0:
            passed = False
            break
    return Outcome(check, passed, output.strip(), time.monotonic() - started)


def main(names: list[str]) -> int:
    """Run the named checks, or all; the exit code is 1 when one fails, 2 for an unknown name."""
    chosen = [check for check in checks() if not names or check.name in names]
    if unknown := set(names) - {check.name for check in chosen}:
        known = ", ".join(check.name for check in checks())
        print(f"no check {', '.join(sorted(unknown))}; there are: {known}", file=sys.stderr)
        return 2

    started = time.monotonic()
    failed: list[Outcome] = []
    with ThreadPoolExecutor(min(4, os.cpu_count() or 2)) as pool:
        for outcome in pool.map(run, chosen):
            print(
                f"  {'ok' if outcome.passed else 'FAILED':6}  {outcome.check.name:13}"
                f"{outcome.seconds:6.1f} s",
                flush=True,
            )
            if not outcome.passed:
                failed.append(outcome)
    for outcome in failed:
        print(f"\n--- {outcome.check.name} ---\n{outcome.output}")
        if outcome.check.instead:
            print(outcome.check.instead)
    verdict = f"{len(failed)} of {len(chosen)} checks failed" if failed else "all checks passed"
    print(f"\n{verdict} in {time.monotonic() - started:.0f} s")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
