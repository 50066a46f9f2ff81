"""The whole customer record: dictionaries, number patterns, mnemonics, search, transfers, partners."""

from uuid import NAMESPACE_OID, uuid5

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from common import merges, numbers
from common.access import schema

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STANDARD = {
    "industries": frozenset(
        [
            "manufacturing",
            "machinery",
            "automotive",
            "electronics",
            "semiconductors",
            "chemicals",
            "pharmaceuticals",
            "medical",
            "food",
            "textiles",
            "paper",
            "metals",
            "power",
            "water",
            "environment",
            "construction",
            "real_estate",
            "retail",
            "wholesale",
            "logistics",
            "telecommunications",
            "telecommunication",
            "technology",
            "software",
            "finance",
            "services",
            "employment",
            "entertainment",
            "marketing",
            "education",
            "government",
            "agriculture",
            "other",
        ]
    ),
    "customer_statuses": frozenset({"prospect", "active", "inactive"}),
}
TOKENS = postgresql.ARRAY(sa.Text())
SORTED_BY = {
    "kind": False,
    "status": False,
    "source": False,
    "registered_at": False,
    "industry": True,
    "size": True,
    "customer_type": True,
    "business_scope_code": True,
    "country": True,
    "city": True,
    "postcode": True,
    "employee_count": True,
    "annual_revenue": True,
    "founded_year": True,
}


def upgrade() -> None:
    for statement in numbers.PATTERNS:
        op.execute(statement)
    _dictionaries()
    _keep_codes_in_use()
    _customers()
    _contacts()
    _transfers()
    _partner_relations()


def _dictionaries() -> None:
    op.create_table(
        "dictionary_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dictionary", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("label_zh", sa.String(length=120), nullable=False),
        sa.Column("label_en", sa.String(length=120), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dictionary_entries")),
        sa.UniqueConstraint("dictionary", "code", name=op.f("uq_dictionary_entries_dictionary")),
    )
    op.execute("""
        CREATE TABLE dictionary_revisions (
            is_the_only_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_only_one),
            revision uuid NOT NULL
        )
    """)


def _keep_codes_in_use() -> None:
    """What customers have is in the dictionaries, each code as its own name until somebody names it."""
    for dictionary, column in (("industries", "industry"), ("customer_statuses", "status")):
        used = op.get_bind().execute(
            sa.text(f"SELECT DISTINCT {column} FROM customers WHERE {column} IS NOT NULL")  # noqa: S608
        )
        for (code,) in used.all():
            if code in STANDARD[dictionary]:
                continue
            op.get_bind().execute(
                sa.text("""
                    INSERT INTO dictionary_entries (id, dictionary, code, label_zh, label_en,
                        position, is_retired, version, created_at, updated_at)
                    VALUES (:id, :dictionary, :code, :code, :code, 100000, false, 0, now(), now())
                """),
                {
                    "id": uuid5(NAMESPACE_OID, f"fairway/customer/{dictionary}/{code}"),
                    "dictionary": dictionary,
                    "code": code,
                },
            )


def _customers() -> None:
    op.alter_column("customers", "number", type_=sa.String(length=40, collation="C"))
    op.alter_column("customers", "status", type_=sa.String(length=60))
    op.alter_column("customers", "source", type_=sa.String(length=60))
    for name, length in (
        ("size", 60),
        ("customer_type", 60),
        ("business_scope_code", 60),
        ("office_address", 300),
    ):
        op.add_column("customers", sa.Column(name, sa.String(length=length), nullable=True))
    op.add_column(
        "customers", sa.Column("mnemonic", sa.String(length=40, collation="C"), nullable=True)
    )
    op.create_unique_constraint(op.f("uq_customers_mnemonic"), "customers", ["mnemonic"])
    _searched("customers")
    for key, is_nullable in SORTED_BY.items():
        op.create_index(f"ix_customers_{key}_id", "customers", [key, "id"])
        if is_nullable:
            op.create_index(
                f"ix_customers_{key}_id_desc",
                "customers",
                [sa.text(f"{key} DESC NULLS LAST"), sa.text("id DESC")],
            )
    # Who takes one waits for whoever is taking another one of the same letters. They are waited for in
    # one order, so that two who take many never wait for each other in a circle.
    op.execute("""
        CREATE FUNCTION free_mnemonics(asked text[]) RETURNS text[] LANGUAGE plpgsql AS $$
        DECLARE
            given text[] := '{}';
            base text;
            latest bigint;
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended('mnemonic ' || stem, 0))
            FROM (SELECT DISTINCT split_part(each, '-', 1) AS stem FROM unnest(asked) AS each
                  ORDER BY 1) AS stems;
            FOREACH base IN ARRAY asked LOOP
                IF base = ANY(given) OR EXISTS (SELECT FROM customers WHERE mnemonic = base) THEN
                    SELECT max(substring(taken FROM length(base) + 2)::bigint) INTO latest
                    FROM (
                        SELECT mnemonic::text AS taken FROM customers
                        WHERE mnemonic LIKE base || '-%'
                        UNION ALL SELECT unnest(given)
                    ) AS all_taken
                    WHERE taken ~ ('^' || base || '-[0-9]{1,9}$');
                    given := given || (base || '-' || (coalesce(latest, 1) + 1));
                ELSE
                    given := given || base;
                END IF;
            END LOOP;
            RETURN given;
        END $$
    """)


def _contacts() -> None:
    op.add_column("contacts", sa.Column("employee_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_contacts_employee_id"), "contacts", ["employee_id"])
    op.create_index(op.f("ix_contacts_supervisor_id"), "contacts", ["supervisor_id"])
    op.create_index("ix_contacts_name_id", "contacts", ["name", "id"])
    op.create_index("ix_contacts_created_at_id", "contacts", ["created_at", "id"])
    _searched("contacts")
    op.create_table(
        "contact_moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("from_customer_id", sa.Uuid(), nullable=False),
        sa.Column("to_customer_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("moved_by", sa.String(length=80), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_contact_moves_contact_id_contacts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_moves")),
    )
    op.create_index("ix_contact_moves_contact", "contact_moves", ["contact_id", "moved_at"])
    for statement in schema.protect_rows("contact_moves", seen_with=("contact_id", "contacts")):
        op.execute(statement)


def _searched(table: str) -> None:
    op.add_column(table, sa.Column("search_tokens", TOKENS, nullable=True))
    op.create_index(
        f"ix_{table}_search_tokens",
        table,
        ["search_tokens"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index(
        f"ix_{table}_without_tokens",
        table,
        ["id"],
        postgresql_where=sa.text("search_tokens IS NULL"),
    )


def _transfers() -> None:
    op.create_table(
        "customer_transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("to_owner_id", sa.Uuid(), nullable=True),
        sa.Column("to_department_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("transferred", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(length=80), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_transfers")),
    )
    op.create_index(
        "ix_customer_transfers_running",
        "customer_transfers",
        ["started_at", "id"],
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "customer_transfer_items",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["customer_transfers.id"],
            name=op.f("fk_customer_transfer_items_transfer_id_customer_transfers"),
        ),
        sa.PrimaryKeyConstraint(
            "transfer_id", "customer_id", name=op.f("pk_customer_transfer_items")
        ),
    )


def _partner_relations() -> None:
    op.create_table(
        "partner_relations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("of_partner_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_partner_relations_customer_id_customers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_relations")),
    )
    op.create_index(
        "ix_partner_relations_customer", "partner_relations", ["customer_id", "valid_from", "id"]
    )
    op.create_index(
        "ix_partner_relations_of_partner",
        "partner_relations",
        ["of_partner_id", "valid_from", "id"],
    )
    op.create_index("ix_partner_relations_valid_from_id", "partner_relations", ["valid_from", "id"])
    # A partner is one customer at a time. That a customer is one partner is asked for when it is said:
    # two that are merged may have been two.
    op.create_index(
        "uq_partner_relations_same_party",
        "partner_relations",
        ["of_partner_id"],
        unique=True,
        postgresql_where=sa.text("role = 'same_party' AND valid_until IS NULL"),
    )
    for statement in merges.follows("partner_relations", "customer_id"):
        op.execute(statement)
    for statement in schema.protect_rows(
        "partner_relations", seen_with=("customer_id", "customers")
    ):
        op.execute(statement)
