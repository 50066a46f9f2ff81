"""Imports that can be taken back."""

from alembic import op

from common.imports import schema

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in schema.V2:
        op.execute(statement)
