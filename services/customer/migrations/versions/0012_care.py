"""Follow-ups, pools, verification."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from common import merges
from common.access import schema

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SCOPE = ("owner_id", "department_id", "partner_id", "region_id")


def _of_aggregates() -> list[sa.Column]:
    return [
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def upgrade() -> None:
    _pools()
    _interactions()
    _preferences()
    _follow_ups()
    _reminders()
    _verification()
    _quality()


def _pools() -> None:
    op.add_column(
        "customers",
        sa.Column(
            "owned_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.add_column(
        "customers",
        sa.Column("is_claimed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("customers", sa.Column("recycle_warned_at", sa.DateTime(timezone=True)))
    # In the database, because owners change by transfers, handovers, claims and whatever comes.
    op.execute("""
        CREATE FUNCTION note_since_when_owned() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.owned_since := now();
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER note_since_when_owned BEFORE UPDATE OF owner_id ON customers
        FOR EACH ROW WHEN (OLD.owner_id IS DISTINCT FROM NEW.owner_id)
        EXECUTE FUNCTION note_since_when_owned()
    """)
    op.create_index(
        "ix_customers_pool",
        "customers",
        ["department_id", "region_id", "owned_since", "id"],
        postgresql_where=sa.text("owner_id IS NULL AND partner_id IS NULL AND deleted_at IS NULL"),
    )
    op.create_index(
        "ix_customers_claimed",
        "customers",
        ["owner_id"],
        postgresql_where=sa.text("is_claimed AND deleted_at IS NULL"),
    )
    op.create_index(
        "ix_customers_owned",
        "customers",
        ["owned_since", "id"],
        postgresql_where=sa.text(
            "owner_id IS NOT NULL AND partner_id IS NULL AND deleted_at IS NULL"
        ),
    )
    op.create_table(
        "pool_policies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("claim_limit", sa.Integer(), nullable=False),
        sa.Column("cool_down_days", sa.Integer(), nullable=False),
        sa.Column("recycle_after_days", sa.Integer(), nullable=True),
        sa.Column("warn_before_days", sa.Integer(), nullable=False),
        *_of_aggregates(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool_policies")),
    )
    op.create_index(
        "uq_pool_policies_pool",
        "pool_policies",
        ["department_id", "region_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_pool_policies_created_at_id", "pool_policies", ["created_at", "id"])
    op.create_table(
        "customer_moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("how", sa.String(length=20), nullable=False),
        sa.Column("from_owner_id", sa.Uuid(), nullable=True),
        sa.Column("to_owner_id", sa.Uuid(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_moves_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_moves")),
    )
    op.create_index("ix_customer_moves_customer_id", "customer_moves", ["customer_id", "id"])
    _behind_the_wall("customer_moves", seen_with=("customer_id", "customers"))
    _follows_merges("customer_moves")


def _behind_the_wall(table: str, seen_with: tuple[str, str] | None = None) -> None:
    for statement in schema.protect_rows(table, seen_with=seen_with):
        op.execute(statement)


def _follows_merges(table: str) -> None:
    for statement in merges.follows(table, "customer_id"):
        op.execute(statement)


def _interactions() -> None:
    for name in ("also_contact_ids", "employee_ids"):
        op.add_column(
            "interactions",
            sa.Column(name, ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        )
    for name in ("opportunity_id", "contract_id", "ticket_id", "with_partner_id"):
        op.add_column("interactions", sa.Column(name, sa.Uuid(), nullable=True))
        op.create_index(f"ix_interactions_{name}", "interactions", [name])
    op.add_column("interactions", sa.Column("promised_on", sa.Date(), nullable=True))
    op.create_index(
        "ix_interactions_promised_on",
        "interactions",
        ["promised_on"],
        postgresql_where=sa.text("promised_on IS NOT NULL"),
    )
    for name in ("needs", "problems"):
        op.add_column(
            "interactions",
            sa.Column(name, ARRAY(sa.String(length=60)), server_default="{}", nullable=False),
        )
        op.create_index(f"ix_interactions_{name}", "interactions", [name], postgresql_using="gin")


def _preferences() -> None:
    op.add_column("contacts", sa.Column("preferred_channel", sa.String(length=20)))
    op.add_column("contacts", sa.Column("preferred_from", sa.Time()))
    op.add_column("contacts", sa.Column("preferred_until", sa.Time()))
    op.add_column(
        "contacts",
        sa.Column("is_opted_out", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def _follow_ups() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        sa.Column("interaction_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("cause_key", sa.String(length=200), nullable=True),
        sa.Column("planned_by", sa.String(length=80), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=80), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in SCOPE),
        *_of_aggregates(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_follow_ups_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_follow_ups_contact_id_contacts")
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["follow_ups.id"], name=op.f("fk_follow_ups_previous_id_follow_ups")
        ),
        sa.ForeignKeyConstraint(
            ["interaction_id"],
            ["interactions.id"],
            name=op.f("fk_follow_ups_interaction_id_interactions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_ups")),
    )
    op.create_index("ix_follow_ups_customer_id", "follow_ups", ["customer_id", "due_at", "id"])
    op.create_index("ix_follow_ups_contact_id", "follow_ups", ["contact_id"])
    op.create_index("ix_follow_ups_due_at_id", "follow_ups", ["due_at", "id"])
    op.create_index("ix_follow_ups_created_at_id", "follow_ups", ["created_at", "id"])
    for name in SCOPE:
        op.create_index(f"ix_follow_ups_{name}", "follow_ups", [name])
    op.create_index(
        "ix_follow_ups_open",
        "follow_ups",
        ["owner_id", "due_at", "id"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_follow_ups_to_remind",
        "follow_ups",
        ["remind_at", "id"],
        postgresql_where=sa.text("state = 'open' AND reminded_at IS NULL"),
    )
    op.create_index(
        "uq_follow_ups_cause_key",
        "follow_ups",
        ["cause_key"],
        unique=True,
        postgresql_where=sa.text("cause_key IS NOT NULL"),
    )
    _behind_the_wall("follow_ups")
    _follows_merges("follow_ups")


def _reminders() -> None:
    op.create_table(
        "reminder_rules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("grades", ARRAY(sa.String(length=20)), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        *_of_aggregates(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_rules")),
    )
    op.create_index("ix_reminder_rules_created_at_id", "reminder_rules", ["created_at", "id"])
    # A birthday comes every year: found by its month and day.
    op.execute("""
        CREATE INDEX ix_contacts_birthday ON contacts (
            (CAST(extract(month FROM birthday) * 100 + extract(day FROM birthday) AS integer))
        ) WHERE birthday IS NOT NULL AND deleted_at IS NULL
    """)


def _verification() -> None:
    op.create_table(
        "verifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("field_group", sa.String(length=20), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=True),
        sa.Column("verified_by", sa.String(length=80), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_verifications_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    op.create_index(
        "ix_verifications_customer_id",
        "verifications",
        ["customer_id", "field_group", "verified_at", "id"],
    )
    op.create_index("ix_verifications_verified_at_id", "verifications", ["verified_at", "id"])
    _behind_the_wall("verifications", seen_with=("customer_id", "customers"))
    _follows_merges("verifications")
    op.create_table(
        "verification_policies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("field_group", sa.String(length=20), nullable=False),
        sa.Column("grade", sa.String(length=10), nullable=True),
        sa.Column("every_days", sa.Integer(), nullable=True),
        *_of_aggregates(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_policies")),
    )
    op.create_index(
        "uq_verification_policies_group",
        "verification_policies",
        ["field_group", "grade"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "ix_verification_policies_created_at_id", "verification_policies", ["created_at", "id"]
    )


def _quality() -> None:
    op.create_table(
        "quality_issues",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("fields", ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=80), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=True),
        *_of_aggregates(),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_quality_issues_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_quality_issues_contact_id_contacts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_issues")),
    )
    op.create_index("ix_quality_issues_customer_id", "quality_issues", ["customer_id"])
    op.create_index("ix_quality_issues_found_at_id", "quality_issues", ["found_at", "id"])
    op.create_index(
        "ix_quality_issues_open",
        "quality_issues",
        ["kind", "assignee_id", "found_at", "id"],
        postgresql_where=sa.text("state IN ('open', 'assigned')"),
    )
    _behind_the_wall("quality_issues", seen_with=("customer_id", "customers"))
    _follows_merges("quality_issues")
    # The version of each customer that was looked at last, by the sum over it and its contacts.
    op.create_table(
        "quality_checks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("completeness", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["customers.id"], name=op.f("fk_quality_checks_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_checks")),
    )
    _behind_the_wall("quality_checks", seen_with=("id", "customers"))
