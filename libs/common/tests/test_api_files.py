import json
import re
from types import ModuleType
from typing import Annotated

import jsonschema
import pytest
from pydantic import BaseModel, Field

from common.api_files import as_text, asyncapi_of, events_said_by, openapi_of
from common.events import Event, Id, ScopedEvent
from common.messaging.consumers import Consumers
from tools import asyncapi as tools_asyncapi

from .shop import events
from .shop.__main__ import ENTRY
from .shop.consumers import CONSUMERS
from .shop.events import BasketEmptied, BasketFilled
from .shop.main import create

SHOP = Consumers("shop", CONSUMERS)


def a_module(*classes, **others):
    module = ModuleType("events")
    for value in classes:
        setattr(module, value.__name__, value)
    vars(module).update(others)
    return module


def resolved(document, reference):
    """What a reference names, read from the root of the document as the standard says."""
    target = document
    for part in reference.removeprefix("#/").split("/"):
        target = target[part.replace("~1", "/").replace("~0", "~")]
    return target


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def test_every_reference_is_read_from_the_root_of_the_document():
    document = asyncapi_of("shop", events, SHOP)

    found = list(references(document))
    assert "#/components/schemas/BasketFilled_Item" in found
    for reference in found:
        assert resolved(document, reference)
    assert "$defs" not in as_text(document)


def test_the_names_of_parts_are_the_events_own_even_where_two_events_have_a_part_of_one_name():
    class Line(BaseModel):
        count: int

    class Other(Event):
        """Another event with items."""

        type = "shop.order.placed.v1"

        items: list[Line]

    first = Other
    item = Line
    del Line

    class Line(BaseModel):
        text: Annotated[str, Field(examples=["x"])]
        inner: item

    class Third(Event):
        """A third one, whose items are something else."""

        type = "shop.order.paid.v1"

        items: list[Line]

    document = asyncapi_of("shop", a_module(first, Third), SHOP)

    schemas = document["components"]["schemas"]
    assert {name.split("_")[0] for name in schemas} == {"Other", "Third"}
    for reference in references(document):
        assert resolved(document, reference)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in schemas)


def test_an_example_fits_the_schema_beside_it():
    document = asyncapi_of("shop", events, SHOP)

    for message in document["components"]["messages"].values():
        schema = {**message["payload"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(message["examples"][0]["payload"])


def test_the_tools_read_the_fields_through_the_references():
    document = asyncapi_of("shop", events, SHOP)

    api = tools_asyncapi.parse(json.loads(as_text(document)))

    assert set(api.said) == {"shop.basket.emptied.v1", "shop.basket.filled.v1"}
    fields = api.said["shop.basket.filled.v1"].fields
    assert fields["items[].sku"].example == "A-1"
    assert fields["items[].price"].types
    assert set(api.heard) == {"shop.basket.filled.v1"}


def test_what_is_said_and_heard_stands_in_operations():
    document = asyncapi_of("shop", events, SHOP)

    assert document["operations"]["say.shop.basket.filled.v1"]["action"] == "send"
    assert document["operations"]["hear.shop.basket.filled.v1"]["action"] == "receive"
    channel = document["channels"]["shop.basket.filled.v1"]
    assert channel["bindings"]["amqp"]["exchange"]["name"] == "shop.events"
    message = document["components"]["messages"]["shop.basket.filled.v1"]
    assert message["summary"] == "A basket was filled."


def test_the_file_is_the_same_every_time_and_in_every_order():
    ordered = asyncapi_of("shop", a_module(BasketFilled, BasketEmptied), SHOP)
    reversed_ = asyncapi_of("shop", a_module(BasketEmptied, BasketFilled), SHOP)

    assert as_text(ordered) == as_text(reversed_) == as_text(asyncapi_of("shop", events, SHOP))
    assert as_text({"b": "远", "a": 1}) == '{\n  "a": 1,\n  "b": "远"\n}\n'


def test_events_are_the_classes_with_a_wire_name_of_their_own():
    class Base(ScopedEvent):
        """What some events share."""

        basket_id: Id

    class Weighed(Base):
        """A basket was weighed."""

        type = "shop.basket.weighed.v1"

    found = events_said_by(a_module(Base, Weighed, Event, ScopedEvent, Id=Id, text="x"))

    assert found == [Weighed]


def test_an_event_without_a_sentence_is_refused():
    class Silent(Event):
        type = "shop.basket.hidden.v1"

    Silent.__doc__ = None

    with pytest.raises(ValueError, match="Silent needs"):
        asyncapi_of("shop", a_module(Silent), SHOP)


def test_the_http_promise_names_problems_and_no_release():
    app = create(ENTRY.settings(DATABASE_URL="postgresql://nobody@localhost/none"), None)

    document = openapi_of(app)

    assert document["info"]["version"] == "1"
    refused = document["paths"]["/shop/v1/baskets"]["post"]["responses"]["4XX"]
    named = refused["content"]["application/problem+json"]["schema"]["$ref"].rpartition("/")[2]
    problem = document["components"]["schemas"][named]
    assert problem["required"] == ["type", "title", "status", "code"]
