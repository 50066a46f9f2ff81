"""Tickets, service levels, surveys, entitlements and the installed base, with the first policy."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# One statement each; they may run again. The tests run them after they have emptied the tables.
SEED = [
    """
    INSERT INTO sla_calendars (id, name, revision, zone, windows, special_days, published_at,
        published_by, version, created_at, updated_at)
    SELECT '01936f5e-0000-7000-8000-000000000001', 'office', 1, 'Asia/Shanghai',
        (SELECT jsonb_agg(jsonb_build_object('weekday', weekday, 'opens', opens, 'closes', closes)
                ORDER BY weekday, opens)
         FROM generate_series(1, 5) AS weekday,
            (VALUES ('09:00', '12:00'), ('13:00', '18:00')) AS hours (opens, closes)),
        '[]', '2000-01-01T00:00:00Z', 'installation', 0, now(), now()
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO sla_policies (id, revision, effective_at, calendar_id, priorities, targets, reason,
        published_at, published_by, version, created_at, updated_at)
    VALUES ('01936f5e-0000-7000-8000-000000000002', 1, '2000-01-01T00:00:00Z',
        '01936f5e-0000-7000-8000-000000000001',
        '{"low": {"low": "low", "medium": "low", "high": "normal"},
          "medium": {"low": "low", "medium": "normal", "high": "high"},
          "high": {"low": "normal", "medium": "high", "high": "urgent"}}',
        '{"low": {"response_minutes": 480, "solution_minutes": 2400, "around_the_clock": false},
          "normal": {"response_minutes": 240, "solution_minutes": 1440, "around_the_clock": false},
          "high": {"response_minutes": 60, "solution_minutes": 480, "around_the_clock": false},
          "urgent": {"response_minutes": 30, "solution_minutes": 240, "around_the_clock": true}}',
        'What counts until another policy is published', '2000-01-01T00:00:00Z', 'installation',
        0, now(), now())
    ON CONFLICT DO NOTHING
    """,
]

KEEP_HISTORY = [
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME;
    END $$
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ticket_steps
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
]


def upgrade() -> None:
    op.create_table(
        "entitlements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("contract_number", sa.String(length=40), nullable=False),
        sa.Column("contract_kind", sa.String(length=20), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("product_name", sa.String(length=300), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("terminated_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlements")),
        sa.UniqueConstraint(
            "contract_id", "line_no", name=op.f("uq_entitlements_contract_id_line_no")
        ),
    )
    op.create_index(
        "ix_entitlements_customer_id_id", "entitlements", ["customer_id", "id"], unique=False
    )
    op.create_table(
        "installed_products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installed_products")),
        sa.UniqueConstraint(
            "shipment_id", "line_no", name=op.f("uq_installed_products_shipment_id_line_no")
        ),
    )
    op.create_index(
        "ix_installed_products_customer_id",
        "installed_products",
        ["customer_id", "product_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_installed_products_order_id"), "installed_products", ["order_id"], unique=False
    )
    op.create_index(
        op.f("ix_installed_products_product_id"), "installed_products", ["product_id"], unique=False
    )
    op.create_index(
        "ix_installed_products_shipped_at_id",
        "installed_products",
        ["shipped_at", "id"],
        unique=False,
    )
    op.create_table(
        "known_customers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("external_source", sa.String(length=40), nullable=True),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_customers")),
    )
    op.create_index(op.f("ix_known_customers_number"), "known_customers", ["number"], unique=False)
    op.create_table(
        "known_partners",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_partners")),
    )
    op.create_table(
        "sla_calendars",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=60), nullable=False),
        sa.Column("windows", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("special_days", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_calendars")),
        sa.UniqueConstraint("name", "revision", name=op.f("uq_sla_calendars_name_revision")),
    )
    op.create_table(
        "sla_policies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("priorities", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("targets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["sla_calendars.id"],
            name=op.f("fk_sla_policies_calendar_id_sla_calendars"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_policies")),
        sa.UniqueConstraint("revision", name=op.f("uq_sla_policies_revision")),
    )
    op.create_index(
        "ix_sla_policies_effective_at", "sla_policies", ["effective_at", "revision"], unique=False
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("category", sa.String(length=120), nullable=False),
        sa.Column("impact", sa.String(length=20), nullable=True),
        sa.Column("urgency", sa.String(length=20), nullable=True),
        sa.Column("priority", sa.String(length=20), nullable=False),
        sa.Column("priority_reason", sa.String(length=400), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("channel_message_id", sa.String(length=200), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("requester", sa.String(length=200), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("covered", sa.Boolean(), nullable=True),
        sa.Column("coverage_reason", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("team", sa.String(length=60), nullable=True),
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.String(length=80), nullable=False),
        sa.Column("response_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("response_breached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("solution_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("solution_spent_s", sa.Integer(), nullable=False),
        sa.Column("solution_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("solution_breached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_breach_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("solution", sa.Text(), nullable=True),
        sa.Column("reopen_count", sa.Integer(), nullable=False),
        sa.Column("external_source", sa.String(length=40), nullable=True),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["sla_policies.id"], name=op.f("fk_tickets_policy_id_sla_policies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("number", name=op.f("uq_tickets_number")),
    )
    op.create_index(op.f("ix_tickets_assignee_id"), "tickets", ["assignee_id"], unique=False)
    op.create_index(
        "ix_tickets_customer_id_opened_at", "tickets", ["customer_id", "opened_at"], unique=False
    )
    op.create_index(op.f("ix_tickets_department_id"), "tickets", ["department_id"], unique=False)
    op.create_index(
        "ix_tickets_next_breach_at",
        "tickets",
        ["next_breach_at"],
        unique=False,
        postgresql_where=sa.text("next_breach_at IS NOT NULL"),
    )
    op.create_index("ix_tickets_opened_at_id", "tickets", ["opened_at", "id"], unique=False)
    op.create_index(op.f("ix_tickets_owner_id"), "tickets", ["owner_id"], unique=False)
    op.create_index(op.f("ix_tickets_partner_id"), "tickets", ["partner_id"], unique=False)
    op.create_index(op.f("ix_tickets_product_id"), "tickets", ["product_id"], unique=False)
    op.create_index(op.f("ix_tickets_region_id"), "tickets", ["region_id"], unique=False)
    op.create_index(
        "ix_tickets_solution_due_at_id", "tickets", ["solution_due_at", "id"], unique=False
    )
    op.create_index("ix_tickets_updated_at_id", "tickets", ["updated_at", "id"], unique=False)
    op.create_index(
        "uq_tickets_channel_message_id",
        "tickets",
        ["channel", "channel_message_id"],
        unique=True,
        postgresql_where=sa.text("channel_message_id IS NOT NULL"),
    )
    op.create_index(
        "uq_tickets_external_id",
        "tickets",
        ["external_source", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_table(
        "surveys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("closure", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("token", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("questionnaire", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_surveys_ticket_id_tickets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surveys")),
        sa.UniqueConstraint("ticket_id", "closure", name=op.f("uq_surveys_ticket_id_closure")),
        sa.UniqueConstraint("token", name=op.f("uq_surveys_token")),
    )
    op.create_index("ix_surveys_asked_at_id", "surveys", ["asked_at", "id"], unique=False)
    op.create_index(op.f("ix_surveys_customer_id"), "surveys", ["customer_id"], unique=False)
    op.create_index(op.f("ix_surveys_department_id"), "surveys", ["department_id"], unique=False)
    op.create_index(op.f("ix_surveys_owner_id"), "surveys", ["owner_id"], unique=False)
    op.create_index(op.f("ix_surveys_partner_id"), "surveys", ["partner_id"], unique=False)
    op.create_index(op.f("ix_surveys_region_id"), "surveys", ["region_id"], unique=False)
    op.create_table(
        "ticket_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("activity", sa.String(length=20), nullable=False),
        sa.Column("from_state", sa.String(length=20), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("team", sa.String(length=60), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_steps_ticket_id_tickets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_steps")),
        sa.UniqueConstraint("ticket_id", "place", name=op.f("uq_ticket_steps_ticket_id_place")),
    )
    for statement in [*KEEP_HISTORY, *SEED]:
        op.execute(statement)
