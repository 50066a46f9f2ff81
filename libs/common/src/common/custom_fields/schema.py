"""The tables of custom fields, and the column of a table that has them, for a migration."""

V1 = [
    """
    CREATE TABLE custom_fields (
        id uuid PRIMARY KEY,
        entity text NOT NULL,
        key text NOT NULL,
        kind text NOT NULL,
        label_zh text NOT NULL,
        label_en text NOT NULL,
        help_zh text,
        help_en text,
        is_required boolean NOT NULL,
        default_value jsonb,
        scale integer,
        minimum jsonb,
        maximum jsonb,
        max_length integer,
        allows_many boolean NOT NULL,
        options jsonb NOT NULL,
        position integer NOT NULL,
        is_indexed boolean NOT NULL,
        is_retired boolean NOT NULL,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT custom_fields_key UNIQUE (entity, key)
    )
    """,
    "CREATE INDEX custom_fields_position ON custom_fields (position, id)",
    "CREATE INDEX custom_fields_by_key ON custom_fields (key, id)",
    """
    CREATE TABLE custom_field_revisions (
        is_the_only_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_only_one),
        revision uuid NOT NULL
    )
    """,
]
"""Statements of the first version, in order.

`revision` is another one after every change of a definition: by it a process knows at its commit
that the definitions it remembers are still those.
"""


def extended(*tables: str) -> list[str]:
    """Statements that give the tables their column, and the index that serves equality."""
    statements = []
    for table in tables:
        statements.append(f"ALTER TABLE {table} ADD COLUMN custom jsonb NOT NULL DEFAULT '{{}}'")
        statements.append(
            f"CREATE INDEX ix_{table}_custom ON {table}"
            " USING gin (custom jsonb_path_ops) WHERE custom <> '{}'"
        )
    return statements
