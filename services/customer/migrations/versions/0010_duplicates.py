"""Match keys, duplicates and merges."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from common import merges, parameters
from common.access import schema

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

REFERENCES = (
    ("contacts", "customer_id"),
    ("customers", "parent_id"),
    ("interactions", "customer_id"),
)


def upgrade() -> None:
    for statement in (*parameters.V1, *merges.V1):
        op.execute(statement)
    for table, column in REFERENCES:
        for statement in merges.follows(table, column):
            op.execute(statement)

    op.add_column("customers", sa.Column("tax_number", sa.String(length=40), nullable=True))
    op.add_column("customers", sa.Column("merged_into_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_customers_merged_into_id_customers"),
        "customers",
        "customers",
        ["merged_into_id"],
        ["id"],
    )
    op.create_index(op.f("ix_customers_merged_into_id"), "customers", ["merged_into_id"])

    op.create_table(
        "duplicate_keys",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("record_type", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("tax_number", sa.Text(), nullable=True),
        sa.Column("phones", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("emails", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("tokens", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_duplicate_keys")),
    )
    op.create_index(
        "ix_duplicate_keys_tokens",
        "duplicate_keys",
        ["tokens"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    # The planner does not know how rare a token is, and would rather read the whole table until it
    # has found enough rows: a second where the index needs a millisecond.
    op.execute("""
        CREATE FUNCTION look_up_duplicates(asked bigint[], but uuid, most integer)
        RETURNS SETOF duplicate_keys LANGUAGE sql STABLE ROWS 20 SET enable_seqscan = off AS $$
            SELECT * FROM duplicate_keys WHERE tokens && asked AND record_id <> but LIMIT most
        $$
    """)
    op.create_table(
        "duplicate_keys_progress",
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.Column("record_type", sa.String(length=20), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("rules", name=op.f("pk_duplicate_keys_progress")),
    )
    op.create_table(
        "duplicate_scans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=True),
        sa.Column("pairs", sa.Integer(), nullable=False),
        sa.Column("groups", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(length=80), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_scans")),
    )
    op.create_index(
        "uq_duplicate_scans_running",
        "duplicate_scans",
        ["state"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "duplicate_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scan_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["duplicate_scans.id"],
            name=op.f("fk_duplicate_groups_scan_id_duplicate_scans"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_groups")),
    )
    op.create_index(op.f("ix_duplicate_groups_scan_id"), "duplicate_groups", ["scan_id"])
    op.create_index("ix_duplicate_groups_score_id", "duplicate_groups", ["score", "id"])
    op.create_table(
        "duplicate_pairs",
        sa.Column("one_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("scan_id", sa.Uuid(), nullable=True),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dismissed_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["one_id"], ["customers.id"], name=op.f("fk_duplicate_pairs_one_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["customers.id"], name=op.f("fk_duplicate_pairs_other_id_customers")
        ),
        sa.PrimaryKeyConstraint("one_id", "other_id", name=op.f("pk_duplicate_pairs")),
    )
    op.create_index("ix_duplicate_pairs_other_id", "duplicate_pairs", ["other_id"])
    op.create_index(op.f("ix_duplicate_pairs_group_id"), "duplicate_pairs", ["group_id"])
    op.create_index(op.f("ix_duplicate_pairs_scan_id"), "duplicate_pairs", ["scan_id"])

    op.create_table(
        "merges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("merged_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("survivor_changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("retired_primary_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("merged_by", sa.String(length=80), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unmerged_by", sa.String(length=80), nullable=True),
        sa.Column("unmerged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["survivor_id"], ["customers.id"], name=op.f("fk_merges_survivor_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
        sa.UniqueConstraint("number", name=op.f("uq_merges_number")),
    )
    op.create_index("ix_merges_survivor_id_merged_at", "merges", ["survivor_id", "merged_at"])
    for statement in schema.protect_rows("merges", seen_with=("survivor_id", "customers")):
        op.execute(statement)
