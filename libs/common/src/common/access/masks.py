"""Fields that not everybody sees who sees the record: personal data, costs.

A field of a schema says with which right its value is seen:

    phone: Annotated[str | None, Seen("customer.contacts.see-personal-data")]

and `ServiceRoute` does the rest for every answer that has the field, at whatever depth. For who
lacks the right the value is null and the object around it names the field in `masked`. What would
tell the value in another way is refused: a filter or an order by the field, and a change of it, so
that nobody writes back the null they were shown. A use case whose `q` looks into such a field asks
`sees` first.

The right counts over the rows it reaches, as every right. Where it reaches fewer than the
operation, an object shows the field if it, or one around it, has the four values of a scoped record
and is among those rows. For who sees everything an answer is not even read.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, from_json, to_json

from common.access.rows import Rows
from common.auth import current_actor, current_rows
from common.errors import Forbidden

MASKED = "masked"
"""The member that names the fields of an object whose values are not shown."""
_COLUMNS = ("owner_id", "department_id", "partner_id", "region_id")
_RIGHT = "x-seen-with"
_QUOTE = '"'


class FieldMasked(Forbidden):
    """You do not see this field, so you neither change it nor filter or sort by it; `right` is the
    right that shows it."""

    code = "field_masked"


@dataclass(frozen=True, slots=True)
class Seen:
    """Metadata of a field: its value is seen with this right only. The field can be null."""

    right: str

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(core_schema), _RIGHT: self.right}


@dataclass(slots=True, eq=False)
class _Mask:
    """What is masked in an object of one schema, or in the values of a mapping."""

    own: dict[str, str] = field(default_factory=dict)
    """The right of each field that has one."""
    below: dict[str, list["_Mask"]] = field(default_factory=dict)
    every: list["_Mask"] = field(default_factory=list)
    """For a mapping, what is masked in each of its values."""


@dataclass(frozen=True, slots=True)
class Masks:
    """What is masked in values of one type; found once for each route."""

    roots: list[_Mask]
    fields: Mapping[str, frozenset[str]]
    """Every masked field, at whatever depth, and the rights it is seen with."""
    rights: frozenset[str]


def masks_of(annotation: Any) -> Masks | None:
    """What is masked in values of this type; None where nothing is."""
    roots = _masks_in(annotation, {})
    fields: dict[str, frozenset[str]] = {}
    for mask in _all(roots):
        for name, right in mask.own.items():
            fields[name] = fields.get(name, frozenset()) | {right}
    return Masks(roots, fields, frozenset().union(*fields.values())) if fields else None


def _all(roots: Iterable[_Mask]) -> Iterator[_Mask]:
    """These and those below, each once: a schema may hold itself."""
    found, waiting = set(), [*roots]
    while waiting:
        mask = waiting.pop()
        if id(mask) not in found:
            found.add(id(mask))
            yield mask
            waiting += [*mask.every, *chain.from_iterable(mask.below.values())]


def _masks_in(annotation: Any, known: dict[type, _Mask]) -> list[_Mask]:
    """The masks of the schemas that a value of this type can have."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [_mask_of_model(annotation, known)]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _masks_in(inner[0], known)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        every = _masks_in(inner[1], known)
        return [_Mask(every=every)] if every else []
    return [mask for each in inner for mask in _masks_in(each, known)]


def _mask_of_model(model: type[BaseModel], known: dict[type, _Mask]) -> _Mask:
    if model in known:
        return known[model]
    mask = known[model] = _Mask()
    for name, info in model.model_fields.items():
        written = info.serialization_alias or info.alias or name
        for seen in info.metadata:
            if isinstance(seen, Seen):
                mask.own[written] = seen.right
        if below := _masks_in(info.annotation, known):
            mask.below[written] = below
    return mask


def fields_in(routes: Iterable[Any]) -> dict[str, frozenset[str]]:
    """Every field that is masked in an answer of one of these routes, and its rights."""
    found: dict[str, frozenset[str]] = {}
    for route in routes:
        masks = masks_of(route.response_model) if isinstance(route, APIRoute) else None
        for name, rights in () if masks is None else masks.fields.items():
            found[name] = found.get(name, frozenset()) | rights
    return found


def sees(right: str) -> bool:
    """Whether the actor sees what is seen with this right in every row of the present request."""
    return _reach(right) is True


def _reach(right: str) -> Rows | bool:
    """In which rows the actor sees it: in all of the request, in some, in none."""
    actor = current_actor()
    if not actor.may(right):
        return False
    rows = actor.rows(right)
    return True if rows is None or _cover(rows, current_rows()) else rows


def _cover(rows: Rows, others: Rows | None) -> bool:
    return (
        others is not None
        and rows.wall == others.wall
        and others.owner_id in (None, rows.owner_id)
        and rows.department_ids >= others.department_ids
        and rows.region_ids >= others.region_ids
    )


def hides(masks: Masks | None) -> bool:
    """Whether something of it is not shown to the actor, at least in some rows."""
    return masks is not None and not all(sees(right) for right in masks.rights)


def as_seen(response: Response, masks: Masks | None) -> Response:
    """The answer as the actor may see it; an ETag that it has becomes another."""
    if masks is None or not hides(masks) or not _is_json(response):
        return response
    reaches = {right: _reach(right) for right in masks.rights}
    shown = from_json(bytes(response.body))
    _hide(masks.roots, shown, reaches, None)
    response.body = to_json(shown)
    response.headers["content-length"] = str(len(response.body))
    tag_as_masked(response)
    return response


def tag_as_masked(response: Response) -> None:
    """Have the ETag, where there is one, say that the answer is not the whole.

    Who has the whole would otherwise be told that nothing changed, and the other way round. In
    If-Match it is as good as the tag of the whole.
    """
    etag = response.headers.get("etag")
    if etag is not None:
        response.headers["etag"] = f'{etag.removesuffix(_QUOTE)}.{MASKED}"'


def _is_json(response: Response) -> bool:
    kind = response.headers.get("content-type", "")
    return kind.startswith("application/json") and hasattr(response, "body")


def _hide(
    masks: Iterable[_Mask], value: Any, reaches: Mapping[str, Rows | bool], around: Any
) -> None:
    """`around` is the nearest object that says whose it is."""
    if isinstance(value, list):
        for each in value:
            _hide(masks, each, reaches, around)
    if not isinstance(value, dict):
        return
    if all(name in value for name in _COLUMNS):
        around = value
    for mask in masks:
        # Also where it is null anyway: that nothing is known is known to who sees it.
        unseen = [
            name
            for name, right in mask.own.items()
            if name in value and not _is_seen(reaches[right], around)
        ]
        if unseen:
            value |= dict.fromkeys(unseen)
            value[MASKED] = sorted({*value.get(MASKED, ()), *unseen})
        for name, below in mask.below.items():
            _hide(below, value.get(name), reaches, around)
        for each in list(value.values()) if mask.every else ():
            _hide(mask.every, each, reaches, around)


def _is_seen(reach: Rows | bool, around: Any) -> bool:
    if isinstance(reach, bool):
        return reach
    return around is not None and reach.hold(
        {name: around[name] and UUID(around[name]) for name in _COLUMNS}
    )


def refuse_asking(request: Request, masks: Masks | None) -> None:
    """Refuse a filter or an order by a field that the actor does not see in every row.

    Raises FieldMasked.
    """
    if masks is None:
        return
    for parameter, value in request.query_params.multi_items():
        name = value.removeprefix("-") if parameter == "sort" else parameter.partition("[")[0]
        for right in masks.fields.get(name, ()):
            _refuse_unseen(name, right)


def refuse_writing(body: bytes, changed: Iterable[Masks]) -> None:
    """Refuse a change of a field that the actor does not see in every row; raises FieldMasked.

    `body` is a checked one, or no JSON at all, which the endpoint refuses.
    """
    try:
        sent = from_json(body)
    except ValueError:
        return
    for masks in changed:
        _refuse_in(masks.roots, sent)


def _refuse_in(masks: Iterable[_Mask], value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _refuse_in(masks, each)
    if not isinstance(value, dict):
        return
    for mask in masks:
        for name in mask.own.keys() & value.keys():
            _refuse_unseen(name, mask.own[name])
        for name, below in mask.below.items():
            _refuse_in(below, value.get(name))


def _refuse_unseen(name: str, right: str) -> None:
    if not sees(right):
        fault = {"pointer": f"/{name}", "code": FieldMasked.code, "message": "not shown to you"}
        raise FieldMasked(f"{name} is seen with the right {right}", right=right, errors=[fault])


class MaskingApi(FastAPI):
    """An application whose OpenAPI document tells which fields are masked, and how."""

    def openapi(self) -> dict[str, Any]:
        """The document; an object with masked fields may have `masked`."""
        document = super().openapi()
        for schema in document.get("components", {}).get("schemas", {}).values():
            properties = schema.get("properties", {})
            if MASKED not in properties and any(_RIGHT in each for each in properties.values()):
                properties[MASKED] = _MASKED_SCHEMA
        return document


_MASKED_SCHEMA = {
    "type": "array",
    "items": {"type": "string"},
    "readOnly": True,
    "description": "Fields that are null here because you lack the right in their `x-seen-with`;"
    " absent where you see them all",
}
