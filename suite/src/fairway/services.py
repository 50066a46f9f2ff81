"""The six services, as the suite finds them."""

from importlib import import_module

from common.cli import ServiceEntry
from common.messaging.topology import ALL_SERVICES

PACKAGES = ALL_SERVICES
"""What the suite runs: every service there is. One list, so that none is heard and not run."""


def load() -> list[ServiceEntry]:
    """The entries of all six; importing them takes the better part of a start."""
    return [load_one(package) for package in PACKAGES]


def load_one(package: str) -> ServiceEntry:
    """The entry of one service, by its package or path name."""
    entry: ServiceEntry = import_module(f"{package.replace('-', '_')}.__main__").ENTRY
    return entry


def path_of(package: str) -> str:
    """The first segment of the service's URLs."""
    return package.replace("_", "-")
