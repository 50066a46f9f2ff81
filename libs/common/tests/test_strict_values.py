"""A body is what its schema says, whatever its fields are called and however it is made up."""

from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from common.strict_values import StrictBody

pytestmark = pytest.mark.capability("N10")


class NamedAsPartsOfSchemas(BaseModel):
    """Its fields are called as the parts of a core schema are."""

    type: str
    fields: int = 1
    schema_: Annotated[bool, Field(alias="schema")] = True
    metadata: list[int] = []
    default: dict[str, int] = {"type": 1}
    ref: UUID | None = None


class Visit(BaseModel):
    kind: Literal["visit"]
    minutes: int


class Call(BaseModel):
    kind: Literal["call"]
    type: str


def body_of(wanted: Any) -> StrictBody:
    return StrictBody(FieldInfo(annotation=wanted))


def faults(wanted: Any, body: bytes) -> list[tuple[str | int, ...]]:
    with pytest.raises(RequestValidationError) as refused:
        body_of(wanted).read(body)
    return [fault["loc"] for fault in refused.value.errors()]


def test_a_field_may_be_called_as_a_part_of_a_schema_is():
    read = body_of(NamedAsPartsOfSchemas).read(b'{"type": "x", "schema": false, "metadata": [1]}')

    assert (read.type, read.schema_, read.metadata, read.default) == ("x", False, [1], {"type": 1})


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"type": 5}', "type"),
        (b'{"type": "x", "fields": "1"}', "fields"),
        (b'{"type": "x", "schema": "yes"}', "schema"),
        (b'{"type": "x", "metadata": ["1"]}', "metadata"),
        (b'{"type": "x", "default": {"a": "1"}}', "default"),
        (b'{"type": "x", "ref": "01936f5e8a2b7c3d9e4f5a6b7c8d9e0f"}', "ref"),
    ],
)
def test_and_is_read_as_strictly_as_any_other(body, where):
    assert {found[1] for found in faults(NamedAsPartsOfSchemas, body)} == {where}


def test_each_shape_that_a_body_may_have_is_read_strictly():
    either = Annotated[Visit | Call, Field(discriminator="kind")]

    assert body_of(either).read(b'{"kind": "visit", "minutes": 5}') == Visit(
        kind="visit", minutes=5
    )
    assert faults(either, b'{"kind": "visit", "minutes": "5"}') == [("body", "visit", "minutes")]
    assert faults(either, b'{"kind": "call", "type": 5}') == [("body", "call", "type")]
