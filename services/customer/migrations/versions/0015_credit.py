"""Ratings, limits and holds of customers' credit."""

import sqlalchemy as sa
from alembic import op

from common.access import schema

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_ratings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("grade", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("effective_until", sa.Date(), nullable=True),
        sa.Column("rated_by", sa.String(length=80), nullable=False),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_credit_ratings_customer_id_customers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_ratings")),
    )
    op.create_index(
        "ix_credit_ratings_customer_id", "credit_ratings", ["customer_id", "effective_on", "id"]
    )
    op.create_index("ix_credit_ratings_rated_at_id", "credit_ratings", ["rated_at", "id"])
    op.create_table(
        "credit_limits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("set_by", sa.String(length=80), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_credit_limits_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_limits")),
    )
    op.create_index(
        "ix_credit_limits_customer_id", "credit_limits", ["customer_id", "valid_from", "id"]
    )
    op.create_index("ix_credit_limits_set_at_id", "credit_limits", ["set_at", "id"])
    op.create_table(
        "credit_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("held_by", sa.String(length=80), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release_reason", sa.String(length=300), nullable=True),
        sa.Column("released_by", sa.String(length=80), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_credit_holds_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_holds")),
    )
    op.create_index("ix_credit_holds_customer_id", "credit_holds", ["customer_id", "held_at"])
    op.create_index(
        "uq_credit_holds_customer_id",
        "credit_holds",
        ["customer_id"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    for table in ("credit_ratings", "credit_limits", "credit_holds"):
        for statement in schema.protect_rows(table, seen_with=("customer_id", "customers")):
            op.execute(statement)
