"""Credit, partial cancellation, instalments and what receipts pay of them.

Orders that bind already get one instalment each, due as an order without a plan is, what their
receipts paid of it, and their reservation.
"""

import sqlalchemy as sa
from alembic import op

from common import parameters
from common.access import schema

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SEEN_WITH = [
    ("instalments", "order_id", "orders"),
    ("receipt_allocations", "order_id", "orders"),
    ("credit_reservations", "order_id", "orders"),
    ("credit_approvals", "order_id", "orders"),
    ("credit_accounts", "customer_id", "known_customers"),
    ("known_credit_limits", "customer_id", "known_customers"),
]

# Old code, which runs on until it is replaced, writes orders without these.
_NOTHING = sa.text("0")


def upgrade() -> None:
    for statement in parameters.V1:
        op.execute(statement)
    for table, column in (
        ("orders", "cancelled_amount"),
        ("orders", "delivered_amount"),
        ("order_lines", "cancelled_quantity"),
        ("order_lines", "cancelled_amount"),
        ("receipts", "refunded_amount"),
    ):
        op.add_column(
            table, sa.Column(column, sa.Numeric(), nullable=False, server_default=_NOTHING)
        )
    _create_receivables()
    _create_credit()
    # The wall holds for the owner of the tables as well, and all orders are to be found.
    for table in ("orders", "order_lines", "receipts"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    _fill_in()
    for table in ("orders", "order_lines", "receipts"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table, column, other in SEEN_WITH:
        for statement in schema.protect_rows(table, seen_with=(column, other)):
            op.execute(statement)


def _create_receivables() -> None:
    op.create_table(
        "instalments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("instalment_no", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("paid_amount", sa.Numeric(), nullable=False),
        sa.Column("since_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
            name=op.f("fk_instalments_order_id_orders"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalments")),
    )
    op.create_index("ix_instalments_due_on_id", "instalments", ["due_on", "id"])
    op.create_index(
        "ix_instalments_open",
        "instalments",
        ["due_on", "id"],
        postgresql_where=sa.text(
            "until_on IS NULL AND since_on IS NOT NULL AND paid_amount < amount"
        ),
    )
    op.create_index("ix_instalments_order_id", "instalments", ["order_id"])
    op.create_table(
        "receipt_allocations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("instalment_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["instalment_id"],
            ["instalments.id"],
            name=op.f("fk_receipt_allocations_instalment_id_instalments"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
            name=op.f("fk_receipt_allocations_order_id_orders"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"],
            ["receipts.id"],
            name=op.f("fk_receipt_allocations_receipt_id_receipts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_allocations")),
    )
    op.create_index(
        "ix_receipt_allocations_counted_on_id", "receipt_allocations", ["counted_on", "id"]
    )
    op.create_index(
        "ix_receipt_allocations_instalment_id_counted_on",
        "receipt_allocations",
        ["instalment_id", "counted_on"],
    )
    op.create_index(op.f("ix_receipt_allocations_order_id"), "receipt_allocations", ["order_id"])
    op.create_index(
        op.f("ix_receipt_allocations_receipt_id"), "receipt_allocations", ["receipt_id"]
    )


def _create_credit() -> None:
    op.create_table(
        "credit_accounts",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_credit_accounts")),
    )
    op.create_table(
        "known_credit_limits",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "valid_from", name=op.f("pk_known_credit_limits")),
    )
    op.create_table(
        "credit_reservations",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("open_amount", sa.Numeric(), nullable=False),
        sa.Column("receivable_amount", sa.Numeric(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
            name=op.f("fk_credit_reservations_order_id_orders"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_credit_reservations")),
    )
    op.create_table(
        "credit_approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("requested_by", sa.String(length=80), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
            name=op.f("fk_credit_approvals_order_id_orders"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_approvals")),
    )
    op.create_index("ix_credit_approvals_order_id", "credit_approvals", ["order_id"])
    op.create_index(
        "ix_credit_approvals_requested_at_id", "credit_approvals", ["requested_at", "id"]
    )
    op.create_index(
        "uq_credit_approvals_pending",
        "credit_approvals",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )


def _fill_in() -> None:
    op.execute("""
        UPDATE orders SET delivered_amount = CASE
            WHEN state = 'completed' THEN total
            ELSE (SELECT coalesce(sum(CASE
                        WHEN l.shipped_quantity = l.quantity THEN l.amount
                        ELSE round(l.amount * l.shipped_quantity / l.quantity, orders.places)
                    END), 0)
                FROM order_lines l WHERE l.order_id = orders.id AND l.is_shipped)
            END
        WHERE state IN ('partially_shipped', 'shipped', 'completed')
    """)
    op.execute("""
        INSERT INTO instalments
            (id, order_id, instalment_no, due_on, amount, paid_amount, since_on)
        SELECT gen_random_uuid(), id, 1, ordered_on + 30, total, paid_amount,
            (coalesce(confirmed_at, created_at) AT TIME ZONE 'Asia/Shanghai')::date
        FROM orders WHERE state NOT IN ('draft', 'cancelled') AND total > 0
    """)
    op.execute("""
        INSERT INTO receipt_allocations
            (id, receipt_id, order_id, instalment_id, amount, counted_on, recorded_at)
        SELECT gen_random_uuid(), r.id, i.order_id, i.id, r.amount - r.unallocated_amount,
            greatest(r.received_on, i.since_on), r.created_at
        FROM receipts r JOIN instalments i ON i.order_id = r.order_id
        WHERE r.state = 'recorded' AND r.amount > r.unallocated_amount
    """)
    op.execute("""
        INSERT INTO credit_reservations
            (order_id, currency, open_amount, receivable_amount, reserved_at)
        SELECT id, currency, total - greatest(delivered_amount, paid_amount),
            greatest(delivered_amount - paid_amount, 0), coalesce(confirmed_at, created_at)
        FROM orders WHERE state NOT IN ('draft', 'cancelled') AND total > paid_amount
    """)
