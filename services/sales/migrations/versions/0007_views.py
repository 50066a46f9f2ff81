"""Saved views."""

from alembic import op

from common.views import schema

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in schema.V1:
        op.execute(statement)
