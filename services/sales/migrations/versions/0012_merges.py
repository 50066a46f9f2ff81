"""Customers that were merged: the references to them follow, and come back."""

from alembic import op

from common import merges

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

REFERENCES = (
    ("known_contracts", "customer_id"),
    ("leads", "customer_id"),
    ("opportunities", "customer_id"),
    ("orders", "customer_id"),
    ("price_lists", "customer_id"),
    ("quotes", "customer_id"),
    ("receipts", "customer_id"),
)


def upgrade() -> None:
    for statement in merges.V1:
        op.execute(statement)
    for table, column in REFERENCES:
        for statement in merges.follows(table, column):
            op.execute(statement)
    op.create_index("ix_known_contracts_customer_id", "known_contracts", ["customer_id"])
    op.create_index("ix_price_lists_customer_id", "price_lists", ["customer_id"])
