"""One cause is one trace; a log line is JSON under the standard names and tells no secrets."""

import asyncio
import io
import json
import logging

import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import text

from common import context, telemetry
from common.settings import ServiceSettings

from .messaging.harness import eventually
from .shop.worker import create as create_worker

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


# --------------------------------------------------------------------------------------- traces


@pytest.fixture
def spans(monkeypatch):
    """What is exported; the exporter is where the world begins."""
    exporter = InMemorySpanExporter()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(telemetry, "OTLPSpanExporter", lambda: exporter)
    monkeypatch.setattr(telemetry, "_providers", {})

    def finished():
        for provider in telemetry._providers.values():
            provider.force_flush()
        return exporter.get_finished_spans()

    yield finished
    telemetry.flush()


async def heard(database):
    async with database.reading() as session:
        return [row.what for row in await session.execute(text("SELECT what FROM heard"))]


async def test_request_publish_and_consume_are_one_trace(spans, client, database, make_vhost):
    worker = create_worker(
        ServiceSettings(DATABASE_URL=database.dsn, AMQP_URL=make_vhost("trace")),
        database=database,
        feed_transports={"shop": client._transport},
    )
    response = await client.post(
        "/shop/v1/baskets", json={"name": "seed"}, headers={"traceparent": TRACEPARENT}
    )
    assert response.status_code == 201

    async def both_are_heard():
        return await heard(database) == ["seed", "plant"]

    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    await eventually(both_are_heard, within_s=60)
    stop.set()
    await asyncio.wait_for(working, 30)

    async def all_spans_are_there():
        return len(spans()) >= 5

    await eventually(all_spans_are_there)
    ours = [span for span in spans() if f"{span.context.trace_id:032x}" == TRACE_ID]
    by_name = {}
    for span in ours:
        by_name.setdefault(span.name, []).append(span)
    (request,) = by_name["POST /shop/v1/baskets"]
    first_publish, second_publish = by_name["publish shop.events"]
    first_process, second_process = by_name["process shop.inbox"]
    assert request.kind == SpanKind.SERVER
    assert f"{request.parent.span_id:016x}" == SPAN_ID
    assert first_publish.parent.span_id == first_process.parent.span_id == request.context.span_id
    # What the handler says goes on from the handler, not from the request.
    assert second_publish.parent.span_id == first_process.context.span_id
    assert second_process.parent.span_id == first_process.context.span_id
    assert (first_publish.kind, first_process.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert first_process.links[0].context.trace_id == request.context.trace_id
    assert request.resource.attributes["service.name"] == "fairway-shop"
    assert request.resource.attributes["service.namespace"] == "fairway"


async def test_spans_have_the_standard_attributes(spans, client):
    await client.get("/shop/v1/baskets", headers={"User-Agent": "test/1"})
    await client.post("/shop/v1/failures/refused/fault")

    found = {span.name: span for span in spans()}
    listed = found["GET /shop/v1/baskets"].attributes
    assert listed["http.request.method"] == "GET"
    assert listed["http.route"] == "/shop/v1/baskets"
    assert listed["url.path"] == "/shop/v1/baskets"
    assert listed["url.scheme"] == "http"
    assert listed["http.response.status_code"] == 200
    assert listed["user_agent.original"] == "test/1"
    assert listed["client.address"] == "127.0.0.1"
    assert "error.type" not in listed
    failed = found["POST /shop/v1/failures/refused/{family}"]
    assert failed.attributes["error.type"] == "RuntimeError"
    assert failed.status.status_code == StatusCode.ERROR


async def test_who_asks_not_to_be_sampled_is_not(spans, client):
    await client.get("/shop/v1/baskets", headers={"traceparent": TRACEPARENT[:-2] + "00"})

    assert spans() == ()


async def test_without_an_exporter_ids_are_carried_all_the_same(monkeypatch, client, session):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    await client.post("/shop/v1/baskets", json={"name": "a"}, headers={"traceparent": TRACEPARENT})

    body = (await session.execute(text("SELECT body FROM event_log"))).scalar_one()
    assert json.loads(body)["traceparent"].split("-")[1] == TRACE_ID


@pytest.mark.parametrize(
    ("header", "is_good"),
    [
        (TRACEPARENT, True),
        (None, False),
        ("", False),
        (TRACEPARENT.upper(), False),
        (f"{TRACEPARENT}-more", False),
        (f"00-{'0' * 32}-{SPAN_ID}-01", False),
        (f"00-{TRACE_ID}-{'0' * 16}-01", False),
        (f"{TRACEPARENT}\n", False),
    ],
)
def test_a_trace_header_is_read_as_the_standard_says(header, is_good):
    found = telemetry.parse_traceparent(header)

    assert (found is not None) == is_good
    if found is not None:
        assert telemetry.traceparent_of(found) == header


# ----------------------------------------------------------------------------------------- logs


@pytest.fixture
def lines(monkeypatch):
    """The log lines written since, parsed."""
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    telemetry.configure_logging("service_desk", "INFO")
    structlog.configure(cache_logger_on_first_use=False)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


def log():
    return structlog.get_logger("service_desk.tickets")


def test_a_line_is_one_json_object_under_the_standard_names(lines):
    here = context.Context(request_id="r-1", traceparent=TRACEPARENT)
    with context.working_in(here):
        log().info("ticket closed", ticket_id="t-1", 客户="远航")

    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "severity": "INFO",
        "body": "ticket closed",
        "logger": "service_desk.tickets",
        "service.name": "fairway-service-desk",
        "service.version": telemetry.version_of("service_desk"),
        "request_id": "r-1",
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "trace_flags": "01",
        "ticket_id": "t-1",
        "客户": "远航",
    }


def test_a_line_outside_of_a_request_has_no_trace(lines):
    log().warning("nothing to do")

    (line,) = lines()
    assert line["severity"] == "WARNING"
    assert not {"trace_id", "span_id", "request_id"} & set(line)


def test_other_peoples_loggers_write_the_same_lines(lines):
    with context.working_in(context.Context(traceparent=TRACEPARENT)):
        logging.getLogger("uvicorn.error").error("failed %s", "twice")

    (line,) = lines()
    assert line["body"] == "failed twice"
    assert line["severity"] == "ERROR"
    assert line["logger"] == "uvicorn.error"
    assert line["trace_id"] == TRACE_ID
    assert line["service.name"] == "fairway-service-desk"


@pytest.mark.parametrize("whose", ["ours", "theirs", "given"])
def test_an_exception_is_told_with_its_type_and_stack(lines, whose):
    try:
        raise KeyError("lost")
    except KeyError as error:
        if whose == "ours":
            log().exception("failed")
        elif whose == "theirs":
            logging.getLogger("other").exception("failed")
        else:
            log().error("failed", exc_info=error)

    (line,) = lines()
    assert line["error.type"] == "KeyError"
    assert "Traceback" in line["exception.stacktrace"]
    assert "exc_info" not in line
    assert "exception" not in line


@pytest.mark.parametrize(
    "secret",
    [
        "anna@example.com",
        "anna.b+c@mail.example.com.cn",
        "13912345678",
        "+86 13912345678",
        "电话13912345678",
        "Bearer abc.def",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "postgresql://fairway:s3cret@host/db",
        "https://host/path?token=s3cret&a=b",
        "password=s3cret",
    ],
)
def test_what_is_nobodys_business_is_not_written(lines, secret):
    log().info(f"said {secret} here", value=secret, inner={"deep": [secret]})
    logging.getLogger("other").info("said %s", secret)
    try:
        raise ValueError(f"bad {secret}")
    except ValueError:
        log().exception("failed")

    told = json.dumps(lines(), ensure_ascii=False)
    for part in (secret, "anna", "13912345678", "s3cret", "abc.def", "c2ln"):
        assert part not in told
    assert told.count("[redacted]") >= 5


def test_what_is_called_a_secret_is_not_written_whatever_it_is(lines):
    log().info("x", password="p", Token="t", inner={"authorization": "a", "fine": "yes"})

    told = json.dumps(lines())
    assert told.count("[redacted]") == 3
    assert "yes" in told


@pytest.mark.parametrize(
    "fact",
    [
        "01936f5e-8a2b-7c3d-9e4f-139123456789",
        "0a139123456781-x",
        "2026-03-02T09:30:00.139123Z",
        "order 20260302139123456781",
        "quote@v2",
        "https://host:8000/path",
    ],
)
def test_what_is_no_secret_stays_readable(lines, fact):
    log().info("x", value=fact)

    assert lines()[0]["value"] == fact


def test_values_that_are_no_json_are_written_as_text(lines):
    log().info("x", value=object, when=telemetry.SpanKind.SERVER, raw=b"\xff", number=float("nan"))

    assert len(lines()) == 1


def test_below_the_level_nothing_is_written(lines):
    log().debug("x")
    logging.getLogger("httpx").info("x")

    assert lines() == []
