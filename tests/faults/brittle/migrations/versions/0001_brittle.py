"""Messaging, what was done, and whether it is mended."""

from alembic import op

from common.messaging import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in schema.V1:
        op.execute(statement)
    op.execute("""
        CREATE TABLE events (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            aggregate_id uuid NOT NULL, version integer NOT NULL, event_id uuid NOT NULL)
    """)
    op.execute("CREATE TABLE mended (how text NOT NULL)")
