"""The two files that promise to others what a service does: `api/openapi.json`, `api/asyncapi.json`.

Both are generated, checked in and compared; neither is written by hand.
"""

import json
from types import ModuleType
from typing import Any

from fastapi import FastAPI

from common.events import Event, ScopedEvent, example_of
from common.messaging.consumers import Consumers
from common.messaging.topology import exchange_of


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The HTTP promise; the version is left out, so that a release alone changes nothing."""
    document = app.openapi()
    document["info"] = {**document["info"], "version": "1"}
    return document


def events_said_by(module: ModuleType) -> list[type[Event]]:
    """The event classes of a service's `events.py`, by wire name."""
    found = {
        value.type: value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Event)
        and value not in (Event, ScopedEvent)
        and "type" in vars(value)
    }
    return [found[name] for name in sorted(found)]


def asyncapi_of(service: str, events: ModuleType, consumers: Consumers) -> dict[str, Any]:
    """The event promise, AsyncAPI 3: what the service says, with schemas and examples, and hears.

    Raises ValueError when an event has no docstring or a field no example.
    """
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for event_class in events_said_by(events):
        if not (event_class.__doc__ or "").strip():
            raise ValueError(f"{event_class.__name__} needs a one-sentence docstring")
        name = event_class.type
        schema = event_class.model_json_schema(
            mode="serialization",
            ref_template=f"#/components/schemas/{event_class.__name__}_{{model}}",
        )
        schema.pop("description", None)
        # A reference is read from the root of the document, so what it names has to stand there.
        for part, definition in schema.pop("$defs", {}).items():
            schemas[f"{event_class.__name__}_{part}"] = definition
        channels[name] = {
            "address": name,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": exchange_of(service)}}},
        }
        operations[f"say.{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name.replace('/', '~1')}"},
        }
        messages[name] = {
            "name": name,
            "title": event_class.__name__,
            "summary": " ".join((event_class.__doc__ or "").split()),
            "contentType": "application/cloudevents+json",
            "payload": schema,
            "examples": [{"name": "example", "payload": example_of(event_class)}],
        }
    for name in consumers.types:
        channels.setdefault(name, {"address": name, "messages": {}})
        operations[f"hear.{name}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{name}"},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"fairway-{service.replace('_', '-')}", "version": "1"},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, **({"schemas": schemas} if schemas else {})},
    }


def as_text(document: dict[str, Any]) -> str:
    """The file's content: sorted, indented, the same everywhere."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
