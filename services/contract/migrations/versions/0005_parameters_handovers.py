"""The parameters the service has heard of, and what is to be handed over to successors."""

from alembic import op

from common import handovers, parameters

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (*parameters.V1, *handovers.V1):
        op.execute(statement)
