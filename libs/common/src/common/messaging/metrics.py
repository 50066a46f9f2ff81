"""What operators watch of the messaging; alerts and dashboards use these names."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300)

OUTBOX_PENDING = Gauge(
    "fairway_outbox_pending_events", "Events the bus has not confirmed yet", ["service"]
)
OUTBOX_OLDEST = Gauge(
    "fairway_outbox_oldest_event_age_seconds", "Age of the oldest unconfirmed event", ["service"]
)
OUTBOX_BLOCKED = Gauge(
    "fairway_outbox_blocked_aggregates", "Aggregates whose next event the bus refused", ["service"]
)
OUTBOX_PUBLISHED = Counter(
    "fairway_outbox_published", "Events sent", ["service", "event_type", "outcome"]
)
RELAY_PARTITIONS = Gauge(
    "fairway_relay_partitions_owned", "Outbox partitions this process relays", ["service"]
)
RELAY_CIRCUIT = Gauge(
    "fairway_relay_circuit_open", "1 while the relay waits for the bus", ["service"]
)
AMQP_CONNECTED = Gauge("fairway_amqp_connected", "1 while connected", ["service", "role"])
AMQP_RECONNECTS = Counter("fairway_amqp_reconnects", "Connections lost", ["service"])
INBOX_APPLIED = Counter("fairway_inbox_applied", "Events applied", ["service", "event_type"])
INBOX_DUPLICATES = Counter(
    "fairway_inbox_duplicates", "Events that had been applied before", ["service", "event_type"]
)
INBOX_WAITING = Gauge(
    "fairway_inbox_waiting_events",
    "Events received and not applied: gap, retry, dead or unsupported",
    ["service", "state"],
)
INBOX_GAP_AGE = Gauge(
    "fairway_inbox_gap_oldest_age_seconds", "Age of the oldest event behind a gap", ["service"]
)
END_TO_END = Histogram(
    "fairway_event_end_to_end_seconds",
    "From recording an event to its committed effect here",
    ["service", "event_type"],
    buckets=_SECONDS,
)
RETRIES = Counter("fairway_event_retries", "Failed attempts", ["service", "queue", "reason"])
DEAD_LETTERED = Counter(
    "fairway_event_dead_lettered", "Events parked or rejected", ["service", "queue", "reason"]
)
PROCESS_DURATION = Histogram(
    "messaging_process_duration_seconds",
    "Time in one transaction of a consumer",
    ["service", "messaging_system", "messaging_destination_name"],
    buckets=_SECONDS,
)
