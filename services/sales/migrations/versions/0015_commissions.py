"""Commissions, targets, forecasts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from common.access import schema

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SCOPED = ("commissions", "commission_statements", "targets", "forecast_lines")
SEEN_WITH = (
    ("commission_dues", "order_id", "orders"),
    ("target_revisions", "target_id", "targets"),
)


def upgrade() -> None:
    _create_commissions()
    _create_targets()
    _create_forecasts()
    for table in SCOPED:
        for statement in schema.protect_rows(table):
            op.execute(statement)
    for table, column, other in SEEN_WITH:
        for statement in schema.protect_rows(table, seen_with=(column, other)):
            op.execute(statement)
    # What was booked stays as it was booked: a line is taken back by another one.
    for table in ("commissions", "commission_statements"):
        op.execute(
            f"REVOKE UPDATE, DELETE ON {table} FROM {schema.ALL_ROWS_ROLE}, {schema.PARTNER_ROLE}"
        )


def _create_commissions() -> None:
    op.create_table(
        "commission_rules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_rules")),
    )
    op.create_index("ix_commission_rules_code_id", "commission_rules", ["code", "id"])
    op.create_index("ix_commission_rules_valid_from_id", "commission_rules", ["valid_from", "id"])
    op.create_index(
        "uq_commission_rules_code_rule_version",
        "commission_rules",
        ["code", "rule_version"],
        unique=True,
    )
    op.create_table(
        "commission_dues",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
            name=op.f("fk_commission_dues_order_id_orders"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_commission_dues")),
    )
    op.create_index(op.f("ix_commission_dues_asked_at"), "commission_dues", ["asked_at"])
    op.create_table(
        "commission_periods",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=80), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_periods")),
        sa.UniqueConstraint("starts_on", name=op.f("uq_commission_periods_starts_on")),
    )
    op.create_table(
        "commissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("period_id", sa.Uuid(), nullable=False),
        sa.Column("payee_kind", sa.String(length=20), nullable=False),
        sa.Column("payee_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("rule_code", sa.String(length=40), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("source_kind", sa.String(length=20), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("source_amount", sa.Numeric(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.String(length=20), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=True),
        sa.Column("line_amount", sa.Numeric(), nullable=False),
        sa.Column("base_amount", sa.Numeric(), nullable=False),
        sa.Column("rate", sa.Numeric(), nullable=False),
        sa.Column("cap", sa.Numeric(), nullable=True),
        sa.Column("share_no", sa.Integer(), nullable=False),
        sa.Column("share_percent", sa.Numeric(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("rounding", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("earned_on", sa.Date(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_commissions_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["period_id"],
            ["commission_periods.id"],
            name=op.f("fk_commissions_period_id_commission_periods"),
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.id"], name=op.f("fk_commissions_receipt_id_receipts")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["commissions.id"], name=op.f("fk_commissions_reverses_id_commissions")
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["commission_rules.id"],
            name=op.f("fk_commissions_rule_id_commission_rules"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commissions")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_commissions_reverses_id")),
    )
    op.create_index("ix_commissions_booked_on_id", "commissions", ["booked_on", "id"])
    op.create_index(op.f("ix_commissions_department_id"), "commissions", ["department_id"])
    op.create_index(op.f("ix_commissions_order_id"), "commissions", ["order_id"])
    op.create_index(op.f("ix_commissions_owner_id"), "commissions", ["owner_id"])
    op.create_index(op.f("ix_commissions_partner_id"), "commissions", ["partner_id"])
    op.create_index("ix_commissions_payee_id_id", "commissions", ["payee_id", "id"])
    op.create_index(
        "ix_commissions_period_id_payee_id", "commissions", ["period_id", "payee_id", "id"]
    )
    op.create_index(op.f("ix_commissions_receipt_id"), "commissions", ["receipt_id"])
    op.create_index(op.f("ix_commissions_region_id"), "commissions", ["region_id"])
    op.create_index(op.f("ix_commissions_source_id"), "commissions", ["source_id"])
    op.create_index(
        "uq_commissions_source",
        "commissions",
        [
            "order_id",
            "source_kind",
            "source_id",
            "order_line_id",
            "rule_code",
            "share_no",
            "occurrence",
        ],
        unique=True,
        postgresql_where=sa.text("reverses_id IS NULL"),
    )
    op.create_table(
        "commission_statements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("period_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("payee_kind", sa.String(length=20), nullable=False),
        sa.Column("payee_id", sa.Uuid(), nullable=False),
        sa.Column("totals", postgresql.JSONB(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("lines_hash", sa.String(length=64), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_by", sa.String(length=80), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["period_id"],
            ["commission_periods.id"],
            name=op.f("fk_commission_statements_period_id_commission_periods"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commission_statements")),
    )
    op.create_index(
        op.f("ix_commission_statements_department_id"), "commission_statements", ["department_id"]
    )
    op.create_index(
        op.f("ix_commission_statements_owner_id"), "commission_statements", ["owner_id"]
    )
    op.create_index(
        op.f("ix_commission_statements_partner_id"), "commission_statements", ["partner_id"]
    )
    op.create_index("ix_commission_statements_payee_id", "commission_statements", ["payee_id"])
    op.create_index(
        op.f("ix_commission_statements_region_id"), "commission_statements", ["region_id"]
    )
    op.create_index(
        "ix_commission_statements_settled_at_id", "commission_statements", ["settled_at", "id"]
    )
    op.create_index(
        "uq_commission_statements_period_id_payee",
        "commission_statements",
        ["period_id", "payee_kind", "payee_id"],
        unique=True,
    )


def _create_targets() -> None:
    op.create_table(
        "targets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.String(length=20), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("sums", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("target_version", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["targets.id"], name=op.f("fk_targets_parent_id_targets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_targets")),
    )
    op.create_index("ix_targets_created_at_id", "targets", ["created_at", "id"])
    op.create_index(op.f("ix_targets_department_id"), "targets", ["department_id"])
    op.create_index(op.f("ix_targets_owner_id"), "targets", ["owner_id"])
    op.create_index(op.f("ix_targets_parent_id"), "targets", ["parent_id"])
    op.create_index(op.f("ix_targets_partner_id"), "targets", ["partner_id"])
    op.create_index(op.f("ix_targets_region_id"), "targets", ["region_id"])
    op.create_index("ix_targets_starts_on_id", "targets", ["starts_on", "id"])
    op.create_index(
        "uq_targets_subject",
        "targets",
        ["subject_kind", "subject_id", "measure", "currency", "starts_on", "period"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "target_revisions",
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("target_version", sa.Integer(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("set_by", sa.String(length=80), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["target_id"],
            ["targets.id"],
            name=op.f("fk_target_revisions_target_id_targets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("target_id", "target_version", name=op.f("pk_target_revisions")),
    )


def _create_forecasts() -> None:
    op.create_table(
        "forecast_snapshots",
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("taken_on", name=op.f("pk_forecast_snapshots")),
    )
    op.create_table(
        "forecast_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("stage", sa.String(length=60), nullable=False),
        sa.Column("probability", sa.Numeric(precision=5, scale=4), nullable=False),
        sa.Column("expected_amount", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("expected_close_on", sa.Date(), nullable=False),
        sa.Column("forecast_category", sa.String(length=20), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["opportunity_id"],
            ["opportunities.id"],
            name=op.f("fk_forecast_lines_opportunity_id_opportunities"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast_lines")),
    )
    op.create_index(op.f("ix_forecast_lines_department_id"), "forecast_lines", ["department_id"])
    op.create_index(
        "ix_forecast_lines_expected_close_on_id", "forecast_lines", ["expected_close_on", "id"]
    )
    op.create_index(op.f("ix_forecast_lines_opportunity_id"), "forecast_lines", ["opportunity_id"])
    op.create_index(op.f("ix_forecast_lines_owner_id"), "forecast_lines", ["owner_id"])
    op.create_index(op.f("ix_forecast_lines_partner_id"), "forecast_lines", ["partner_id"])
    op.create_index(op.f("ix_forecast_lines_region_id"), "forecast_lines", ["region_id"])
    op.create_index(
        "uq_forecast_lines_standing",
        "forecast_lines",
        ["opportunity_id"],
        unique=True,
        postgresql_where=sa.text("until_on IS NULL"),
    )
