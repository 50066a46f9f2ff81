"""Bodies for requests, from the OpenAPI document: the smallest that fits, and where ids go."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from common.ids import new_id

_OF_FORMAT = {
    "uuid": lambda: str(new_id()),
    "date": lambda: "2026-03-02",
    "date-time": lambda: "2026-03-02T09:30:00Z",
    "time": lambda: "09:30:00",
}
_OF_NAME = {
    "currency": "CNY",
    "email": "wang@example.com",
    "password": "correct-horse-battery",
    "phone": "0571-87654321",
}
_UNIQUE = {"sku"}
_TEXTS = {"name", "title", "subject", "solution", "reason", "notes"}
"""Fields that hold what people write; a record says its mark there."""
DEEPEST_PLACE = 4

Ids = Mapping[str, str]
"""Ids by what they are of, in the singular: `customer`."""
Place = tuple[str | int, ...]


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, where it is only named."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def schema_of_body(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of the JSON body that the operation takes, None where it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    return resolved(content["application/json"]["schema"], document)


def body_for(
    operation: dict[str, Any], document: dict[str, Any], ids: Ids | None = None, mark: str = "x"
) -> Any:
    """A body that fits, None where the operation takes none.

    A change of parts changes one; what is required is there, and nothing else. Where it names a
    thing of `ids`, it names that one, and `mark` is its name.
    """
    schema = schema_of_body(operation, document)
    if schema is None:
        return None
    return _Example(document, ids or {}, mark).of(schema)


def query_for(operation: dict[str, Any], document: dict[str, Any], ids: Ids) -> dict[str, str]:
    """The query parameters that the operation needs, and no others."""
    example = _Example(document, ids, "x")
    return {
        one["name"]: str(example.of(one["schema"], one["name"]))
        for one in operation.get("parameters", ())
        if one["in"] == "query" and one.get("required")
    }


@dataclass(frozen=True)
class _Example:
    """Makes the smallest value that fits a schema."""

    document: dict[str, Any]
    ids: Ids
    mark: str

    def of(self, schema: dict[str, Any], name: str = "") -> Any:
        schema = resolved(schema, self.document)
        # Several ids are a list, or one of the list.
        is_id = name.endswith("_id") or schema.get("type") == "string"
        if is_id and (known := self._known(name)) is not None:
            return known
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("examples"):
            return schema["examples"][0]
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self.of(self._choice(schema[several]), name)
        match schema.get("type"):
            case "object":
                properties = schema.get("properties", {})
                wanted = schema.get("required") or list(properties)[:1]
                return {one: self.of(properties[one], one) for one in wanted if one in properties}
            case "array":
                return [self.of(schema["items"], name)] * max(1, schema.get("minItems", 1))
            case "integer" | "number":
                return max(1, schema.get("minimum", 1))
            case "boolean":
                return True
        return self._text(schema, name)

    def _known(self, name: str) -> str | None:
        of = what_it_names(name, self.ids)
        return None if of is None else self.ids[of]

    def _choice(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """One that is not null; a number as a text is the more exact one."""
        told = [resolved(one, self.document) for one in choices]
        told = [one for one in told if one.get("type") != "null"]
        return next((one for one in told if one.get("type") == "string"), told[0])

    def _text(self, schema: dict[str, Any], name: str) -> str:
        if schema.get("format") in _OF_FORMAT:
            return _OF_FORMAT[schema["format"]]()
        if name in _OF_NAME:
            return _OF_NAME[name]
        if name in _UNIQUE:
            return f"{name}-{new_id()}"
        if "^(?!^[-+.]*$)" in schema.get("pattern", ""):
            return "1"
        if name in _TEXTS and "pattern" not in schema:
            return self.mark
        return "x" * max(1, schema.get("minLength", 1))


def what_it_names(name: str, ids: Ids) -> str | None:
    """What a field of this name holds the id of, or the ids; None for anything else."""
    for of in ids:
        for ending in (f"{of}_id", f"{of}_ids"):
            if name == ending or name.endswith(f"_{ending}"):
                return of
    return None


@dataclass(frozen=True)
class IdPlace:
    """A place of a request that takes the id of a thing."""

    of: str
    where: str
    place: Place

    def put(self, one: str, body: Any) -> tuple[dict[str, str], Any]:
        """The query and the body with this id in the place."""
        if self.where == "query":
            return {str(self.place[0]): one}, body
        filled = deepcopy(body)
        into = filled
        for step in self.place[:-1]:
            into = into[step]
        last = self.place[-1]
        into[last] = [one] * len(into.get(last) or [1, 1]) if str(last).endswith("s") else one
        return {}, filled


def named_ids(
    operation: dict[str, Any], document: dict[str, Any], ids: Ids
) -> Iterator[tuple[IdPlace, Any]]:
    """Where the operation takes an id of one of these: filter, body, line, batch item.

    With each the smallest body that has this place.
    """
    body = body_for(operation, document, ids)
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and (of := what_it_names(parameter["name"], ids)):
            yield IdPlace(of, "query", (parameter["name"],)), body
    schema = schema_of_body(operation, document)
    if schema is not None:
        example = _Example(document, ids, "x")
        for place in _places(schema, document, ids, ()):
            of = what_it_names(str(place[-1]), ids)
            assert of is not None
            yield IdPlace(of, "body", place), _with_place(deepcopy(body), schema, place, example)


def _places(
    schema: dict[str, Any], document: dict[str, Any], ids: Ids, above: Place
) -> Iterator[Place]:
    if len(above) > DEEPEST_PLACE:
        return
    for one in _inside(schema, document):
        for name, inner in one.get("properties", {}).items():
            if what_it_names(name, ids):
                yield (*above, name)
            else:
                yield from _places(inner, document, ids, (*above, name))
        if "items" in one:
            yield from _places(one["items"], document, ids, (*above, 0))


def _with_place(body: Any, schema: dict[str, Any], place: Place, example: _Example) -> Any:
    """The body, with what lies on the way to the place."""
    into = body
    for step in place[:-1]:
        (found,) = [
            one
            for one in _inside(schema, example.document)
            if "properties" in one or "items" in one
        ]
        schema = found["items"] if step == 0 else found["properties"][step]
        if step != 0 and step not in into:
            into[step] = example.of(schema, str(step))
        into = into[step]
    return body


def _inside(schema: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema, or those it is one of."""
    schema = resolved(schema, document)
    several = schema.get("anyOf") or schema.get("oneOf")
    return [resolved(one, document) for one in several] if several else [schema]
