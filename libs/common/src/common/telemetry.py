"""Traces, request metrics and JSON logs, under the standard names of OpenTelemetry.

Spans are exported when OTEL_EXPORTER_OTLP_ENDPOINT is set. The trace context is carried in any
case, through request, outbox, broker and consumer, so that logs and events of one cause share a
trace id.
"""

import logging
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, Tracer
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import EventDict, Processor

from common import context

if TYPE_CHECKING:
    from common.messaging.envelope import Envelope

REQUEST_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "Duration of HTTP server requests",
    ["service", "http_request_method", "http_route", "http_response_status_code", "error_type"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
ACTIVE_REQUESTS = Gauge(
    "http_server_active_requests", "Requests under way", ["service", "http_request_method"]
)
IDEMPOTENCY_REPLAYS = Counter(
    "fairway_idempotency_replays", "Requests answered from their first answer", ["service"]
)
READY = Gauge("fairway_ready", "1 while the dependency is usable", ["service", "dependency"])
BUILD_INFO = Gauge(
    "fairway_build_info", "What runs here", ["service", "version", "commit", "python"]
)

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_providers: dict[str, TracerProvider] = {}


def tracer(service: str) -> Tracer:
    """The tracer of a service; made at its first use."""
    if service not in _providers:
        resource = Resource.create(
            {
                "service.name": f"fairway-{service.replace('_', '-')}",
                "service.namespace": "fairway",
                "service.version": version_of(service),
            }
        )
        provider = TracerProvider(resource=resource)
        if exporting():
            provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        _providers[service] = provider
        BUILD_INFO.labels(
            service,
            version_of(service),
            os.environ.get("FAIRWAY_COMMIT", "unknown"),
            platform.python_version(),
        ).set(1)
    return _providers[service].get_tracer("fairway")


def exporting() -> bool:
    """Whether spans go anywhere."""
    return bool(
        os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )


def flush() -> None:
    """Send the spans that are still held; for the end of a process."""
    for provider in _providers.values():
        provider.shutdown()


def version_of(service: str) -> str:
    """The version of the service's distribution, `0` when it is not installed as one."""
    try:
        return version(f"fairway-{service.replace('_', '-')}")
    except PackageNotFoundError:
        return "0"


def traceparent_of(span_context: SpanContext) -> str:
    """The W3C header for a span."""
    return (
        f"00-{span_context.trace_id:032x}-{span_context.span_id:016x}"
        f"-{int(span_context.trace_flags):02x}"
    )


def parse_traceparent(value: str | None) -> SpanContext | None:
    """The span context in a W3C header; None when there is none or it is malformed."""
    match = _TRACEPARENT.fullmatch(value or "")
    if match is None or int(match[1], 16) == 0 or int(match[2], 16) == 0:
        return None
    return SpanContext(int(match[1], 16), int(match[2], 16), True, TraceFlags(int(match[3], 16)))


def parent_from(value: str | None) -> Any:
    """An OpenTelemetry context whose current span is the one in the header; None without one."""
    span_context = parse_traceparent(value)
    if span_context is None:
        return None
    return trace.set_span_in_context(trace.NonRecordingSpan(span_context))


@contextmanager
def consuming(service: str, envelope: "Envelope") -> Iterator[str | None]:
    """A span for applying one event, in the trace of what caused it; yields its traceparent."""
    if not exporting():
        yield envelope.traceparent
        return
    parent = parse_traceparent(envelope.traceparent)
    span = tracer(service).start_span(
        f"process {service}.inbox",
        context=parent_from(envelope.traceparent),
        kind=SpanKind.CONSUMER,
        links=[Link(parent)] if parent is not None else [],
        attributes={
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": f"{service}.inbox",
            "messaging.message.id": str(envelope.id),
            "messaging.message.conversation_id": envelope.correlationid or "",
            "cloudevents.event_id": str(envelope.id),
            "cloudevents.event_type": envelope.type,
            "cloudevents.event_source": envelope.source,
        },
    )
    with trace.use_span(span, end_on_exit=True):
        yield traceparent_of(span.get_span_context())


@contextmanager
def publishing(service: str, exchange: str, event_type: str, body: bytes) -> Iterator[None]:
    """A span for sending one event, in the trace of the request that recorded it."""
    if not exporting():
        yield
        return
    found = re.search(rb'"traceparent":"([^"]+)"', body)
    with tracer(service).start_as_current_span(
        f"publish {exchange}",
        context=parent_from(found[1].decode() if found else None),
        kind=SpanKind.PRODUCER,
        attributes={
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.name": f"{exchange}:{event_type}",
            "messaging.rabbitmq.destination.routing_key": event_type,
            "cloudevents.event_type": event_type,
        },
    ):
        yield


_SECRETS = re.compile(
    r"""
    (?<=://)[^/\s:@]+:[^/\s@]+(?=@)                            # user and password of a URL
    | [\w.+-]+@[\w-]+\.[\w.-]+                                 # e-mail
    | (?<![0-9A-Fa-f-])(?:\+?86[ -]?)?1[3-9]\d{9}(?![0-9A-Fa-f-])   # mobile phone, not an id
    | Bearer\s+\S+
    | eyJ[\w-]+\.[\w-]+\.[\w-]+                               # JSON web token
    | (?i:password|secret|token|api_?key)=[^\s&"']+
    """,
    re.VERBOSE,
)
_SECRET_NAMES = frozenset({"password", "secret", "token", "api_key", "authorization", "cookie"})


def _redact(_: Any, __: str, entry: EventDict) -> EventDict:
    return {
        name: "[redacted]" if name.lower() in _SECRET_NAMES else _redacted(value)
        for name, value in entry.items()
    }


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRETS.sub("[redacted]", value)
    if isinstance(value, Mapping):
        return _redact(None, "", {str(name): item for name, item in value.items()})
    if isinstance(value, (list, tuple, set)):
        return [_redacted(item) for item in value]
    return value


def _with_error_type(_: Any, __: str, entry: EventDict) -> EventDict:
    error = entry.get("exc_info")
    if error is True:
        error = sys.exception()
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        entry["error.type"] = type(error).__name__
    return entry


def _with_context(_: Any, __: str, entry: EventDict) -> EventDict:
    here = context.current()
    if here.request_id:
        entry["request_id"] = here.request_id
    span_context = parse_traceparent(here.traceparent)
    if span_context is not None:
        entry["trace_id"] = f"{span_context.trace_id:032x}"
        entry["span_id"] = f"{span_context.span_id:016x}"
        entry["trace_flags"] = f"{int(span_context.trace_flags):02x}"
    return entry


def _with_standard_names(_: Any, __: str, entry: EventDict) -> EventDict:
    entry["severity"] = entry.pop("level", "info").upper()
    entry["body"] = entry.pop("event", "")
    if "exception" in entry:
        entry["exception.stacktrace"] = entry.pop("exception")
    return entry


def configure_logging(service: str, level: str = "INFO") -> None:
    """One JSON object a line on stderr, for our own loggers and everybody else's."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        _with_context,
        _with_error_type,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

    who = {
        "service.name": f"fairway-{service.replace('_', '-')}",
        "service.version": version_of(service),
    }

    def with_service(_: Any, __: str, entry: EventDict) -> EventDict:
        entry.update(who)
        return entry

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                with_service,
                _with_standard_names,
                _redact,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiormq", "aio_pika", "httpx", "httpcore", "uvicorn.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
