"""The base classes of what a service says (`Event`) and hears (`Consumed`)."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PrivateAttr

from common.messaging.envelope import Envelope

Id = Annotated[UUID, Field(examples=["01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f"])]
"""The id of a thing, opaque to everyone but its owner."""

Moment = Annotated[
    datetime,
    PlainSerializer(
        lambda value: value.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        return_type=str,
        when_used="json",
    ),
    Field(examples=["2026-03-02T09:30:00.000000Z"]),
]
"""A point in time, aware, in UTC; RFC 3339 with Z on the wire."""

Day = Annotated[date, Field(examples=["2026-03-02"])]
"""A civil date in the organisation's time zone."""


class Event(BaseModel):
    """A past fact with its values at that time.

    A subclass writes its wire name, `type = "sales.quote.accepted.v1"`, and a one-sentence
    docstring; every field has a type that carries an example. During a change of meaning the new
    class names the old wire name in `also_said_as`, so that readers of the old one pass it over.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ClassVar[str]
    also_said_as: ClassVar[str | None] = None


class ScopedEvent(Event):
    """An event about a thing that belongs to somebody; all four may be unknown."""

    owner_id: Id | None = None
    department_id: Id | None = None
    partner_id: Id | None = None
    region_id: Id | None = None


class Consumed(BaseModel):
    """The fields a consumer reads of an event; everything else in it is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: ClassVar[str]
    _envelope: Envelope = PrivateAttr()

    @property
    def envelope(self) -> Envelope:
        """The attributes the event came with: id, subject, time, version."""
        return self._envelope

    @property
    def subject(self) -> UUID:
        """The id of the aggregate the event is about."""
        return self._envelope.subject

    @classmethod
    def of(cls, envelope: Envelope) -> "Consumed":
        """Read the event; raises pydantic.ValidationError when a declared field does not fit."""
        event = cls.model_validate(envelope.data)
        event._envelope = envelope
        return event


class AnyEvent(Consumed):
    """For the consumer that keeps everything: any event, its data as it came."""

    type = "*"
    model_config = ConfigDict(extra="allow", frozen=True)

    @classmethod
    def of(cls, envelope: Envelope) -> "AnyEvent":
        """Wrap the event without looking into it."""
        event = cls.model_construct()
        event._envelope = envelope
        return event


def example_of(event_class: type[Event]) -> dict[str, Any]:
    """An example of the event's data, built from the examples of its fields and validated.

    Raises ValueError when a required field has no example.
    """
    return _example_of_model(event_class)


def _example_of_model(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="serialization")
    value = _example(schema, schema.get("$defs", {}), model.__name__)
    return model.model_validate(value).model_dump(mode="json")


def _example(schema: dict[str, Any], definitions: dict[str, Any], where: str) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        return _example(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions, where)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in schema.get("anyOf", []):
        if choice.get("type") != "null":
            return _example(choice, definitions, where)
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {
                name: _example(field, definitions, f"{where}.{name}")
                for name, field in schema["properties"].items()
            }
        case "object":
            return {}
        case "array":
            return [_example(schema.get("items", {}), definitions, f"{where}[]")]
        case "integer":
            return max(1, schema.get("minimum", 1))
        case "number":
            return 1.0
        case "boolean":
            return True
        case "string" if schema.get("format") == "date":
            return "2026-03-02"
        case "string" if schema.get("format") == "date-time":
            return "2026-03-02T09:30:00.000000Z"
        case "string" if schema.get("format") == "uuid":
            return "01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f"
    raise ValueError(f"{where} needs Field(examples=[...])")
