"""Reads JSON Schema as a flat list of fields, which is how two versions of it are compared.

It understands what pydantic writes: references inside the document, anyOf for unions, allOf for a
reference with a description, const and enum, arrays and dictionaries.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

DEEPEST = 24
"""How deep fields are looked at; nothing a person wrote is nested deeper."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one field may hold."""

    types: frozenset[str]
    """JSON types, a string with its format: `string:date-time`; `any` when nothing is said."""
    required: bool
    values: frozenset[str] | None
    """The values of an enum, or None when any value of the type will do."""
    description: str = ""
    example: str = ""
    deprecated: bool = False


class Document:
    """A JSON document whose parts refer to each other."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    def resolve(self, node: Any) -> Any:
        """Follow references until there is none; keys beside a reference win over its target.

        Raises KeyError when a reference leads nowhere, or out of the document.
        """
        while isinstance(node, Mapping) and "$ref" in node:
            pointer = node["$ref"]
            if not pointer.startswith("#"):
                raise KeyError(f"{pointer} is outside of the document")
            target: Any = self.content
            for part in pointer.removeprefix("#").strip("/").split("/"):
                key = part.replace("~1", "/").replace("~0", "~")
                target = target[int(key)] if isinstance(target, list) else target[key]
            beside = {key: value for key, value in node.items() if key != "$ref"}
            node = {**target, **beside} if beside and isinstance(target, Mapping) else target
        return node

    def fields(self, schema: Schema) -> dict[str, Field]:
        """Every field of the schema by its path: `lines[].sku`; the schema itself is the path ""."""
        found: dict[str, Field] = {}
        # pydantic puts the parts of a schema beside it and refers to them as if it were alone.
        parts = {**self.content.get("$defs", {}), **schema.get("$defs", {})}
        Document({**self.content, "$defs": parts})._walk(schema, "", True, found, ())
        return found

    def _walk(
        self,
        schema: Schema,
        path: str,
        required: bool,
        found: dict[str, Field],
        above: tuple[int, ...],
    ) -> None:
        shapes = list(self._shapes(schema))
        types: set[str] = set()
        values: set[str] | None = set()
        for shape in shapes:
            types |= set(_types(shape))
            if "const" in shape:
                named: list[Any] | None = [shape["const"]]
            else:
                named = shape.get("enum")
            if named is None and shape.get("type") != "null":
                values = None
            elif named is not None and values is not None:
                values |= {str(value) for value in named}
        outer = self.resolve(schema)
        found[path] = Field(
            frozenset(types),
            required,
            frozenset(values) if values else None,
            outer.get("description") or "",
            next((str(e) for shape in (outer, *shapes) for e in shape.get("examples", ())), ""),
            bool(outer.get("deprecated")),
        )

        objects = [shape for shape in shapes if shape.get("properties")]
        for name in dict.fromkeys(name for shape in objects for name in shape["properties"]):
            holders = [shape for shape in objects if name in shape["properties"]]
            part = holders[0]["properties"][name]
            if len(holders) > 1:
                part = {"anyOf": [shape["properties"][name] for shape in holders]}
            everywhere = all(name in shape.get("required", ()) for shape in objects)
            self._deeper(part, f"{path}.{name}".lstrip("."), everywhere, found, above)
        for shape in shapes:
            if isinstance(shape.get("items"), Mapping):
                self._deeper(shape["items"], f"{path}[]", True, found, above)
            if isinstance(shape.get("additionalProperties"), Mapping):
                self._deeper(shape["additionalProperties"], f"{path}{{}}", True, found, above)

    def _deeper(
        self,
        schema: Schema,
        path: str,
        required: bool,
        found: dict[str, Field],
        above: tuple[int, ...],
    ) -> None:
        # A schema may contain itself (a tree of departments): once is enough to compare it.
        target = schema
        while "$ref" in target and len(target) == 1:
            target = self.resolve({"$ref": target["$ref"]})
        if id(target) not in above and len(above) < DEEPEST:
            self._walk(schema, path, required, found, (*above, id(target)))

    def _shapes(self, schema: Any) -> Iterator[Mapping[str, Any]]:
        """The alternatives of a schema, each without references, anyOf and allOf."""
        if schema is True or not schema:
            yield {}
            return
        node = dict(self.resolve(schema))
        for part in node.pop("allOf", ()):
            for merged in self._shapes(part):
                node = {**merged, **node}
        choices = [*node.pop("anyOf", ()), *node.pop("oneOf", ())]
        if not choices:
            yield node
            return
        for choice in choices:
            for shape in self._shapes(choice):
                yield {**_structure(node), **shape}


def _structure(node: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside anyOf and belongs to every alternative."""
    return {key: node[key] for key in ("properties", "required", "items") if key in node}


def _types(shape: Mapping[str, Any]) -> Iterator[str]:
    named = shape.get("type")
    if named is None:
        if "const" in shape or "enum" in shape:
            for value in shape.get("enum", [shape.get("const")]):
                yield _json_type(value)
        elif "properties" in shape:
            yield "object"
        else:
            yield "any"
        return
    for name in [named] if isinstance(named, str) else named:
        yield f"{name}:{shape['format']}" if name == "string" and "format" in shape else name


def _json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
