"""The HTTP app of the contract service."""

from fastapi import FastAPI

from common.app import create_app
from common.db import Database
from contract.approval_policies import routes as approval_policies
from contract.approvals import routes as approvals
from contract.contracts import routes as contracts
from contract.custom_fields import routes as custom_fields
from contract.db import MIGRATIONS, SERVICE
from contract.milestones import routes as milestones
from contract.policy import POLICY
from contract.settings import Settings

ROUTERS = [
    contracts.router,
    approvals.router,
    approval_policies.router,
    milestones.router,
    custom_fields.router,
]


def create(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """The app; settings come from the environment when not given."""
    return create_app(
        SERVICE,
        title="Fairway contract",
        routers=ROUTERS,
        settings=settings or Settings(),
        migrations=MIGRATIONS,
        policy=POLICY,
        database=database,
    )
