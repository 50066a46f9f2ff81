"""What the service knows of accounts, roles and the organisation."""

from alembic import op

from common.access import schema

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in schema.V1:
        op.execute(statement)
