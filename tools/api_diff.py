"""Holds what the services promise against what they promised when they were last released.

The accident it prevents: a field is renamed or an endpoint goes away, every test of the service
that did it passes, and the services and clients that were not deployed with it stop working.

The last released state is checked in beside the current one, in services/<service>/api/released/.
`make release` copies it there. A service that was never released may change as it likes. To break
a promise knowingly, take the file out of released/ in the same change: the review then sees it.

    python -m tools.api_diff                   fail when a promise is broken
    python -m tools.api_diff --release sales   this is released now
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from tools import asyncapi
from tools.schema import Document, Field
from tools.tree import ROOT, Service, services

Direction = Literal["event", "answer", "request"]

INSTEAD: Mapping[Direction, str] = {
    "event": (
        "Declare a new version of the event beside the old one (…V2, type ….v2) and say both until "
        "docs/events.md shows nobody who hears the old one. A new optional field needs no version."
    ),
    "answer": (
        "Keep the field and add a new one beside it. To drop it, mark it deprecated, release that, "
        "and drop it after that release."
    ),
    "request": (
        "Accept what was accepted: give the new field a default, keep the old one and mark it "
        "deprecated; it may go after a release that says so."
    ),
}
ENDPOINT_INSTEAD = (
    "Keep it and mark it deprecated=True; it may go after a release that says so. "
    "A different meaning gets a path of its own."
)
EVENT_INSTEAD = "Keep it until nobody hears it (docs/events.md) and a newer version of it is said, then drop it."

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
Fields = Mapping[str, Field]


# ------------------------------------------------------------------------------------ fields


def broken_fields(old: Fields, new: Fields, direction: Direction) -> Iterator[str]:
    """What of `old` is not kept in `new`, one sentence each.

    An event is both written by today's code and read again from the log by tomorrow's, so its
    fields keep their exact type. An answer may become narrower, a request wider.
    """
    for path, before in old.items():
        name = f"`{path}`" if path else "the body"
        after = new.get(path)
        if after is None:
            if before.deprecated and direction != "event":
                continue
            if _parent(path) in new:  # otherwise the parent is named already
                yield f"{name} is gone"
            continue
        if direction != "request" and before.required and not after.required:
            yield f"{name} was always there and is optional now"
        if direction == "request" and after.required and not before.required:
            yield f"{name} was optional and is required now"
        yield from _changed_type(name, before, after, direction)
        yield from _changed_values(name, before, after, direction)
    if direction == "request":
        for path, after in new.items():
            if path not in old and after.required and path and _parent(path) in old:
                yield f"`{path}` is new and required"


def _parent(path: str) -> str:
    if path.endswith(("[]", "{}")):
        return path[:-2]
    return path.rpartition(".")[0]


def _changed_type(name: str, before: Field, after: Field, direction: Direction) -> Iterator[str]:
    if before.types == after.types:
        return
    narrower = after.types <= before.types or "any" in before.types
    wider = before.types <= after.types or "any" in after.types
    if (direction == "answer" and narrower) or (direction == "request" and wider):
        return
    yield f"{name} was {_either(before.types)} and is {_either(after.types)} now"


def _changed_values(name: str, before: Field, after: Field, direction: Direction) -> Iterator[str]:
    if before.values is None:
        if after.values is not None and direction != "answer":
            yield f"{name} took any value and takes only {_either(after.values)} now"
        return
    if after.values is not None and (gone := before.values - after.values):
        yield f"{name} has lost the value {_either(gone)}"


def _either(words: frozenset[str]) -> str:
    return " or ".join(sorted(words)) or "nothing"


# ------------------------------------------------------------------------------------ events


def broken_events(
    old: asyncapi.EventApi, new: asyncapi.EventApi, heard_by: Mapping[str, list[str]]
) -> Iterator[str]:
    """Events that were released and are not kept; `heard_by` names the services by wire name."""
    for wire_name, before in old.said.items():
        after = new.said.get(wire_name)
        if after is not None:
            for problem in broken_fields(before.fields, after.fields, "event"):
                yield f"{wire_name}: {problem}. {INSTEAD['event']}"
        elif readers := heard_by.get(wire_name):
            yield f"{wire_name} is gone, and {', '.join(readers)} hears it. {EVENT_INSTEAD}"
        elif not _has_newer_version(wire_name, new):
            yield f"{wire_name} is gone without a newer version. {EVENT_INSTEAD}"


def _has_newer_version(wire_name: str, api: asyncapi.EventApi) -> bool:
    stem, _, major = wire_name.rpartition(".v")
    return any(
        other.rpartition(".v")[0] == stem and int(other.rpartition(".v")[2]) > int(major)
        for other in api.said
        if other.rpartition(".v")[2].isdigit() and major.isdigit()
    )


# ------------------------------------------------------------------------------------ endpoints


def broken_endpoints(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Endpoints that were released and are not kept, from two OpenAPI documents."""
    before, after = Document(old), Document(new)
    endpoints = dict(_operations(after))
    for (method, path), operation in _operations(before):
        kept = endpoints.get((method, path))
        if kept is None:
            if not operation.get("deprecated"):
                yield f"{method.upper()} {path} is gone. {ENDPOINT_INSTEAD}"
            continue
        for direction, problem in _broken_operation(before, operation, after, kept):
            yield f"{method.upper()} {path}: {problem}. {INSTEAD[direction]}"


def _operations(document: Document) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for path, item in document.content.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                operation = dict(item[method])
                operation["parameters"] = [
                    *item.get("parameters", ()),
                    *operation.get("parameters", ()),
                ]
                yield (method, _nameless(path)), operation


def _nameless(path: str) -> str:
    """`/leads/{lead_id}` as `/leads/{}`: the name in the braces is not on the wire."""
    return "/".join(
        "{}" + part.partition("}")[2] if part.startswith("{") else part for part in path.split("/")
    )


def _broken_operation(
    before: Document, old: Mapping[str, Any], after: Document, new: Mapping[str, Any]
) -> Iterator[tuple[Direction, str]]:
    for problem in broken_fields(_parameters(before, old), _parameters(after, new), "request"):
        yield "request", problem

    old_body, new_body = _request_body(before, old), _request_body(after, new)
    if new_body and new_body.required and not (old_body and old_body.required):
        yield "request", "a body is required now"
    taken = new_body.contents if new_body else {}
    for content_type, schema in old_body.contents.items() if old_body else ():
        if content_type not in taken:
            yield "request", f"a body of {content_type} is no longer taken"
            continue
        for problem in broken_fields(
            before.fields(schema), after.fields(taken[content_type]), "request"
        ):
            yield "request", problem

    for status, response in old.get("responses", {}).items():
        if not status.startswith("2"):
            continue
        if status not in new.get("responses", {}):
            yield "answer", f"the answer {status} is gone"
            continue
        contents = _contents(after, new["responses"][status])
        for content_type, schema in _contents(before, response).items():
            if content_type not in contents:
                yield "answer", f"the answer {status} no longer comes as {content_type}"
                continue
            for problem in broken_fields(
                before.fields(schema), after.fields(contents[content_type]), "answer"
            ):
                yield "answer", f"in the answer {status}, {problem}"


class _Body:
    def __init__(self, required: bool, contents: Mapping[str, Any]) -> None:
        self.required = required
        self.contents = contents


def _request_body(document: Document, operation: Mapping[str, Any]) -> _Body | None:
    if "requestBody" not in operation:
        return None
    body = document.resolve(operation["requestBody"])
    return _Body(bool(body.get("required")), _contents(document, body))


def _contents(document: Document, node: Any) -> dict[str, Any]:
    content = document.resolve(node).get("content", {})
    return {content_type: media.get("schema", {}) for content_type, media in content.items()}


def _parameters(document: Document, operation: Mapping[str, Any]) -> dict[str, Field]:
    found: dict[str, Field] = {"": Field(frozenset({"object"}), True, None)}
    for reference in operation["parameters"]:
        parameter = document.resolve(reference)
        if parameter["in"] == "path":
            continue  # part of the path
        name = parameter["name"].replace(".", "·")  # a name, not a path into an object
        for path, field in document.fields(parameter.get("schema", {})).items():
            if path:
                found[f"{name}{path}"] = field
                continue
            found[name] = Field(
                field.types,
                bool(parameter.get("required")),
                field.values,
                deprecated=bool(parameter.get("deprecated")) or field.deprecated,
            )
    return found


# ------------------------------------------------------------------------------------ services


def broken_promises(root: Path = ROOT, only: tuple[str, ...] = ()) -> list[str]:
    """What the services under `root` promised and do not keep, one sentence each."""
    everybody = services(root)
    heard_by: dict[str, list[str]] = {}
    for service in everybody:
        for wire_name in asyncapi.read(service.api / "asyncapi.json").heard:
            heard_by.setdefault(wire_name, []).append(service.name)

    problems: list[str] = []
    for service in services(root, only):
        released = service.released_api
        if (released / "asyncapi.json").exists():
            problems += broken_events(
                asyncapi.read(released / "asyncapi.json"),
                asyncapi.read(service.api / "asyncapi.json"),
                heard_by,
            )
        if (released / "openapi.json").exists():
            problems += [
                f"{service.name}: {problem}"
                for problem in broken_endpoints(
                    _json(released / "openapi.json"), _json(service.api / "openapi.json")
                )
            ]
    return problems


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content


def release(service: Service) -> None:
    """Make the checked-in documents the released state."""
    service.released_api.mkdir(parents=True, exist_ok=True)
    for kind in ("openapi", "asyncapi"):
        shutil.copyfile(service.api / f"{kind}.json", service.released_api / f"{kind}.json")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description="Hold the APIs against their released state.")
    parser.add_argument("service", nargs="*", help="only these")
    parser.add_argument("--release", action="store_true", help="the current state is released now")
    options = parser.parse_args(arguments)

    problems = broken_promises(only=tuple(options.service))
    for problem in problems:
        print(f"- {problem}", file=sys.stderr)
    if problems:
        return 1
    for service in services(only=options.service):
        if options.release:
            release(service)
            print(f"released {service.name}: from now on its api/ is kept")
        elif not service.released_api.exists():
            print(f"{service.name} was never released: nothing to keep yet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
