"""The tables of messaging and idempotency, and the number series."""

from alembic import op

from common.messaging import schema
from common.numbers import create_series

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in schema.V1:
        op.execute(statement)
    op.execute(create_series("tickets"))
