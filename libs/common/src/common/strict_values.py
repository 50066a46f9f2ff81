"""What comes from outside is what its schema says, and nothing that could pass for it.

Pydantic reads "5" as a moment (five seconds after 1970), 5 as a text where it is lax, "yes" as
true, and a number as a day. Each is somebody's mistake, and stored it is a wrong fact. A moment is
RFC 3339 with its offset, a day is ISO 8601, a number is no text, and a text is no number.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Path, Query
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, SchemaValidator
from starlette.datastructures import QueryParams

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TRUTH = re.compile(r"true|false")

_TEXT_OF: dict[str, tuple[re.Pattern[str], str]] = {
    "datetime": (_MOMENT, "a moment with its offset (RFC 3339), as 2026-03-02T09:30:00Z"),
    "date": (_DAY, "a day, as 2026-03-02"),
    "time": (_TIME, "a time of day, as 09:30:00"),
    "decimal": (_DECIMAL, "a decimal number, as 12.50"),
    "uuid": (_UUID, "an id, as 01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f"),
}
"""How a value of each kind is written, in a body as in an address."""
_PARAMETER_OF = {
    **_TEXT_OF,
    "int": (_WHOLE, "a whole number"),
    "bool": (_TRUTH, "true or false"),
}
"""As above; in an address these two are texts as well."""
_AS_IN_JSON = {"bool", "bytes", "float", "int", "str"}
"""Kinds that JSON has itself."""
_HOLD_SCHEMAS = {
    "arguments_schema",
    "choices",
    "definitions",
    "extras_keys_schema",
    "extras_schema",
    "fields",
    "items_schema",
    "json_schema",
    "keys_schema",
    "lax_schema",
    "python_schema",
    "schema",
    "steps",
    "strict_schema",
    "values_schema",
}
"""Parts of a core schema that are schemas, a list of some, or some by name; others are facts."""
_BY_NAME = {"choices", "fields"}
"""Of these, what may be a dict of schemas by a name that is anybody's: a field can be `type`."""


class StrictBody:
    """Reads a JSON body into what an endpoint takes."""

    def __init__(self, field: FieldInfo) -> None:
        wanted: Any = field.annotation
        for constraint in field.metadata:
            wanted = Annotated[wanted, constraint]
        adapter = TypeAdapter(wanted)
        # The validators that models have already are the lax ones.
        self._validator = SchemaValidator(_strict(adapter.core_schema), _use_prebuilt=False)

    def read(self, body: bytes) -> Any:
        """The value; raises RequestValidationError that names each fault."""
        try:
            return self._validator.validate_json(body)
        except ValidationError as error:
            raise RequestValidationError(
                [
                    {**fault, "loc": ("body", *fault["loc"])}
                    for fault in error.errors(include_url=False)
                ]
            ) from None


class StrictParameters:
    """Looks at the parameters of an address before anybody reads them as something else."""

    def __init__(self, dependant: Dependant) -> None:
        self._query: list[tuple[str, re.Pattern[str], str]] = []
        self._path: list[tuple[str, re.Pattern[str], str]] = []
        for field in get_flat_params(dependant):
            wanted: Any = field.field_info.annotation
            kinds = set(_kinds(TypeAdapter(wanted).core_schema))
            if len(kinds) != 1 or not kinds <= _PARAMETER_OF.keys():
                continue
            written = field.alias, *_PARAMETER_OF[kinds.pop()]
            if isinstance(field.field_info, Query):
                self._query.append(written)
            elif isinstance(field.field_info, Path):
                self._path.append(written)

    def check(self, path: dict[str, Any], query: QueryParams) -> None:
        """Raises RequestValidationError that names the parameters which are not so written."""
        faults = [
            _fault("path", name, meant, path[name])
            for name, pattern, meant in self._path
            if not pattern.fullmatch(path[name])
        ]
        if query:
            faults += [
                _fault("query", name, meant, value)
                for name, pattern, meant in self._query
                for value in query.getlist(name)
                if not pattern.fullmatch(value)
            ]
        if faults:
            raise RequestValidationError(faults)


def _fault(where: str, name: str, meant: str, value: str) -> dict[str, Any]:
    return {
        "type": "not_so_written",
        "loc": (where, name),
        "msg": f"Input should be {meant}",
        "input": value,
    }


def _kinds(schema: Any) -> Iterator[str]:
    """The kinds of values that a core schema ends in; None and what holds others are not told."""
    if isinstance(schema, list | tuple):
        for one in schema:
            yield from _kinds(one)
        return
    if not isinstance(schema, dict):
        return
    inner = [
        schema[name]
        for name in ("schema", "items_schema", "choices", "json_schema", "python_schema")
        if name in schema
    ]
    if inner:
        for one in inner:
            yield from _kinds(one)
    elif schema.get("type") != "none":
        yield str(schema.get("type"))


def _strict(schema: Any) -> Any:
    """The core schema, where each value has to be written as its kind is."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if isinstance(schema, tuple):
        return tuple(_strict(one) for one in schema)
    if not isinstance(schema, dict):
        return schema
    inside = {name: _strict_part(name, value) for name, value in schema.items()}
    kind = schema.get("type")
    if kind in _AS_IN_JSON:
        return {**inside, "strict": True}
    if kind not in _TEXT_OF:
        return inside
    pattern, meant = _TEXT_OF[kind]
    others = (int, float) if kind == "decimal" else ()

    def look(value: Any) -> Any:
        if isinstance(value, str):
            if pattern.fullmatch(value):
                return value
        elif isinstance(value, others) and not isinstance(value, bool):
            return value
        raise PydanticCustomError("not_so_written", "Input should be {meant}", {"meant": meant})

    return {
        "type": "function-before",
        "function": {"type": "no-info", "function": look},
        "schema": inside,
    }


def _strict_part(name: str, value: Any) -> Any:
    if name not in _HOLD_SCHEMAS:
        return value
    if name in _BY_NAME and isinstance(value, dict):
        return {key: _strict(one) for key, one in value.items()}
    return _strict(value)
