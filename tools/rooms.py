"""What the import linter cannot see: every service has the same rooms, and each holds what belongs.

Each check takes the root of a tree and returns what is wrong in it, one sentence each, with what to
do instead. tools/tests/test_rooms.py runs them over this repository, and plants every violation
into a small tree to see that it is found.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from tools.tree import Service, services

ROOMS = (
    "README.md",
    "pyproject.toml",
    "Dockerfile",
    "alembic.ini",
    "migrations",
    "api/openapi.json",
    "api/asyncapi.json",
    "tests/conftest.py",
    "tests/builders.py",
    "tests/test_consumers.py",
    "tests/test_api.py",
)
MODULES = (
    "__init__.py",
    "__main__.py",
    "main.py",
    "worker.py",
    "settings.py",
    "db.py",
    "events.py",
    "consumers.py",
)

FEATURE_FILES = ("schemas.py", "use_cases.py", "routes.py")
"""What a feature folder has beside its model.py; one that only reads has no model of its own."""

WITHOUT = re.compile(r"^# without (\w+\.py): \S", re.MULTILINE)
"""In a feature's __init__.py: `# without routes.py: only other features call it`."""

CLOCK_CALLS = {
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("datetime", "utcfromtimestamp"),
    ("date", "today"),
    ("time", "time"),
}


# ---------------------------------------------------------------------------------- what code does


def commits(root: Path) -> list[str]:
    """Accident: half a use case is permanent, and the refusal that follows cannot undo it."""
    return [
        f"{where}: `.commit(` in a service. The request or the event is the transaction: "
        "add to the session and return."
        for where, node in _calls(root)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]


def async_rules(root: Path) -> list[str]:
    """Accident: a rule waits for the database, and can be tested only with one."""
    return [
        f"{_where(root, path, method)}: `async def {method.name}` in class {node.name}. A rule is a "
        "plain method of its arguments; the use case loads what it needs."
        for path, tree in _sources(root)
        if path.name == "model.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.AsyncFunctionDef)
    ]


def http_exceptions(root: Path) -> list[str]:
    """Accident: two routes refuse the same thing with different statuses and bodies."""
    problems = []
    for path, tree in _sources(root):
        for node in ast.walk(tree):
            named = (
                isinstance(node, ast.alias | ast.Name)
                and "HTTPException" in (getattr(node, "name", ""), getattr(node, "id", ""))
            ) or (isinstance(node, ast.Attribute) and node.attr == "HTTPException")
            if named:
                problems.append(
                    f"{_where(root, path, node)}: HTTPException outside of common. Raise a named "
                    "refusal (NotFound, Conflict, … from common.errors) beside its rule."
                )
                break
    return problems


def clocks(root: Path) -> list[str]:
    """Accident: a rule that depends on the time of day, and a test that fails at midnight."""
    return [
        f"{where}: a look at the clock in a service. Take `now` as an argument; a route gets it "
        "from common.clock."
        for where, node in _calls(root)
        if isinstance(node.func, ast.Attribute)
        and (_last_name(node.func.value), node.func.attr) in CLOCK_CALLS
    ]


def statements_on_aggregates(root: Path) -> list[str]:
    """Accident: a record changes, and neither an event nor the audit trail tells of it.

    What goes through the session raises ChangedInSilence by itself; this is for SQL as text.
    """
    return [
        f"{_where(root, path, text)}: SQL that writes {table}, the table of an aggregate. Load the "
        "aggregate, change it, and record() the event."
        for service in services(root)
        for path, tree in _sources_below(service.source)
        for text, value in _texts(tree)
        for table in _WRITTEN_TABLE.findall(value)
        if table in _aggregate_tables(service.source)
    ]


_WRITTEN_TABLE = re.compile(r'\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?"?(\w+)')


@cache
def _aggregate_tables(source: Path) -> frozenset[str]:
    return frozenset(
        ast.literal_eval(line.value)
        for _, tree in _sources_below(source)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "Aggregate" in map(_last_name, node.bases)
        for line in node.body
        if isinstance(line, ast.Assign) and _last_name(line.targets[0]) == "__tablename__"
    )


def _texts(tree: ast.Module) -> Iterator[tuple[ast.Constant, str]]:
    """Texts that are values; a docstring is none."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                yield node, node.value


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _calls(root: Path) -> Iterator[tuple[str, ast.Call]]:
    for path, tree in _sources(root):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield _where(root, path, node), node


def _sources(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    for source in sorted(root.glob("services/*/src")):
        yield from _sources_below(source)


def _sources_below(source: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(source.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def _where(root: Path, path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(root)}:{getattr(node, 'lineno', 1)}"


# ---------------------------------------------------------------------------------- what exists


def missing_rooms(root: Path) -> list[str]:
    """Accident: whoever knows one service does not find his way in the next."""
    problems = []
    for service in services(root):
        wanted = [service.folder / room for room in ROOMS]
        wanted += [service.source / module for module in MODULES]
        problems += [
            f"{path.relative_to(root)} is missing. Every service has the same rooms."
            for path in wanted
            if not path.exists()
        ]
    return problems


def incomplete_features(root: Path) -> list[str]:
    """Accident: a rule moves into a route because there is no use case to hold it."""
    problems = []
    for service in services(root):
        for folder in _features(service):
            marker = folder / "__init__.py"
            excused = set(
                WITHOUT.findall(marker.read_text(encoding="utf-8") if marker.exists() else "")
            )
            problems += [
                f"{(folder / name).relative_to(root)} is missing: a feature has model.py, "
                "schemas.py, use_cases.py and routes.py. Where one would be empty, say so in "
                f"__init__.py: `# without {name}: why`."
                for name in FEATURE_FILES
                if name not in excused and not (folder / name).exists()
            ]
            problems += [
                f"{marker.relative_to(root)} excuses {name}, and it is there. Remove the line."
                for name in sorted(excused)
                if (folder / name).exists()
            ]
    return problems


def _features(service: Service) -> list[Path]:
    return sorted(
        {
            path.parent
            for name in ("model.py", "routes.py")
            for path in service.source.rglob(name)
            if path.parent != service.source
        }
    )


# ---------------------------------------------------------------------------------- who is listed


def unlisted_services(root: Path) -> list[str]:
    """Accident: a service exists, and one of the ways to run or to check everything leaves it out."""
    problems = []
    compose = _yaml_keys(root / "docker-compose.yml", "services")
    for service in services(root):
        name, package = service.name, service.package
        if not {name, f"{name}-api"} & set(compose):
            problems.append(f"{name} is not in docker-compose.yml: add its processes there.")
        if not _mentions(root / "deploy" / "k8s" / "base", name):
            problems.append(f"{name} is not in deploy/k8s/base: add its folder and list it there.")
        row = rf"^\|.*services/{re.escape(name)}\b(?!-)"
        problems += [
            f"{name} is not in the table of {readme}: add a row that links it."
            for readme in ("README.md", "README.zh-CN.md")
            if not _has_line(root / readme, row)
        ]
        problems += [
            f"{package} is not in {file}: add it to {what}."
            for file, pattern, what in (
                (".importlinter", rf"^\s+{package}$", "root_packages and the walls"),
                ("pyproject.toml", rf'/services/{re.escape(name)}/src"', "mypy_path"),
                ("suite/pyproject.toml", rf'"fairway-{re.escape(name)}"', "its dependencies"),
                ("libs/common/src/common/messaging/topology.py", rf'"{package}"', "ALL_SERVICES"),
            )
            if not _has_line(root / file, pattern)
        ]
    return problems


def _yaml_keys(path: Path, section: str) -> list[str]:
    if not path.exists():
        return []
    return list((yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get(section) or {})


def _has_line(path: Path, pattern: str) -> bool:
    return path.exists() and bool(
        re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    )


def _mentions(folder: Path, name: str) -> bool:
    """Whether the folder's kustomization takes in a folder or file of this name."""
    listing = folder / "kustomization.yaml"
    return _has_line(listing, rf"^\s*-\s+(?:\S*/)?{re.escape(name)}(?:\.yaml|/)?\s*(?:#.*)?$")


CHECKS = (
    commits,
    async_rules,
    http_exceptions,
    clocks,
    statements_on_aggregates,
    missing_rooms,
    incomplete_features,
    unlisted_services,
)
