"""Samples."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_samples")),
    )
    op.create_index("ix_samples_created_at_id", "samples", ["created_at", "id"], unique=False)
    op.create_index("ix_samples_name_id", "samples", ["name", "id"], unique=False)
    op.create_index(op.f("ix_samples_owner_id"), "samples", ["owner_id"], unique=False)
    op.create_index(op.f("ix_samples_department_id"), "samples", ["department_id"], unique=False)
    op.create_index(op.f("ix_samples_partner_id"), "samples", ["partner_id"], unique=False)
    op.create_index(op.f("ix_samples_region_id"), "samples", ["region_id"], unique=False)
