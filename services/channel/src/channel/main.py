"""The HTTP app of the channel service."""

from fastapi import FastAPI

from channel.accounts import routes as accounts
from channel.authorization import routes as authorization
from channel.custom_fields import routes as custom_fields
from channel.db import MIGRATIONS, SERVICE
from channel.departments import routes as departments
from channel.employees import routes as employees
from channel.imports import routes as imports
from channel.parameters import routes as parameters
from channel.partners import routes as partners
from channel.policy import POLICY
from channel.roles import routes as roles
from channel.scorecard_policies import routes as scorecard_policies
from channel.scorecards import routes as scorecards
from channel.settings import Settings
from channel.sign_in import routes as sign_in
from channel.territories import routes as territories
from common.app import create_app
from common.db import Database

ROUTERS = [
    departments.router,
    employees.router,
    territories.router,
    partners.router,
    scorecard_policies.router,
    scorecards.router,
    parameters.router,
    roles.router,
    accounts.router,
    sign_in.router,
    sign_in.me_router,
    authorization.router,
    imports.router,
    custom_fields.router,
]


def create(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """The app; settings come from the environment when not given."""
    return create_app(
        SERVICE,
        title="Fairway channel",
        routers=ROUTERS,
        settings=settings or Settings(),
        migrations=MIGRATIONS,
        policy=POLICY,
        database=database,
    )
