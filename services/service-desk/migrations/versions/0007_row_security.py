"""Row-level security."""

from alembic import op

from common.access import schema

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCOPED = ["known_customers", "tickets", "surveys"]
SEEN_WITH = [
    ("ticket_steps", "ticket_id", "tickets"),
    ("entitlements", "customer_id", "known_customers"),
    ("installed_products", "customer_id", "known_customers"),
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
