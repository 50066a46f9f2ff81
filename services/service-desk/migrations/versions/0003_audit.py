"""The audit trail."""

from alembic import op

from common.audit import schema

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in schema.V1:
        op.execute(statement)
