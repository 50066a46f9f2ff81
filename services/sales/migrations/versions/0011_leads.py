"""Routing and conversion of leads.

Keys to find duplicates by are made for the leads and customers that are here. Old code, which runs on
until it is replaced, writes none: what it captures meanwhile has its keys from the next change on.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from common.access import schema
from common.match_keys import email_key, name_key, phone_key

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BATCH = 5000
_FILLED_IN = ("leads", "known_customers")
_FALSE, _NOW = sa.text("false"), sa.text("now()")


def upgrade() -> None:
    _extend_leads()
    _create_policies()
    _create_routing()
    for table in _FILLED_IN:
        # The wall is for whoever owns the table as well.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    _fill_in()
    for table in _FILLED_IN:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for statement in schema.protect_rows("lead_assignments", seen_with=("lead_id", "leads")):
        op.execute(statement)


def _extend_leads() -> None:
    for name, kind in (
        ("lead_class", sa.String(40)),
        ("consent_at", sa.DateTime(timezone=True)),
        ("client_key", sa.String(120)),
        ("client_key_digest", sa.String(64)),
        ("name_key", sa.String(200)),
        ("email_key", sa.String(200)),
        ("phone_key", sa.String(40)),
        ("duplicate_of_id", sa.Uuid()),
        ("assigned_how", sa.String(20)),
        ("contacted_at", sa.DateTime(timezone=True)),
        ("lost_reason_code", sa.String(40)),
    ):
        op.add_column("leads", sa.Column(name, kind, nullable=True))
    for name, kind, default in (
        ("suspected_duplicates", postgresql.JSONB(), sa.text("'[]'")),
        ("awaits_routing", sa.Boolean(), _FALSE),
        ("touched_at", sa.DateTime(timezone=True), _NOW),
        ("made_customer", sa.Boolean(), _FALSE),
        ("made_contact", sa.Boolean(), _FALSE),
        ("is_disqualified", sa.Boolean(), _FALSE),
    ):
        op.add_column("leads", sa.Column(name, kind, nullable=False, server_default=default))
    op.create_foreign_key(
        op.f("fk_leads_duplicate_of_id_leads"), "leads", "leads", ["duplicate_of_id"], ["id"]
    )
    for name in ("email_key", "phone_key", "name_key", "lead_class", "duplicate_of_id"):
        op.create_index(f"ix_leads_{name}", "leads", [name])
    for name, columns, where in (
        ("ix_leads_awaits_routing", ["rank", "id"], "awaits_routing"),
        ("ix_leads_idle", ["touched_at", "id"], "state = 'assigned' AND owner_id IS NOT NULL"),
        ("ix_leads_pool", ["department_id", "region_id"], "state = 'new' AND owner_id IS NULL"),
        ("ix_leads_scored_by", ["score_rules_version", "id"], "state IN ('new', 'assigned')"),
    ):
        op.create_index(name, "leads", columns, postgresql_where=sa.text(where))
    op.create_index(
        "uq_leads_client_key",
        "leads",
        ["source", "client_key"],
        unique=True,
        postgresql_where=sa.text("client_key IS NOT NULL"),
    )
    op.alter_column("known_customers", "number", nullable=True)
    op.add_column("known_customers", sa.Column("name_key", sa.String(200), nullable=True))
    op.create_index("ix_known_customers_name_key", "known_customers", ["name_key"])


def _of_an_aggregate() -> list[sa.Column[Any]]:
    return [
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _create_policies() -> None:
    for table, more in (
        (
            "lead_scoring_policies",
            [
                sa.Column("hot_from", sa.Integer(), nullable=False),
                sa.Column("warm_from", sa.Integer(), nullable=False),
            ],
        ),
        ("lead_routing_policies", []),
    ):
        op.create_table(
            table,
            sa.Column("id", sa.Uuid(), nullable=False),
            sa.Column("policy_version", sa.Integer(), nullable=False),
            sa.Column("name", sa.String(80), nullable=False),
            sa.Column("state", sa.String(20), nullable=False),
            sa.Column("effective_on", sa.Date(), nullable=True),
            sa.Column("decided_by", sa.String(80), nullable=True),
            sa.Column("rules", postgresql.JSONB(), nullable=False),
            *more,
            *_of_an_aggregate(),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint("policy_version", name=op.f(f"uq_{table}_policy_version")),
        )
        op.create_index(
            f"ix_{table}_in_force",
            table,
            ["effective_on", "policy_version"],
            postgresql_where=sa.text("state = 'active'"),
        )


def _create_routing() -> None:
    op.create_table(
        "routing_teams",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        *_of_an_aggregate(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_teams")),
    )
    op.create_index("ix_routing_teams_name_id", "routing_teams", ["name", "id"])
    op.create_table(
        "routing_members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=False),
        sa.Column("team_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("quota", sa.Numeric(8, 2), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("skills", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("territory_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("absences", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        *_of_an_aggregate(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_members")),
        sa.UniqueConstraint("employee_id", name=op.f("uq_routing_members_employee_id")),
    )
    op.create_index(
        "ix_routing_members_team_ids", "routing_members", ["team_ids"], postgresql_using="gin"
    )
    op.create_index("ix_routing_members_created_at_id", "routing_members", ["created_at", "id"])
    op.create_table(
        "routing_balances",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("entitled", sa.Numeric(24, 12), nullable=False),
        sa.Column("assigned", sa.Integer(), nullable=False),
        sa.Column("last_assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["routing_teams.id"],
            name=op.f("fk_routing_balances_team_id_routing_teams"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["routing_members.id"],
            name=op.f("fk_routing_balances_member_id_routing_members"),
        ),
        sa.PrimaryKeyConstraint("team_id", "member_id", name=op.f("pk_routing_balances")),
    )
    op.create_table(
        "lead_assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("how", sa.String(20), nullable=False),
        sa.Column("from_owner_id", sa.Uuid(), nullable=True),
        sa.Column("to_owner_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("by", sa.String(80), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("rule", sa.String(40), nullable=True),
        sa.Column("decided_by", sa.String(20), nullable=True),
        sa.Column("asked", postgresql.JSONB(), nullable=True),
        sa.Column("decision", postgresql.JSONB(), nullable=True),
        sa.ForeignKeyConstraint(
            ["lead_id"], ["leads.id"], name=op.f("fk_lead_assignments_lead_id_leads")
        ),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["routing_teams.id"],
            name=op.f("fk_lead_assignments_team_id_routing_teams"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_assignments")),
    )
    op.create_index("ix_lead_assignments_lead_id", "lead_assignments", ["lead_id", "id"])
    op.create_index(
        "ix_lead_assignments_team",
        "lead_assignments",
        ["team_id", "happened_at"],
        postgresql_where=sa.text("team_id IS NOT NULL"),
    )


def _fill_in() -> None:
    # Nobody loses on the day of the release what they were given long before it.
    op.execute("UPDATE leads SET assigned_how = 'manual' WHERE state = 'assigned'")
    _give_keys(
        "leads",
        ["kind", "name", "company", "contact_name", "email", "phone"],
        ["name_key", "email_key", "phone_key"],
        _keys_of_lead,
    )
    _give_keys("known_customers", ["name"], ["name_key"], lambda name: [name_key(name)])


def _keys_of_lead(
    kind: str,
    name: str,
    company: str | None,
    contact_name: str | None,
    email: str | None,
    phone: str | None,
) -> list[str | None]:
    party = company or (contact_name if kind == "person" else None) or name
    return [name_key(party), email_key(email), phone_key(phone)]


def _give_keys(
    table: str,
    columns: Sequence[str],
    keys: Sequence[str],
    of: Callable[..., Sequence[str | None]],
) -> None:
    """Write the keys of every row, batch by batch."""
    connection = op.get_bind()
    rows = sa.table(table, *(sa.column(name) for name in ("id", *columns, *keys)))
    write = (
        rows.update()
        .where(rows.c.id == sa.bindparam("row_id"))
        .values({key: sa.bindparam(f"new_{key}") for key in keys})
    )
    last = None
    while True:
        query = sa.select(rows.c.id, *(rows.c[name] for name in columns)).order_by(rows.c.id)
        if last is not None:
            query = query.where(rows.c.id > last)
        batch = connection.execute(query.limit(BATCH)).all()
        if not batch:
            return
        last = batch[-1].id
        connection.execute(
            write,
            [
                {
                    "row_id": id_,
                    **{f"new_{key}": value for key, value in zip(keys, of(*values), strict=True)},
                }
                for id_, *values in batch
            ],
        )
