"""Custom fields."""

from alembic import op

from common.custom_fields import schema

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in [*schema.V1, *schema.extended("contracts")]:
        op.execute(statement)
