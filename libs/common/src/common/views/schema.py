"""The table of saved views, for a migration of every service."""

V1 = [
    """
    CREATE TABLE views (
        id uuid PRIMARY KEY,
        version integer NOT NULL,
        made_by text NOT NULL,
        name text NOT NULL,
        list text NOT NULL,
        query jsonb NOT NULL,
        sort text,
        columns text[],
        department_id uuid,
        is_for_everybody boolean NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT views_name UNIQUE (made_by, list, name),
        CONSTRAINT views_shared_once CHECK (department_id IS NULL OR NOT is_for_everybody)
    )
    """,
    "CREATE INDEX views_department ON views (department_id) WHERE department_id IS NOT NULL",
    "CREATE INDEX views_everybody ON views (id) WHERE is_for_everybody",
    "CREATE INDEX views_by_name ON views (name, id)",
    "CREATE INDEX views_by_created_at ON views (created_at, id)",
]
"""Statements of the first version, in order. `made_by` is the id of an actor."""
