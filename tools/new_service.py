"""Makes the rooms of a new service, and writes it into every list that names the services.

It is a copy of tools/template under another name: a service that runs, with one small feature to
show the way, its tests, its image, and its place in Compose, Kubernetes and the gateway.

    python -m tools.new_service probe
    python -m tools.new_service field-service --feature visits
"""

import argparse
import sys
from pathlib import Path

from tools import asyncapi, event_map, listing
from tools.api import NotWritten, documents
from tools.generating import (
    TEMPLATE,
    TEMPLATE_FEATURE,
    CannotGenerate,
    Feature,
    Renaming,
    check_service_name,
    copied,
    template_files,
    tidy,
    write,
)
from tools.tree import ROOT, Service, services


def make(root: Path, name: str, feature: Feature) -> Service:
    """Make the service below `root`.

    Raises CannotGenerate, NoPlace or NotWritten; with the first two nothing was written.
    """
    check_service_name(name, root)
    service = Service(name, root / "services" / name)
    renaming = Renaming(service, feature)
    files = {
        service.folder / renaming.path(path.relative_to(TEMPLATE.folder)): copied(path, renaming)
        for path in template_files(TEMPLATE.folder)
    }
    # One text for all images; a test of deploy/ holds that.
    dockerfile = root / "services" / listing.PATTERN / "Dockerfile"
    files[service.folder / "Dockerfile"] = listing.respelt(
        dockerfile.read_text(encoding="utf-8"), service
    )
    lists = listing.listed(
        root,
        service,
        owns=feature.plural.replace("-", " "),
        says=f"`{service.package}.{feature.item}.{{created,renamed,closed}}`",
        hears="`channel.partner.suspended`",
    )
    write({**files, **lists})
    tidy(root, service.folder, root / listing.TOPOLOGY)
    write(documents(service))
    write(listing.graph(root, heard(root)))
    return service


def heard(root: Path) -> dict[str, set[str]]:
    """For each service, by name, those whose events it hears."""
    packages = {service.package: service.name for service in services(root)}
    graph = {}
    for service in services(root):
        said_by = {
            wire_name.partition(".")[0]
            for wire_name in asyncapi.read(service.api / "asyncapi.json").heard
        }
        everybody = asyncapi.EVERYTHING in said_by
        graph[service.name] = {
            name
            for package, name in packages.items()
            # Who hears everything does not hear itself; who names its own events does.
            if package in said_by or (everybody and name != service.name)
        }
    return graph


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 when the service cannot be made."""
    parser = argparse.ArgumentParser(
        prog="make new-service", usage="make new-service NAME=field-service [FEATURE=visits]"
    )
    parser.add_argument("name", help="lower-case words with hyphens between: field-service")
    parser.add_argument("--feature", default=TEMPLATE_FEATURE, help="its first feature, a plural")
    parser.add_argument("--singular", help="the feature in the singular, where it is irregular")
    options = parser.parse_args(arguments)
    try:
        feature = Feature.named(options.feature, options.singular)
        service = make(ROOT, options.name, feature)
    except (CannotGenerate, listing.NoPlace, NotWritten) as reason:
        print(reason, file=sys.stderr)
        return 1
    event_map.main([])
    print(
        f"made services/{service.name}, with one feature: {feature.plural}\n"
        "It stands in Compose, Kubernetes, the gateway, the suite, the walls and both READMEs.\n"
        f"  make test S={service.name}\n"
        "  make check\n"
        "  make env                       its passwords, for Docker Compose\n"
        f"Say in one line what it is for: services/{service.name}/README.md, pyproject.toml, and "
        "its row in README.md and README.zh-CN.md."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
