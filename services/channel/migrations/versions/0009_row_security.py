"""Row-level security."""

from alembic import op

from common.access import schema

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCOPED = ["partners", "scorecards"]
SEEN_WITH = [
    ("partner_changes", "partner_id", "partners"),
    ("scorecard_revisions", "scorecard_id", "scorecards"),
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
