"""Transactions, standings, segments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from common import merges
from common.access import schema

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SCOPED = ("known_orders", "known_receipts", "known_contracts", "known_tickets", "segments")
SEEN_WITH = {
    "known_order_lines": ("order_id", "known_orders"),
    "known_instalments": ("order_id", "known_orders"),
    "known_payments": ("order_id", "known_orders"),
    "standings": ("id", "customers"),
    "grade_overrides": ("customer_id", "customers"),
    "grade_entries": ("customer_id", "customers"),
    "stage_entries": ("customer_id", "customers"),
    "class_entries": ("customer_id", "customers"),
    "segment_progress": ("id", "segments"),
    "segment_members": ("customer_id", "customers"),
}
FOLLOWING = (
    "known_orders",
    "known_receipts",
    "known_contracts",
    "known_tickets",
    "segment_members",
)

# What a standing follows from: when it changes, the customer is assessed again.
ASSESSED_FROM = """
    kind, status, industry, size, customer_type, business_scope_code, country, city, source,
    employee_count, annual_revenue, founded_year, owner_id, department_id, partner_id, region_id, custom, deleted_at, merged_into_id
"""


def upgrade() -> None:
    _copies()
    _standings()
    _segments()
    for table in SCOPED:
        for statement in schema.protect_rows(table):
            op.execute(statement)
    for table, seen_with in SEEN_WITH.items():
        for statement in schema.protect_rows(table, seen_with=seen_with):
            op.execute(statement)
    for table in FOLLOWING:
        for statement in merges.follows(table, "customer_id"):
            op.execute(statement)
    _note_what_is_due()
    _read_orders_again()


def _note_what_is_due() -> None:
    op.execute("""
        CREATE FUNCTION assess_the_customer() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO due_assessments (of_id) VALUES (NEW.id);
            RETURN NULL;
        END $$
    """)
    op.execute(f"""
        CREATE TRIGGER assess_the_customer AFTER INSERT OR UPDATE OF {ASSESSED_FROM} ON customers
        FOR EACH ROW EXECUTE FUNCTION assess_the_customer()
    """)
    op.execute("""
        CREATE FUNCTION assess_whom_it_names() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.customer_id IS NOT NULL THEN
                INSERT INTO due_assessments (of_id) VALUES (NEW.customer_id);
            END IF;
            IF TG_OP = 'UPDATE' AND OLD.customer_id IS DISTINCT FROM NEW.customer_id
                AND OLD.customer_id IS NOT NULL THEN
                INSERT INTO due_assessments (of_id) VALUES (OLD.customer_id);
            END IF;
            RETURN NULL;
        END $$
    """)
    for table in ("known_orders", "known_contracts", "known_tickets"):
        op.execute(f"""
            CREATE TRIGGER assess_whom_it_names AFTER INSERT OR UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION assess_whom_it_names()
        """)
    op.execute("""
        CREATE FUNCTION assess_who_paid() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO due_assessments (of_id)
            SELECT customer_id FROM known_orders
            WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.order_id ELSE NEW.order_id END;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER assess_who_paid AFTER INSERT OR DELETE ON known_payments
        FOR EACH ROW EXECUTE FUNCTION assess_who_paid()
    """)
    op.execute("INSERT INTO due_assessments (of_id) SELECT id FROM customers")


def _read_orders_again() -> None:
    """Orders were heard before they were copied: what was said of them is read from the feed again.

    `replayed_orders` remembers which these are, so that they make nobody active a second time.
    """
    op.execute("CREATE TABLE replayed_orders (id uuid PRIMARY KEY)")
    op.execute("""
        INSERT INTO replayed_orders
        SELECT aggregate_id FROM consumer_aggregate
        WHERE aggregate_type = 'sales.order' AND last_version > 0
    """)
    op.execute("DELETE FROM inbox_event WHERE aggregate_type = 'sales.order'")
    op.execute("DELETE FROM consumer_aggregate WHERE aggregate_type = 'sales.order'")
    op.execute("DELETE FROM subscription WHERE aggregate_type = 'sales.order'")


def _copies() -> None:
    op.create_table(
        "known_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("ordered_on", sa.Date(), nullable=True),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("opportunity_id", sa.Uuid(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_orders")),
    )
    op.create_index(
        "ix_known_orders_customer_id",
        "known_orders",
        ["customer_id", "ordered_on", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_known_orders_department_id"), "known_orders", ["department_id"], unique=False
    )
    op.create_index(op.f("ix_known_orders_owner_id"), "known_orders", ["owner_id"], unique=False)
    op.create_index(
        op.f("ix_known_orders_partner_id"), "known_orders", ["partner_id"], unique=False
    )
    op.create_index(op.f("ix_known_orders_region_id"), "known_orders", ["region_id"], unique=False)
    op.create_index("ix_known_orders_told_at_id", "known_orders", ["told_at", "id"], unique=False)
    op.create_table(
        "known_order_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("product_name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_order_lines")),
    )
    op.create_index(
        "ix_known_order_lines_order_id", "known_order_lines", ["order_id"], unique=False
    )
    op.create_index(
        "ix_known_order_lines_product_id", "known_order_lines", ["product_id"], unique=False
    )
    op.create_table(
        "known_instalments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("instalment_no", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("is_replaced", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_instalments")),
    )
    op.create_index("ix_known_instalments_due_on", "known_instalments", ["due_on"], unique=False)
    op.create_index(
        "ix_known_instalments_order_id", "known_instalments", ["order_id"], unique=False
    )
    op.create_table(
        "known_receipts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("is_reversed", sa.Boolean(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_receipts")),
    )
    op.create_index(
        "ix_known_receipts_customer_id", "known_receipts", ["customer_id"], unique=False
    )
    op.create_index(
        op.f("ix_known_receipts_department_id"), "known_receipts", ["department_id"], unique=False
    )
    op.create_index(
        op.f("ix_known_receipts_owner_id"), "known_receipts", ["owner_id"], unique=False
    )
    op.create_index(
        op.f("ix_known_receipts_partner_id"), "known_receipts", ["partner_id"], unique=False
    )
    op.create_index(
        op.f("ix_known_receipts_region_id"), "known_receipts", ["region_id"], unique=False
    )
    op.create_index(
        "ix_known_receipts_told_at_id", "known_receipts", ["told_at", "id"], unique=False
    )
    op.create_table(
        "known_payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_number", sa.String(length=40), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("instalment_id", sa.Uuid(), nullable=False),
        sa.Column("instalment_no", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_payments")),
    )
    op.create_index("ix_known_payments_order_id", "known_payments", ["order_id"], unique=False)
    op.create_index("ix_known_payments_receipt_id", "known_payments", ["receipt_id"], unique=False)
    op.create_index(
        "ix_known_payments_received_on_id", "known_payments", ["received_on", "id"], unique=False
    )
    op.create_table(
        "known_contracts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_contracts")),
    )
    op.create_index(
        "ix_known_contracts_customer_id",
        "known_contracts",
        ["customer_id", "starts_on"],
        unique=False,
    )
    op.create_index(
        op.f("ix_known_contracts_department_id"), "known_contracts", ["department_id"], unique=False
    )
    op.create_index(
        op.f("ix_known_contracts_owner_id"), "known_contracts", ["owner_id"], unique=False
    )
    op.create_index(
        op.f("ix_known_contracts_partner_id"), "known_contracts", ["partner_id"], unique=False
    )
    op.create_index(
        op.f("ix_known_contracts_region_id"), "known_contracts", ["region_id"], unique=False
    )
    op.create_index(
        "ix_known_contracts_told_at_id", "known_contracts", ["told_at", "id"], unique=False
    )
    op.create_table(
        "known_tickets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("category", sa.String(length=80), nullable=False),
        sa.Column("priority", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_tickets")),
    )
    op.create_index(
        "ix_known_tickets_customer_id", "known_tickets", ["customer_id", "opened_at"], unique=False
    )
    op.create_index(
        op.f("ix_known_tickets_department_id"), "known_tickets", ["department_id"], unique=False
    )
    op.create_index(op.f("ix_known_tickets_owner_id"), "known_tickets", ["owner_id"], unique=False)
    op.create_index(
        op.f("ix_known_tickets_partner_id"), "known_tickets", ["partner_id"], unique=False
    )
    op.create_index(
        op.f("ix_known_tickets_region_id"), "known_tickets", ["region_id"], unique=False
    )
    op.create_index("ix_known_tickets_told_at_id", "known_tickets", ["told_at", "id"], unique=False)
    op.create_table(
        "listening",
        sa.Column("service", sa.String(length=20), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_listening")),
    )


def _standings() -> None:
    op.create_table(
        "assessment_policies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("rules", JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_policies")),
    )
    op.create_index(
        "ix_assessment_policies_created_at_id",
        "assessment_policies",
        ["created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_assessment_policies_in_force",
        "assessment_policies",
        ["kind", "effective_on", "policy_version"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "uq_assessment_policies_version",
        "assessment_policies",
        ["kind", "policy_version"],
        unique=True,
    )
    op.create_table(
        "standings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_count", sa.Integer(), nullable=False),
        sa.Column("first_ordered_on", sa.Date(), nullable=True),
        sa.Column("last_ordered_on", sa.Date(), nullable=True),
        sa.Column("grade", sa.String(length=10), nullable=True),
        sa.Column("grade_source", sa.String(length=20), nullable=True),
        sa.Column("computed_grade", sa.String(length=10), nullable=True),
        sa.Column("score", sa.Numeric(), nullable=True),
        sa.Column("breakdown", JSONB(), nullable=False),
        sa.Column("grading_version", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("stage_since_on", sa.Date(), nullable=True),
        sa.Column("lifecycle_version", sa.Integer(), nullable=False),
        sa.Column("class_code", sa.String(length=60), nullable=True),
        sa.Column("class_source", sa.String(length=20), nullable=True),
        sa.Column("class_reason", sa.String(length=300), nullable=True),
        sa.Column("classification_version", sa.Integer(), nullable=True),
        sa.Column("assessed_by", sa.String(length=60), nullable=False),
        sa.Column("assessed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["customers.id"], name=op.f("fk_standings_id_customers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standings")),
    )
    op.create_index("ix_standings_assessed_by", "standings", ["assessed_by"], unique=False)
    op.create_index("ix_standings_class_code", "standings", ["class_code"], unique=False)
    op.create_index("ix_standings_grade", "standings", ["grade"], unique=False)
    op.create_index("ix_standings_last_ordered_on", "standings", ["last_ordered_on"], unique=False)
    op.create_index("ix_standings_stage", "standings", ["stage"], unique=False)
    op.create_table(
        "grade_overrides",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("grade", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("set_by", sa.String(length=80), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(length=80), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_grade_overrides_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grade_overrides")),
    )
    op.create_index(
        "ix_grade_overrides_expires_on", "grade_overrides", ["expires_on"], unique=False
    )
    op.create_index(
        "uq_grade_overrides_customer_id",
        "grade_overrides",
        ["customer_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "grade_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("grade", sa.String(length=10), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=True),
        sa.Column("computed_grade", sa.String(length=10), nullable=True),
        sa.Column("score", sa.Numeric(), nullable=True),
        sa.Column("breakdown", JSONB(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_grade_entries_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grade_entries")),
    )
    op.create_index(
        "ix_grade_entries_customer_id",
        "grade_entries",
        ["customer_id", "since_at", "id"],
        unique=False,
    )
    op.create_table(
        "stage_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("from_stage", sa.String(length=20), nullable=False),
        sa.Column("since_on", sa.Date(), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_stage_entries_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_entries")),
    )
    op.create_index(
        "ix_stage_entries_customer_id",
        "stage_entries",
        ["customer_id", "entered_at", "id"],
        unique=False,
    )
    op.create_table(
        "class_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("class_code", sa.String(length=60), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_class_entries_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_entries")),
    )
    op.create_index(
        "ix_class_entries_customer_id",
        "class_entries",
        ["customer_id", "since_at", "id"],
        unique=False,
    )
    op.create_table(
        "due_assessments",
        sa.Column("seq", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("of_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_due_assessments")),
    )


def _segments() -> None:
    op.create_table(
        "segments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.String(length=300), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("conditions", JSONB(), nullable=False),
        sa.Column("frozen_from_id", sa.Uuid(), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["frozen_from_id"], ["segments.id"], name=op.f("fk_segments_frozen_from_id_segments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
    )
    op.create_index("ix_segments_created_at_id", "segments", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_segments_department_id"), "segments", ["department_id"], unique=False)
    op.create_index(
        op.f("ix_segments_frozen_from_id"), "segments", ["frozen_from_id"], unique=False
    )
    op.create_index("ix_segments_name_id", "segments", ["name", "id"], unique=False)
    op.create_index(op.f("ix_segments_owner_id"), "segments", ["owner_id"], unique=False)
    op.create_index(op.f("ix_segments_partner_id"), "segments", ["partner_id"], unique=False)
    op.create_index(op.f("ix_segments_region_id"), "segments", ["region_id"], unique=False)
    op.create_table(
        "segment_progress",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_behind", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["segments.id"], name=op.f("fk_segment_progress_id_segments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_progress")),
    )
    op.create_index(
        "ix_segment_progress_refreshed_at", "segment_progress", ["refreshed_at"], unique=False
    )
    op.create_table(
        "segment_members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segments.id"], name=op.f("fk_segment_members_segment_id_segments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_members")),
    )
    op.create_index(
        "ix_segment_members_customer_id", "segment_members", ["customer_id"], unique=False
    )
    op.create_index(
        "ix_segment_members_segment_id",
        "segment_members",
        ["segment_id", "customer_id"],
        unique=False,
    )
