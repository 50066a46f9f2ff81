"""CloudEvents 1.0, structured mode: the same bytes lie in log, broker, parking lot and feed.

Attributes hold opaque ids only: anyone may log them.
"""

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from common.errors import Invalid

if TYPE_CHECKING:
    from common.events import Event

CONTENT_TYPE = "application/cloudevents+json"
LARGEST_EVENT_BYTES = 64 * 1024
"""CloudEvents: intermediaries must forward this much; what is larger fails the write."""
LARGEST_ACCEPTED_BYTES = 4 * LARGEST_EVENT_BYTES
"""A foreign publisher's message above this is not even parsed."""

WireType = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+\.[a-z_]+\.v[1-9][0-9]*$")]


class EventTooLarge(Invalid, ValueError):
    """What is to be told does not fit into an event: carry a reference instead of the content."""

    code = "event_too_large"


class Undecodable(Exception):
    """The message is not an event of ours; the text says why, without its content."""


class Envelope(BaseModel):
    """An event as it travels: the CloudEvents attributes, our extensions, and `data`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"]
    id: UUID
    source: str = Field(pattern=r"^/fairway/[a-z-]+$")
    type: WireType
    subject: UUID
    time: AwareDatetime
    data: dict[str, Any]
    aggregatetype: str
    aggregateversion: int = Field(ge=1, lt=2**31, strict=True)
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    actorid: str | None = None
    channelid: str | None = None
    regionid: str | None = None
    alsosaidas: str | None = None

    @property
    def aggregate(self) -> tuple[str, UUID]:
        """What the event is about: aggregate type and id."""
        return self.aggregatetype, self.subject


def aggregate_type_of(wire_type: str) -> str:
    """`sales.quote` of `sales.quote.accepted.v1`."""
    service, aggregate, _ = wire_type.split(".", 2)
    return f"{service}.{aggregate}"


def encode(
    event: "Event",
    *,
    event_id: UUID,
    source: str,
    subject: UUID,
    version: int,
    time: datetime,
    correlation_id: str | None,
    causation_id: str | None,
    traceparent: str | None,
    actor_id: str | None,
) -> bytes:
    """The bytes that travel.

    Raises EventTooLarge above 64 KiB: the write that caused it must fail, not the relay that would
    have to carry it.
    """
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event.type,
        "subject": subject,
        "time": time.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"urn:fairway:event:{event.type}",
        "partitionkey": str(subject),
        "aggregatetype": aggregate_type_of(event.type),
        "aggregateversion": version,
        "correlationid": correlation_id or str(event_id),
    }
    optional = {
        "causationid": causation_id,
        "traceparent": traceparent,
        "actorid": actor_id,
        "channelid": getattr(event, "partner_id", None),
        "regionid": getattr(event, "region_id", None),
        "alsosaidas": event.also_said_as,
    }
    attributes.update((name, value) for name, value in optional.items() if value is not None)
    head = to_json(attributes)[:-1]
    body = head + b',"data":' + event.model_dump_json().encode() + b"}"
    if len(body) > LARGEST_EVENT_BYTES:
        raise EventTooLarge(
            f"{event.type} would have {len(body)} bytes; an event has at most {LARGEST_EVENT_BYTES}"
        )
    return body


def decode(body: bytes, content_type: str | None = CONTENT_TYPE) -> Envelope:
    """Read what came; raises Undecodable for everything that is not an event of ours."""
    if content_type != CONTENT_TYPE:
        raise Undecodable(f"content type is {content_type!r}, not {CONTENT_TYPE}")
    if len(body) > LARGEST_ACCEPTED_BYTES:
        raise Undecodable(f"{len(body)} bytes; at most {LARGEST_ACCEPTED_BYTES} are accepted")
    return _read(body)


# In the suite six consumers get the same bytes at about the same time.
@lru_cache(maxsize=1024)
def _read(body: bytes) -> Envelope:
    try:
        envelope = Envelope.model_validate(from_json(body, allow_inf_nan=False))
    except ValidationError as error:
        faults = ", ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in error.errors()
        )
        raise Undecodable(f"not an event envelope ({faults})") from None
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"not JSON ({str(error)[:120]})") from None
    if envelope.aggregatetype != aggregate_type_of(envelope.type):
        raise Undecodable(f"aggregatetype does not belong to type {envelope.type}")
    return envelope
