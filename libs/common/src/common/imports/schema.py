"""The tables of imports, for a migration of a service that has targets."""

V1 = [
    """
    CREATE TABLE import_jobs (
        id uuid PRIMARY KEY,
        target text NOT NULL,
        file_name text NOT NULL,
        mapping jsonb NOT NULL,
        content bytea NOT NULL,
        dry_run boolean NOT NULL,
        state text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        total_rows integer,
        next_row integer NOT NULL DEFAULT 0,
        created integer NOT NULL DEFAULT 0,
        updated integer NOT NULL DEFAULT 0,
        unchanged integer NOT NULL DEFAULT 0,
        rejected integer NOT NULL DEFAULT 0,
        warnings integer NOT NULL DEFAULT 0,
        waits_until timestamptz,
        error text,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz
    )
    """,
    "CREATE INDEX import_jobs_open ON import_jobs (created_at) WHERE state IN ('queued', 'running')",
    "CREATE INDEX import_jobs_created_at ON import_jobs (created_at, id)",
    """
    CREATE TABLE import_rows (
        job_id uuid NOT NULL REFERENCES import_jobs ON DELETE CASCADE,
        line integer NOT NULL,
        outcome text NOT NULL,
        record_id uuid,
        code text,
        reason text,
        warnings text[] NOT NULL,
        cells text[],
        PRIMARY KEY (job_id, line)
    )
    """,
]
"""Statements of the first version, in order. `cells` is kept where a person will look again."""

V2 = [
    """
    ALTER TABLE import_jobs
        ADD COLUMN duplicates integer NOT NULL DEFAULT 0,
        ADD COLUMN undo_state text
            CHECK (undo_state IN ('queued', 'running', 'done', 'failed')),
        ADD COLUMN undo_by text,
        ADD COLUMN undo_choices jsonb,
        ADD COLUMN undo_waiting integer,
        ADD COLUMN undone integer NOT NULL DEFAULT 0,
        ADD COLUMN undo_left integer NOT NULL DEFAULT 0,
        ADD COLUMN undo_error text
    """,
    """
    CREATE INDEX import_jobs_undo_open ON import_jobs (created_at)
        WHERE undo_state IN ('queued', 'running')
    """,
    """
    ALTER TABLE import_rows
        ADD COLUMN changes jsonb,
        ADD COLUMN undo_outcome text,
        ADD COLUMN undo_reason text,
        ADD COLUMN undo_now jsonb
    """,
    """
    CREATE INDEX import_rows_to_undo ON import_rows (job_id, line)
        WHERE undo_outcome IS NULL AND outcome IN ('created', 'updated')
    """,
    """
    CREATE INDEX import_rows_record_id ON import_rows (job_id, record_id)
        WHERE outcome IN ('created', 'updated')
    """,
]
"""What taking an import back needs: what each row changed, and what became of it since."""
