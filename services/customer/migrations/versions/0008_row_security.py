"""Row-level security."""

from alembic import op

from common.access import schema

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCOPED = ["customers", "contacts", "interactions"]


def upgrade() -> None:
    for statement in (*schema.GRANTS, *schema.APPEND_ONLY):
        op.execute(statement)
    for statement in schema.only_through_parent("event_log", "ensure_event_log_partitions"):
        op.execute(statement)
    for table in SCOPED:
        for statement in schema.protect_rows(table):
            op.execute(statement)
