"""The tables of messaging and idempotency, the same in every service's database.

A service's first migration runs `V1`; what changes later is a new list, run by a new migration.
"""

V1 = [
    """
    CREATE TABLE event_log (
        seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
        xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
        recorded_at timestamptz NOT NULL DEFAULT now(),
        event_id uuid NOT NULL,
        type text NOT NULL,
        aggregate_type text NOT NULL,
        aggregate_id uuid NOT NULL,
        aggregate_version integer NOT NULL,
        part smallint NOT NULL,
        body bytea NOT NULL
    ) PARTITION BY RANGE (recorded_at)
    """,
    "CREATE INDEX event_log_feed ON event_log (xid, seq)",
    "COMMENT ON TABLE event_log IS 'everything this service has said; append-only, the replay feed'",
    # The version is unique within a month only, which is enough for a tripwire: a unique index
    # over all partitions would have to contain the partition key and so prove nothing.
    """
    CREATE FUNCTION ensure_event_log_partitions(months_ahead integer) RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE
        first date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
        month date;
        name text;
    BEGIN
        FOR month IN
            SELECT (first + make_interval(months => n))::date FROM generate_series(0, months_ahead) n
        LOOP
            name := 'event_log_' || to_char(month, 'YYYYMM');
            IF to_regclass(name) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF event_log FOR VALUES FROM (%L) TO (%L)',
                    name,
                    (month::timestamp AT TIME ZONE 'UTC'),
                    ((month + interval '1 month')::timestamp AT TIME ZONE 'UTC')
                );
                EXECUTE format(
                    'CREATE UNIQUE INDEX %I ON %I (aggregate_type, aggregate_id, aggregate_version)',
                    name || '_version', name
                );
            END IF;
        END LOOP;
    END $$
    """,
    "SELECT ensure_event_log_partitions(2)",
    """
    CREATE TABLE outbox_pending (
        seq bigint PRIMARY KEY,
        xid bigint NOT NULL,
        recorded_at timestamptz NOT NULL,
        part smallint NOT NULL,
        aggregate_id uuid NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        last_error text
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)
    """,
    """
    CREATE INDEX outbox_pending_blocked ON outbox_pending (aggregate_id, seq)
        WHERE next_attempt_at IS NOT NULL
    """,
    "COMMENT ON TABLE outbox_pending IS 'what the bus has not confirmed yet; deleted on confirm'",
    """
    CREATE TABLE consumer_aggregate (
        aggregate_type text NOT NULL,
        aggregate_id uuid NOT NULL,
        last_version integer NOT NULL,
        last_event_id uuid,
        PRIMARY KEY (aggregate_type, aggregate_id)
    ) WITH (fillfactor = 70)
    """,
    "COMMENT ON TABLE consumer_aggregate IS 'the last version applied of each aggregate heard of'",
    """
    CREATE TABLE inbox_event (
        aggregate_type text NOT NULL,
        aggregate_id uuid NOT NULL,
        aggregate_version integer NOT NULL,
        event_id uuid NOT NULL,
        type text NOT NULL,
        state text NOT NULL CHECK (state IN ('gap', 'retry', 'dead', 'unsupported')),
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        error_class text,
        last_error text,
        redriven integer NOT NULL DEFAULT 0,
        received_at timestamptz NOT NULL DEFAULT now(),
        body bytea NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, aggregate_version)
    )
    """,
    "CREATE INDEX inbox_event_due ON inbox_event (next_attempt_at) WHERE state = 'retry'",
    "CREATE UNIQUE INDEX inbox_event_id ON inbox_event (event_id)",
    "COMMENT ON TABLE inbox_event IS 'events received but not applied: waiting, retried or parked'",
    """
    CREATE TABLE subscription (
        aggregate_type text PRIMARY KEY,
        cursor_xid bigint NOT NULL DEFAULT 0,
        cursor_seq bigint NOT NULL DEFAULT 0,
        caught_up_at timestamptz
    )
    """,
    """
    CREATE TABLE operator_action (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        actor text NOT NULL,
        action text NOT NULL,
        subject text NOT NULL,
        reason text
    )
    """,
    """
    CREATE TABLE idempotency_keys (
        principal text NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        status smallint NOT NULL,
        headers jsonb NOT NULL,
        body bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (principal, key)
    )
    """,
    "CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at)",
]
"""Statements of the first version, in order."""
