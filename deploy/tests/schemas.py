"""Kubernetes' published schemas, strict, read once.

`kubernetes_validate.validate` reads two megabytes for each object it is given; with several
hundred objects and several versions that is minutes. The schemas of its package are used here
with validators that are kept.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
from referencing import Registry, Resource

VERSIONS = ("1.30", "1.33", "1.37")
"""The oldest that knows the `sleep` action in preStop, one in between, and the newest."""


def _read(version: str, name: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    return json.loads((folder / name).read_text())


@cache
def _definitions(version: str) -> Resource[Any]:
    return Resource.from_contents(_read(version, "_definitions.json"))


@cache
def _validator(version: str, api_version: str, kind: str) -> jsonschema.Draft202012Validator | None:
    # rbac.authorization.k8s.io/v1 is rbac-v1 in the names of the files.
    short = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    try:
        schema = _read(version, f"{kind.lower()}-{short}.json")
    except FileNotFoundError:
        return None
    return _with_definitions(version, schema)


@cache
def _definition(version: str, name: str) -> jsonschema.Draft202012Validator:
    identity = _definitions(version).contents["$id"]
    return _with_definitions(version, {"$ref": f"{identity}#/$defs/{name}"})


def _with_definitions(version: str, schema: Any) -> jsonschema.Draft202012Validator:
    definitions = _definitions(version)
    registry: Registry[Any] = definitions @ Registry()
    return jsonschema.Draft202012Validator(schema, registry=registry)


def is_known(version: str, item: dict[str, Any]) -> bool:
    """Whether this version of Kubernetes has the kind."""
    return _validator(version, item["apiVersion"], item["kind"]) is not None


def faults(version: str, item: dict[str, Any]) -> Iterator[str]:
    """What is wrong with an object of a kind that Kubernetes has."""
    validator = _validator(version, item["apiVersion"], item["kind"])
    assert validator is not None
    yield from _said(validator, item)


def faults_of_definition(version: str, name: str, value: Any) -> Iterator[str]:
    """What is wrong with a part of an object, as `io.k8s.api.core.v1.Affinity`."""
    yield from _said(_definition(version, name), value)


def _said(validator: jsonschema.Draft202012Validator, value: Any) -> Iterator[str]:
    for error in validator.iter_errors(value):
        where = "".join(f".{part}" for part in error.absolute_path)
        yield f"{where}: {error.message[:200]}"
