"""Reads a service's checked-in asyncapi.json: which events it says, and which it hears."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.schema import Document, Field

EVERYTHING = "*"
"""The wire name in the table of a consumer that keeps every event."""


@dataclass(frozen=True, slots=True)
class SaidEvent:
    """An event a service declares."""

    wire_name: str
    description: str
    fields: Mapping[str, Field]
    """The fields of its data by path, without the envelope around it."""


@dataclass(frozen=True, slots=True)
class EventApi:
    """What a service says and hears."""

    said: Mapping[str, SaidEvent]
    heard: Mapping[str, str]
    """Wire names it hears, with what it does with each, or an empty text."""


def read(path: Path) -> EventApi:
    """Read the document; a service without one says and hears nothing."""
    if not path.exists():
        return EventApi({}, {})
    return parse(json.loads(path.read_text(encoding="utf-8")))


def parse(content: Mapping[str, Any]) -> EventApi:
    """What a document of AsyncAPI 3 says.

    Its operations with the action `send` are events the service says, those with `receive` are
    events it hears. The name of a message is the wire name.
    """
    document = Document(content)
    said: dict[str, SaidEvent] = {}
    heard: dict[str, str] = {}
    for operation in content.get("operations", {}).values():
        for wire_name, message in _messages(document, operation):
            if operation.get("action") == "receive":
                heard[wire_name] = operation.get("summary") or operation.get("title") or ""
                continue
            said[wire_name] = SaidEvent(
                wire_name,
                _first_sentence(message),
                document.fields(_data_schema(document, message.get("payload", {}))),
            )
    return EventApi(dict(sorted(said.items())), dict(sorted(heard.items())))


def _messages(
    document: Document, operation: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    channel = document.resolve(operation.get("channel", {}))
    references = operation.get("messages") or list(channel.get("messages", {}).values())
    if not references:  # what others say is named, and not described again
        yield channel["address"], {}
    for reference in references:
        message = document.resolve(reference)
        yield message.get("name") or channel["address"], message


def _data_schema(document: Document, payload: Any) -> Mapping[str, Any]:
    """The schema of the event itself, taken out of its CloudEvents envelope where it has one."""
    schema: Mapping[str, Any] = document.resolve(payload)
    if "schemaFormat" in schema and "schema" in schema:
        schema = document.resolve(schema["schema"])
    properties: dict[str, Any] = {}
    for part in [schema, *(document.resolve(part) for part in schema.get("allOf", ()))]:
        properties.update(part.get("properties", {}))
    if "specversion" in properties and "data" in properties:
        data: Mapping[str, Any] = properties["data"]
        return data
    return schema


def _first_sentence(message: Mapping[str, Any]) -> str:
    text = message.get("summary") or message.get("description") or message.get("title") or ""
    return " ".join(text.split("\n\n")[0].split())
