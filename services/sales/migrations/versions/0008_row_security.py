"""Row-level security."""

from alembic import op

from common.access import schema

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCOPED = ["known_customers", "leads", "opportunities", "quotes", "orders", "receipts"]
SEEN_WITH = [
    ("known_contracts", "customer_id", "known_customers"),
    ("opportunity_lines", "opportunity_id", "opportunities"),
    ("opportunity_steps", "opportunity_id", "opportunities"),
    ("quote_lines", "quote_id", "quotes"),
    ("order_lines", "order_id", "orders"),
    ("deliveries", "order_id", "orders"),
]


def upgrade() -> None:
    for statement in (*schema.GRANTS, *schema.APPEND_ONLY):
        op.execute(statement)
    for statement in schema.only_through_parent("event_log", "ensure_event_log_partitions"):
        op.execute(statement)
    for table in SCOPED:
        for statement in schema.protect_rows(table):
            op.execute(statement)
    for table, column, other in SEEN_WITH:
        for statement in schema.protect_rows(table, seen_with=(column, other)):
            op.execute(statement)
