"""The tables of messaging, idempotency, audit, access and views, and the number series."""

from alembic import op

from common.access import schema as access
from common.audit import schema as audit
from common.messaging import schema
from common.numbers import create_series
from common.views import schema as views

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (*schema.V1, *audit.V1, *access.V1, *views.V1):
        op.execute(statement)
    op.execute(create_series("baskets"))
