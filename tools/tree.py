"""Where things are in this repository: the services and how each of them is called."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Service:
    """One of the services, found by its folder."""

    name: str
    """As folder, image and URL call it: `service-desk`."""
    folder: Path

    @property
    def package(self) -> str:
        """As Python, the database and the wire call it: `service_desk`."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """As variables of the environment begin: `SERVICE_DESK`."""
        return self.package.upper()

    @property
    def source(self) -> Path:
        """The folder of the Python package."""
        return self.folder / "src" / self.package

    @property
    def api(self) -> Path:
        """The folder of the checked-in openapi.json and asyncapi.json."""
        return self.folder / "api"

    @property
    def released_api(self) -> Path:
        """The folder with the same two files as they were last released."""
        return self.api / "released"


def services(root: Path = ROOT, only: Iterable[str] = ()) -> list[Service]:
    """The services under `root`, by name; with `only`, those of them.

    Raises SystemExit when `only` names a service that is not there.
    """
    folder = root / "services"
    found = [
        Service(path.name, path)
        for path in sorted(folder.iterdir() if folder.is_dir() else [])
        if path.is_dir() and not path.name.startswith((".", "_"))
    ]
    wanted = set(only)
    if unknown := wanted - {service.name for service in found}:
        names = ", ".join(service.name for service in found)
        raise SystemExit(f"no service {', '.join(sorted(unknown))}; there are: {names}")
    return [service for service in found if not wanted or service.name in wanted]


def python_path(root: Path = ROOT) -> str:
    """PYTHONPATH for the code under `root`, installed or not; it comes before what is installed."""
    sources = [*root.glob("libs/*/src"), *root.glob("services/*/src"), *root.glob("suite/src")]
    return os.pathsep.join(str(path) for path in [*sorted(sources), root])
