"""What is to be handed over to the successors of those who left."""

from alembic import op

from common import handovers

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in handovers.V1:
        op.execute(statement)
