"""Customers that were merged: the references to them follow, and come back."""

from alembic import op

from common import merges

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

REFERENCES = (
    ("entitlements", "customer_id"),
    ("installed_products", "customer_id"),
    ("surveys", "customer_id"),
    ("tickets", "customer_id"),
)


def upgrade() -> None:
    for statement in merges.V1:
        op.execute(statement)
    for table, column in REFERENCES:
        for statement in merges.follows(table, column):
            op.execute(statement)
