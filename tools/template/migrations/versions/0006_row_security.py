"""Row-level security."""

from alembic import op

from common.access import schema

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (*schema.GRANTS, *schema.APPEND_ONLY):
        op.execute(statement)
    for statement in schema.only_through_parent("event_log", "ensure_event_log_partitions"):
        op.execute(statement)
    for statement in schema.protect_rows("samples"):
        op.execute(statement)
