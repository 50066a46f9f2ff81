"""The copies that every service keeps of accounts, roles and the organisation, for a migration."""

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
