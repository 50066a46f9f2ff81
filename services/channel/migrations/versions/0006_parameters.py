"""Parameters, the day a department closed, further departments of employees."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "parameters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parameters")),
        sa.UniqueConstraint("name", name=op.f("uq_parameters_name")),
    )
    op.create_table(
        "parameter_settings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parameter_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.String(length=80), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=80), nullable=True),
        sa.Column("withdrawn_reason", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["parameter_id"],
            ["parameters.id"],
            name=op.f("fk_parameter_settings_parameter_id_parameters"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parameter_settings")),
    )
    op.create_index(
        "uq_parameter_settings_parameter_id_place",
        "parameter_settings",
        ["parameter_id", "place"],
        unique=True,
    )
    op.add_column("departments", sa.Column("closed_on", sa.Date(), nullable=True))
    op.add_column(
        "employees",
        sa.Column(
            "other_department_ids",
            postgresql.ARRAY(sa.Uuid()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.create_index(
        "ix_employees_other_department_ids",
        "employees",
        ["other_department_ids"],
        postgresql_using="gin",
    )
