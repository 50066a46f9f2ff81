"""A small tree in which everything is in order; a test plants one violation into it."""

from pathlib import Path

from tools.tree import services

SERVICES = tuple(service.name for service in services())
"""Those of this repository, because its .importlinter is tried on the small tree."""

FEATURE = {
    "__init__.py": "",
    "model.py": "class Thing:\n    def close(self, now): return now\n",
    "schemas.py": "",
    "use_cases.py": "",
    "routes.py": "",
}


def a_tree(root: Path) -> Path:
    """The services with one feature each, libs/common and suite, and every list that names them."""
    for name in SERVICES:
        a_service(root, name)
    write(root, "libs/common/src/common/__init__.py")
    write(root, "libs/common/src/common/errors.py")
    write(root, "libs/common/src/common/testing/__init__.py")
    write(root, "libs/common/src/common/testing/postgres.py")
    write(root, "libs/common/src/common/messaging/__init__.py")
    write(root, "libs/common/src/common/messaging/rabbitmq.py", "import aio_pika\n")
    write(root, "suite/src/fairway/__init__.py")
    packages = [name.replace("-", "_") for name in SERVICES]
    write(root, "suite/src/fairway/apps.py", "".join(f"import {name}.main\n" for name in packages))
    write_lists(root, SERVICES)
    return root


def a_service(root: Path, name: str) -> None:
    """All rooms of a service, and one feature in it."""
    folder = f"services/{name}"
    package = f"{folder}/src/{name.replace('-', '_')}"
    for file in ("README.md", "pyproject.toml", "Dockerfile", "alembic.ini", "migrations/env.py"):
        write(root, f"{folder}/{file}")
    for file in ("openapi.json", "asyncapi.json"):
        write(root, f"{folder}/api/{file}", "{}\n")
    for file in ("conftest.py", "builders.py", "test_consumers.py", "test_api.py"):
        write(root, f"{folder}/tests/{file}")
    for file in ("__init__", "__main__", "main", "worker", "settings", "db", "events", "consumers"):
        write(root, f"{package}/{file}.py")
    for file, text in FEATURE.items():
        write(root, f"{package}/things/{file}", text)


def write_lists(root: Path, names: tuple[str, ...]) -> None:
    """Every file that has to name each service."""
    write(
        root,
        "docker-compose.yml",
        "services:\n" + "".join(f"  {n}: {{}}\n  {n}-worker: {{}}\n" for n in names),
    )
    write(
        root,
        "deploy/k8s/base/kustomization.yaml",
        "resources:\n" + "".join(f"  - {name}\n" for name in names),
    )
    for readme in ("README.md", "README.zh-CN.md"):
        rows = "".join(f"| [{name}](services/{name}) | what it owns |\n" for name in names)
        write(root, readme, "| service | owns |\n|---|---|\n" + rows)
    packages = [name.replace("-", "_") for name in names]
    write(root, ".importlinter", "root_packages =\n" + "".join(f"    {p}\n" for p in packages))
    write(root, "pyproject.toml", "".join(f'"$DIR/services/{name}/src",\n' for name in names))
    write(root, "suite/pyproject.toml", "".join(f'"fairway-{name}",\n' for name in names))
    write(
        root,
        "libs/common/src/common/messaging/topology.py",
        "ALL_SERVICES = (" + ", ".join(f'"{package}"' for package in packages) + ")\n",
    )


def write(root: Path, file: str, text: str = "") -> None:
    """Write a file, with the folders it needs."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
