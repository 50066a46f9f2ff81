"""What travels: CloudEvents 1.0 that others can read, and a decoder that lets nothing else in."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from common.events import Event, Id
from common.ids import new_id
from common.messaging.envelope import (
    CONTENT_TYPE,
    LARGEST_ACCEPTED_BYTES,
    LARGEST_EVENT_BYTES,
    EventTooLarge,
    Undecodable,
    aggregate_type_of,
    decode,
    encode,
)

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Noted(Event):
    """Something was noted."""

    type = "service_desk.ticket.noted.v12"

    note: Annotated[str, Field(examples=["x"])] = ""
    more: dict[str, Any] = {}
    partner_id: Id | None = None
    region_id: Id | None = None


class NotedAnew(Noted):
    """Something was noted, in the new meaning."""

    type = "service_desk.ticket.noted.v13"
    also_said_as = "service_desk.ticket.noted.v12"


def encoded(event=None, **values):
    defaults = {
        "event_id": new_id(),
        "source": "/fairway/service-desk",
        "subject": new_id(),
        "version": 1,
        "time": datetime(2026, 3, 2, 9, 30, 0, 7, tzinfo=UTC),
        "correlation_id": None,
        "causation_id": None,
        "traceparent": None,
        "actor_id": None,
    }
    return encode(event or Noted(), **defaults | values)


# ---------------------------------------------------------------- others can read what we write


def read_by_the_sdk(body):
    """The CloudEvents SDK raises for what breaks the specification."""
    return JSONFormat().read(CloudEvent, body)


def test_an_event_with_every_attribute_conforms_to_the_specification():
    partner, region, event_id, subject = new_id(), new_id(), new_id(), new_id()
    body = encoded(
        NotedAnew(note="远航", partner_id=partner, region_id=region),
        event_id=event_id,
        subject=subject,
        version=7,
        correlation_id="c-1",
        causation_id=str(new_id()),
        traceparent=TRACEPARENT,
        actor_id="somebody",
    )

    event = read_by_the_sdk(body)

    assert event.get_specversion() == "1.0"
    assert event.get_id() == str(event_id)
    assert event.get_source() == "/fairway/service-desk"
    assert event.get_type() == "service_desk.ticket.noted.v13"
    assert event.get_subject() == event.get_extension("partitionkey") == str(subject)
    assert event.get_datacontenttype() == "application/json"
    assert event.get_dataschema() == "urn:fairway:event:service_desk.ticket.noted.v13"
    assert event.get_time() == datetime(2026, 3, 2, 9, 30, 0, 7, tzinfo=UTC)
    assert event.get_data()["note"] == "远航"
    assert event.get_extension("aggregatetype") == "service_desk.ticket"
    assert event.get_extension("aggregateversion") == 7
    assert event.get_extension("correlationid") == "c-1"
    assert event.get_extension("traceparent") == TRACEPARENT
    assert event.get_extension("actorid") == "somebody"
    assert event.get_extension("channelid") == str(partner)
    assert event.get_extension("regionid") == str(region)
    assert event.get_extension("alsosaidas") == "service_desk.ticket.noted.v12"


def test_attributes_have_names_and_values_that_every_intermediary_forwards():
    body = encoded(
        NotedAnew(partner_id=new_id(), region_id=new_id()),
        correlation_id="c",
        causation_id="e",
        traceparent=TRACEPARENT,
        actor_id="a",
    )

    attributes = json.loads(body)
    del attributes["data"]
    for name, value in attributes.items():
        assert re.fullmatch(r"[a-z0-9]{1,20}", name)
        assert isinstance(value, (str, int))
        if isinstance(value, int):
            assert -(2**31) <= value < 2**31


def test_what_is_not_known_is_left_out_and_not_null():
    assert None not in json.loads(encoded()).values()
    assert "causationid" not in json.loads(encoded())


@given(
    note=st.text(max_size=200),
    more=st.dictionaries(st.text(max_size=10), st.integers() | st.text(max_size=10) | st.none()),
    version=st.integers(1, 2**31 - 1),
)
def test_what_is_written_is_read_back_by_us_and_by_the_sdk(note, more, version):
    body = encoded(Noted(note=note, more=more), version=version)

    ours, theirs = decode(body), read_by_the_sdk(body)

    assert ours.data == theirs.get_data() == Noted(note=note, more=more).model_dump(mode="json")
    assert ours.aggregateversion == version
    assert str(ours.id) == theirs.get_id()


def test_what_the_sdk_writes_is_read_by_us():
    attributes = json.loads(encoded())
    data = attributes.pop("data")
    attributes["time"] = datetime.fromisoformat(attributes["time"])

    body = JSONFormat().write(CloudEvent(attributes, data))

    assert decode(body).data == data


def test_an_event_has_at_most_64_kib_in_bytes_not_in_characters():
    room = LARGEST_EVENT_BYTES - len(encoded())

    assert len(encoded(Noted(note="x" * room))) == LARGEST_EVENT_BYTES
    with pytest.raises(EventTooLarge):
        encoded(Noted(note="x" * (room + 1)))
    with pytest.raises(ValueError):
        encoded(Noted(note="长" * (room // 3 + 1)))


def test_the_aggregate_is_part_of_the_type():
    assert aggregate_type_of("sales.quote.accepted.v1") == "sales.quote"


# --------------------------------------------------------------------- we let nothing else in


def changed(**changes):
    attributes = json.loads(encoded()) | changes
    left = {name: value for name, value in attributes.items() if value is not ...}
    return json.dumps(left).encode()


MALFORMED = {
    "malformed JSON": b"{",
    "two documents": encoded() + encoded(),
    "empty body": b"",
    "white space": b"  \n",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"event"',
    "not UTF-8": encoded().replace(b'"note":""', b'"note":"\xff\xfe"'),
    "UTF-16": encoded().decode().encode("utf-16"),
    "half a surrogate pair": encoded().replace(b'"note":""', b'"note":"\\ud800"'),
    "deep nesting": b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep nesting, unclosed": b"[" * 100_000,
    "a huge integer as version": changed(aggregateversion=10**40),
    "a huger integer": b'{"aggregateversion":' + b"9" * 100_000 + b"}",
    "a version above 31 bits": changed(aggregateversion=2**31),
    "version zero": changed(aggregateversion=0),
    "a negative version": changed(aggregateversion=-1),
    "a version as text": changed(aggregateversion="1"),
    "a version as float": changed(aggregateversion=1.0),
    "a version as boolean": changed(aggregateversion=True),
    "NaN as version": encoded().replace(b'"aggregateversion":1', b'"aggregateversion":NaN'),
    "NaN in the data": encoded().replace(b'"more":{}', b'"more":{"n":NaN}'),
    "infinity in the data": encoded().replace(b'"more":{}', b'"more":{"n":-Infinity}'),
    "missing id": changed(id=...),
    "null id": changed(id=None),
    "an id that is none": changed(id="4711"),
    "missing type": changed(type=...),
    "missing source": changed(source=...),
    "missing subject": changed(subject=...),
    "missing time": changed(time=...),
    "missing data": changed(data=...),
    "missing version": changed(aggregateversion=...),
    "missing aggregate type": changed(aggregatetype=...),
    "missing specversion": changed(specversion=...),
    "another specversion": changed(specversion="0.3"),
    "data in base64": changed(data=..., data_base64="e30="),
    "data as text": changed(data="{}"),
    "a time without zone": changed(time="2026-03-02T09:30:00"),
    "a time that is none": changed(time="yesterday"),
    "a type without version": changed(type="sales.quote.accepted", aggregatetype="sales.quote"),
    "a type with version 0": changed(type="sales.quote.accepted.v0", aggregatetype="sales.quote"),
    "a type in capitals": changed(type="Sales.Quote.Accepted.v1", aggregatetype="Sales.Quote"),
    "a type with a line feed": changed(type="service_desk.ticket.noted.v12\n"),
    "a foreign source": changed(source="https://example.com"),
    "an aggregate type of another type": changed(aggregatetype="sales.quote"),
    "a correlation that is no text": changed(correlationid=1),
}
"""Row 27 of the fault matrix; the delivery of these is in test_conformance and test_operations."""


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_no_event_of_ours_is_refused_with_a_reason(what):
    with pytest.raises(Undecodable) as refused:
        decode(MALFORMED[what])

    assert str(refused.value)
    assert len(str(refused.value)) < 500
    assert "远航" not in str(refused.value)


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "text/plain", f"{CONTENT_TYPE}; charset=utf-16"]
)
def test_what_is_announced_as_something_else_is_refused(content_type):
    with pytest.raises(Undecodable, match="content type"):
        decode(encoded(), content_type)


def test_what_is_far_too_large_is_not_even_parsed():
    body = changed(data={"note": "x" * LARGEST_ACCEPTED_BYTES})
    with pytest.raises(Undecodable, match="at most"):
        decode(body)
    with pytest.raises(Undecodable, match="10485760 bytes"):
        decode(b"{" * (10 * 1024 * 1024))


def test_a_reason_never_repeats_what_the_event_holds():
    body = changed(subject="13912345678", correlationid=["secret@example.com"])

    with pytest.raises(Undecodable) as refused:
        decode(body)

    assert "13912345678" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_attributes_of_the_future_are_passed_over():
    assert decode(changed(severity="high", data={"note": "", "colour": "red"})).data["colour"]


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_an_event_or_refused(body):
    with pytest.raises(Undecodable):
        decode(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=10,
    ),
    st.sampled_from(sorted(json.loads(encoded()))),
)
def test_any_value_of_any_attribute_is_an_event_or_refused(value, attribute):
    try:
        envelope = decode(changed(**{attribute: value}))
    except Undecodable:
        return

    assert 1 <= envelope.aggregateversion < 2**31
    assert envelope.aggregatetype == aggregate_type_of(envelope.type)
