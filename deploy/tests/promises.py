"""What the services promise in their checked-in api/ folders, as far as deployment needs it."""

import json
from typing import Any

from .manifests import ROOT, SERVICES, package_of

SERVICE_OF = {package_of(service): service for service in SERVICES}


def _document(service: str, name: str) -> dict[str, Any]:
    path = ROOT / "services" / service / "api" / name
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def paths_of(service: str) -> set[str]:
    """The paths of its OpenAPI document."""
    return set(_document(service, "openapi.json")["paths"])


def heard_by(service: str) -> set[str]:
    """The services whose events it hears."""
    document = _document(service, "asyncapi.json")
    addresses = set()
    for operation in document.get("operations", {}).values():
        if operation["action"] == "receive":
            channel = operation["channel"]["$ref"].rpartition("/")[2]
            addresses.add(document["channels"][channel]["address"])
    said_by = {address.partition(".")[0] for address in addresses}
    if said_by & {"*", "#"}:
        return set(SERVICES) - {service}
    return {SERVICE_OF[package] for package in said_by}
