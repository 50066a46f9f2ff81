"""What the database of every service knows of access, for migrations: copies, roles, and the wall.

The copies are of accounts, roles and the organisation. The wall is row-level security: a table of
`protect_rows` shows its rows to two roles of the server only. `fairway_all_rows` sees all; a service
works as it. `fairway_partner` sees those of the partner that the transaction names, and as long as
it names none, nothing; what a partner's account asks runs as it. Neither logs in. The login of a
service is `fairway_partner` until it says otherwise, and may become `fairway_all_rows` through
`fairway_service`, which does not hand down what it may. None of them owns a table.
"""

ALL_ROWS_ROLE = "fairway_all_rows"
PARTNER_ROLE = "fairway_partner"
SERVICE_ROLE = "fairway_service"
PARTNER_SETTING = "fairway.partner"

# Roles belong to the server, so that others may be making them at this moment.
MAKE_ROLES = f"""
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{SERVICE_ROLE}') THEN
            CREATE ROLE {ALL_ROWS_ROLE} NOLOGIN;
            CREATE ROLE {PARTNER_ROLE} NOLOGIN;
            CREATE ROLE {SERVICE_ROLE} NOLOGIN NOINHERIT;
            GRANT {ALL_ROWS_ROLE} TO {SERVICE_ROLE};
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$
"""
"""Makes the three roles where they are missing; needs the right to make roles only then."""

GRANTS = [
    f"GRANT USAGE ON SCHEMA public TO {ALL_ROWS_ROLE}, {PARTNER_ROLE}",
    *(
        f"{grant} TO {ALL_ROWS_ROLE}, {PARTNER_ROLE}"
        for rights, kind in (
            ("SELECT, INSERT, UPDATE, DELETE", "TABLES"),
            ("SELECT, USAGE", "SEQUENCES"),
        )
        for grant in (
            f"GRANT {rights} ON ALL {kind} IN SCHEMA public",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {kind}",
        )
    ),
]
"""Reading and writing for the two roles, of what is there and of what later migrations make."""

APPEND_ONLY = [
    f"REVOKE UPDATE, DELETE ON audit_entries, event_log FROM {ALL_ROWS_ROLE}, {PARTNER_ROLE}",
    f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {ALL_ROWS_ROLE}, {PARTNER_ROLE}",
]
"""What was said and who changed what is written once, by a service as by anybody."""


def only_through_parent(table: str, ensure_partitions: str) -> list[str]:
    """Statements that leave the partitions of a table, now and later, to who owns the table.

    Rights and policies hold for the table that a statement names, so that whoever may name a
    partition goes past those of the table. `ensure_partitions` is the function that makes them
    months ahead; whoever may call it needs no right to make tables.
    """
    return [
        f"ALTER FUNCTION {ensure_partitions}(integer) RENAME TO make_{table}_partitions",
        f"""
        CREATE FUNCTION {ensure_partitions}(months_ahead integer) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DECLARE
            partition regclass;
        BEGIN
            PERFORM make_{table}_partitions(months_ahead);
            FOR partition IN SELECT relid FROM pg_partition_tree('{table}') WHERE level > 0
            LOOP
                EXECUTE format(
                    'REVOKE ALL ON %s FROM {ALL_ROWS_ROLE}, {PARTNER_ROLE}', partition);
            END LOOP;
        END $$
        """,  # noqa: S608 - names of our own tables
        f"SELECT {ensure_partitions}(2)",
    ]


def protect_rows(table: str, *, seen_with: tuple[str, str] | None = None) -> list[str]:
    """Statements that put a table behind the wall: whose `partner_id` it is, and nobody else's.

    `seen_with` is for a table whose rows belong to those of another: its column and that table, as
    `("contract_id", "contracts")`; they are seen by who sees the row that the column names.
    """
    fits = f"partner_id = CAST(nullif(current_setting('{PARTNER_SETTING}', true), '') AS uuid)"
    if seen_with is not None:
        column, other = seen_with
        fits = f"{column} IN (SELECT id FROM {other})"  # noqa: S608 - names of our own tables
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        # It holds for the owner as well.
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        # Two policies and not one with an OR: where all is seen, a condition that is always true
        # leaves every index to the planner.
        f"CREATE POLICY all_rows ON {table} TO {ALL_ROWS_ROLE} USING (true)",
        f"CREATE POLICY partner_rows ON {table} TO {PARTNER_ROLE} USING ({fits})",
    ]


V1 = [
    """
    CREATE TABLE access_accounts (
        id uuid PRIMARY KEY,
        username text NOT NULL,
        kind text NOT NULL,
        employee_id uuid,
        partner_id uuid,
        region_ids uuid[] NOT NULL,
        role_ids uuid[] NOT NULL,
        state text NOT NULL,
        tokens_from timestamptz NOT NULL
    )
    """,
    "CREATE INDEX access_accounts_username ON access_accounts (lower(username))",
    """
    CREATE TABLE access_roles (
        id uuid PRIMARY KEY,
        code text NOT NULL,
        rights text[] NOT NULL,
        scope text NOT NULL,
        state text NOT NULL
    )
    """,
    """
    CREATE TABLE access_employees (
        id uuid PRIMARY KEY,
        department_id uuid NOT NULL,
        state text NOT NULL
    )
    """,
    """
    CREATE TABLE access_departments (
        id uuid PRIMARY KEY,
        parent_id uuid,
        region_id uuid
    )
    """,
    "CREATE INDEX access_departments_parent ON access_departments (parent_id)",
    """
    CREATE TABLE access_territories (
        id uuid PRIMARY KEY,
        parent_id uuid
    )
    """,
    "CREATE INDEX access_territories_parent ON access_territories (parent_id)",
    """
    CREATE TABLE access_revoked_sessions (
        id uuid PRIMARY KEY,
        until timestamptz NOT NULL
    )
    """,
]
