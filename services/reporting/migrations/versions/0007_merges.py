"""Customers that were merged: the references to them follow, and come back."""

from alembic import op

from common import merges

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

REFERENCES = (
    ("contracts", "customer_id"),
    ("customers", "parent_id"),
    ("leads", "customer_id"),
    ("opportunities", "customer_id"),
    ("orders", "customer_id"),
    ("receipts", "customer_id"),
    ("surveys", "customer_id"),
    ("tickets", "customer_id"),
)


def upgrade() -> None:
    for statement in merges.V1:
        op.execute(statement)
    for table, column in REFERENCES:
        for statement in merges.follows(table, column):
            op.execute(statement)
    op.create_index("ix_contracts_customer_id", "contracts", ["customer_id"])
    op.create_index("ix_customers_parent_id", "customers", ["parent_id"])
    op.create_index("ix_leads_customer_id", "leads", ["customer_id"])
    op.create_index("ix_opportunities_customer_id", "opportunities", ["customer_id"])
    op.create_index("ix_orders_customer_id", "orders", ["customer_id"])
    op.create_index("ix_receipts_customer_id", "receipts", ["customer_id"])
    op.create_index("ix_surveys_customer_id", "surveys", ["customer_id"])
    op.create_index("ix_tickets_customer_id", "tickets", ["customer_id"])
