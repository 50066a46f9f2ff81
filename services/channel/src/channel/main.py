"""The HTTP app of the channel service."""

from fastapi import FastAPI

from channel.db import MIGRATIONS, SERVICE
from channel.departments import routes as departments
from channel.employees import routes as employees
from channel.imports import routes as imports
from channel.partners import routes as partners
from channel.scorecard_policies import routes as scorecard_policies
from channel.scorecards import routes as scorecards
from channel.settings import Settings
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
    imports.router,
]


def create(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """The app; settings come from the environment when not given."""
    return create_app(
        SERVICE,
        title="Fairway channel",
        routers=ROUTERS,
        settings=settings or Settings(),
        migrations=MIGRATIONS,
        database=database,
    )
