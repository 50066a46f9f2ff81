"""Merge patches: what is absent stays, and the schema says what can be null."""

import pytest
from pydantic import Field, ValidationError

from common.patches import MergePatch


class _Patch(MergePatch):
    stays = frozenset({"name", "size"})

    name: str | None = Field(None, min_length=1)
    size: int | str | None = None
    note: str | None = None


def test_what_was_sent_is_the_change():
    assert _Patch.model_validate({"note": None}).changes() == {"note": None}
    assert _Patch.model_validate({"name": "north"}).changes() == {"name": "north"}


@pytest.mark.parametrize("name", ["name", "size"])
def test_a_required_field_cannot_be_cleared(name: str):
    with pytest.raises(ValidationError, match=f"{name} cannot be cleared"):
        _Patch.model_validate({name: None})


def test_an_unknown_field_is_refused():
    with pytest.raises(ValidationError, match="forbidden"):
        _Patch.model_validate({"owner": "me"})


def test_the_schema_has_no_defaults_and_no_null_for_what_stays():
    fields = _Patch.model_json_schema()["properties"]

    assert fields["name"] == {"minLength": 1, "title": "Name", "type": "string"}
    assert fields["size"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert fields["note"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert all("default" not in field for field in fields.values())
