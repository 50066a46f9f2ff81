"""Price lists, quotes, exchange rates.

What was decided before has no rate: nobody kept one, and today's is not that of then.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from common.access import schema

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Old code, which runs on until it is replaced, writes documents without these.
_NOTHING = sa.text("0")
_FIGURES = [
    ("quotes", "discount_amount"),
    ("quotes", "tax_total"),
    ("quote_lines", "document_discount"),
    ("quote_lines", "tax_percent"),
    ("quote_lines", "tax_amount"),
    ("orders", "discount_amount"),
    ("orders", "tax_total"),
    ("order_lines", "document_discount"),
    ("order_lines", "tax_percent"),
    ("order_lines", "tax_amount"),
]


def upgrade() -> None:
    for table, column in _FIGURES:
        op.add_column(
            table, sa.Column(column, sa.Numeric(), nullable=False, server_default=_NOTHING)
        )
    for table in ("quotes", "orders"):
        op.add_column(
            table,
            sa.Column(
                "prices_include_tax",
                sa.Boolean(),
                nullable=False,
                server_default=sa.text("true"),
            ),
        )
    for table in ("quotes", "orders", "receipts"):
        op.add_column(table, sa.Column("base_currency", sa.String(3), nullable=True))
        op.add_column(table, sa.Column("exchange_rate", sa.Numeric(), nullable=True))
        op.add_column(table, sa.Column("exchange_rate_on", sa.Date(), nullable=True))
        op.add_column(table, sa.Column("exchange_rate_basis", sa.String(300), nullable=True))
    op.add_column("quotes", sa.Column("discount_percent", sa.Numeric(), nullable=True))
    op.add_column("quote_lines", sa.Column("list_unit_price", sa.Numeric(), nullable=True))
    op.add_column("quote_lines", sa.Column("price_basis", postgresql.JSONB(), nullable=True))
    op.add_column(
        "products",
        sa.Column(
            "planned_states",
            postgresql.JSONB(),
            nullable=False,
            server_default=sa.text("'[]'::jsonb"),
        ),
    )
    op.add_column("products", sa.Column("next_state_on", sa.Date(), nullable=True))
    op.create_index("ix_products_next_state_on", "products", ["next_state_on"])
    _create_exchange_rates()
    _create_approvals()


def _create_exchange_rates() -> None:
    op.create_table(
        "exchange_rates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_currency", sa.String(length=3), nullable=False),
        sa.Column("to_currency", sa.String(length=3), nullable=False),
        sa.Column("rate_on", sa.Date(), nullable=False),
        sa.Column("rate", sa.Numeric(), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_rates")),
    )
    op.create_index("ix_exchange_rates_rate_on_id", "exchange_rates", ["rate_on", "id"])
    op.create_index(
        "uq_exchange_rates_from_currency_to_currency_rate_on",
        "exchange_rates",
        ["from_currency", "to_currency", "rate_on"],
        unique=True,
    )


def _create_approvals() -> None:
    op.create_table(
        "quote_approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("quote_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("discount_percent", sa.Numeric(), nullable=True),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("requested_by", sa.String(length=80), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["quote_id"],
            ["quotes.id"],
            name=op.f("fk_quote_approvals_quote_id_quotes"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_approvals")),
    )
    op.create_index("ix_quote_approvals_quote_id", "quote_approvals", ["quote_id"])
    op.create_index("ix_quote_approvals_requested_at_id", "quote_approvals", ["requested_at", "id"])
    op.create_index(
        "uq_quote_approvals_pending",
        "quote_approvals",
        ["quote_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    for statement in schema.protect_rows("quote_approvals", seen_with=("quote_id", "quotes")):
        op.execute(statement)
