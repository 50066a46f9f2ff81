"""JSON bodies, read strictly and within bounds before any schema sees them.

What two readers could understand differently (a name twice, NaN, half a surrogate pair), what a
database cannot hold (NUL), and what costs more to read than to send (depth, sheer number) is
refused here, whatever the endpoint's schema would have made of it.
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from fastapi import Request

from common.errors import Invalid, UnsupportedMediaType
from common.strict_values import StrictBody

DEEPEST = 64
MOST_MEMBERS = 20_000
"""Members, elements, objects and arrays of one body, all levels together: a batch of 100 orders of
ten lines has a quarter of it."""
LONGEST_INTEGER = 30
"""Digits; no column of ours holds more, and a reader of ours may take it for a float."""

# A text that does not end takes the rest, so that every byte is looked at once.
_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_MERGE_PATCH = "application/merge-patch+json"


class NoJson(UnsupportedMediaType):
    """The body must be JSON, and its Content-Type must say so."""

    code = "no_json"


class BodyNotAllowed(Invalid):
    """The body is JSON that is refused whatever it means, such as NaN, a name twice, or NUL."""

    code = "body_not_allowed"


class BodyTooComplex(Invalid):
    """The JSON body is nested too deeply or has too many members."""

    code = "body_too_complex"


class JsonRequest(Request):
    """A request whose endpoint gets what was read and checked here, before anything is looked up."""

    _read: Any = None
    _no_json: json.JSONDecodeError | None = None

    async def json(self) -> Any:
        """What the endpoint takes; raises json.JSONDecodeError where the body is no JSON at all.

        FastAPI asks, and says where the fault is, as for every field that does not fit.
        """
        if self._no_json is not None:
            raise self._no_json
        return self._read

    async def check(self, endpoint: StrictBody) -> None:
        """Read the body as `endpoint` takes it.

        Raises NoJson, BodyNotAllowed, BodyTooComplex, and RequestValidationError where it does not
        fit its schema.
        """
        body = await self.body()
        if not body:
            return
        _refuse_other_types(self)
        try:
            read_strictly(body)
        except json.JSONDecodeError as error:
            self._no_json = error
        else:
            self._read = endpoint.read(body)


def read_strictly(body: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    Raises BodyNotAllowed, BodyTooComplex, and json.JSONDecodeError for what is no JSON.
    """
    _refuse_too_much(body)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BodyNotAllowed("the body is not UTF-8") from None
    try:
        value = _STRICT.decode(text)
    except RecursionError:
        raise BodyTooComplex(f"the body is nested more than {DEEPEST} levels deep") from None
    _look_through(value, escaped="\\u" in text)
    return value


def _refuse_other_types(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given == "application/json" or (given == _MERGE_PATCH and request.method == "PATCH"):
        return
    raise NoJson(f"the body must be application/json, not {given or 'of an unnamed type'}")


def _refuse_too_much(body: bytes) -> None:
    """Counted before it is read: a million small arrays take a fifth of a second to make."""
    if _members(body, 0, len(body)) > MOST_MEMBERS and _has_too_many(body):
        raise BodyTooComplex(f"the body has more than {MOST_MEMBERS} members")


def _has_too_many(body: bytes) -> bool:
    """Count what stands outside of texts, and no further than it has to be counted."""
    members = place = 0
    for count, text in enumerate(_TEXTS.finditer(body)):
        members += _members(body, place, text.start())
        # A member has a name and a value: what has more texts than that has more members.
        if max(members, count // 2) > MOST_MEMBERS:
            return True
        place = text.end()
    return members + _members(body, place, len(body)) > MOST_MEMBERS


def _members(body: bytes, start: int, end: int) -> int:
    return sum(body.count(sign, start, end) for sign in (b",", b"{", b"["))


def _look_through(value: Any, *, escaped: bool) -> None:
    """`escaped`: whether the text has escapes, the only way to a NUL or half a surrogate pair."""
    level, depth = [value], 0
    while level:
        containers: list[Iterable[Any]] = []
        for item in level:
            if isinstance(item, dict):
                containers.append(item.values())
                if escaped:
                    containers.append(item.keys())
            elif isinstance(item, list):
                containers.append(item)
            elif escaped and isinstance(item, str):
                _refuse_bad_text(item)
        depth += 1
        if containers and depth > DEEPEST:
            raise BodyTooComplex(f"the body is nested more than {DEEPEST} levels deep")
        level = [item for container in containers for item in container]


def _refuse_bad_text(text: str) -> None:
    if "\0" in text:
        raise BodyNotAllowed("a text has a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BodyNotAllowed("a text has half a surrogate pair") from None


def _without_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise BodyNotAllowed("an object has the same name twice")
    return read


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise BodyNotAllowed(f"a whole number has more than {LONGEST_INTEGER} digits")
    return int(digits)


def _number(digits: str) -> float:
    read = float(digits)
    if not math.isfinite(read):
        raise BodyNotAllowed("a number is too large")
    return read


def _no_number(name: str) -> Any:
    raise BodyNotAllowed(f"{name} is no JSON number")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_without_repeated_names,
    parse_int=_integer,
    parse_float=_number,
    parse_constant=_no_number,
)
