"""The table of the audit trail, for a migration of every service."""

CONTENT = """jsonb_build_array(
    e.id, CAST(extract(epoch FROM e.recorded_at) * 1000000 AS bigint), e.record_type, e.record_id,
    e.version, e.action, e.events, e.actor_id, e.request_id, e.correlation_id, e.causation_id,
    e.changes)::text"""
"""What the hash of an entry `e` is made over, as SQL; it may never change: hashes are stored."""

V1 = [
    """
    CREATE TABLE audit_entries (
        id uuid NOT NULL,
        recorded_at timestamptz NOT NULL,
        record_type text NOT NULL,
        record_id uuid NOT NULL,
        version integer NOT NULL,
        action text NOT NULL,
        events text[] NOT NULL,
        actor_id text,
        request_id text,
        correlation_id text,
        causation_id text,
        changes jsonb NOT NULL,
        previous_hash bytea,
        hash bytea NOT NULL,
        PRIMARY KEY (record_id, record_type, version)
    )
    """,
    "CREATE INDEX audit_entries_time ON audit_entries (recorded_at, id)",
    "CREATE INDEX audit_entries_actor ON audit_entries (actor_id, recorded_at, id)",
    """
    COMMENT ON TABLE audit_entries IS
        'who changed what from what to what; append-only, a chain of hashes for each record'
    """,
    """
    CREATE FUNCTION refuse_to_change_audit_entries() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'permission denied: audit_entries is append-only' USING ERRCODE = '42501';
    END $$
    """,
    """
    CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_audit_entries()
    """,
    # What was there before the trail begins with the version it had reached.
    f"""
    WITH reached AS (
        SELECT aggregate_type, aggregate_id, max(aggregate_version) AS version
        FROM event_log GROUP BY aggregate_type, aggregate_id
    ),
    e AS MATERIALIZED (
        SELECT gen_random_uuid() AS id, now() AS recorded_at, aggregate_type AS record_type,
            aggregate_id AS record_id, version, 'adopted' AS action,
            CAST('{{}}' AS text[]) AS events, CAST(NULL AS text) AS actor_id,
            CAST(NULL AS text) AS request_id, CAST(NULL AS text) AS correlation_id,
            CAST(NULL AS text) AS causation_id, CAST('{{}}' AS jsonb) AS changes
        FROM reached
    )
    INSERT INTO audit_entries
    SELECT e.*, NULL, sha256(convert_to({CONTENT}, 'UTF8')) FROM e
    """,  # noqa: S608 - a constant
]
"""Statements of the first version, in order."""
