"""The HTTP app of the reporting service."""

from fastapi import FastAPI

from common.app import create_app
from common.db import Database
from reporting.dashboards import routes as dashboards
from reporting.db import MIGRATIONS, SERVICE
from reporting.event_log import routes as event_log
from reporting.policy import POLICY
from reporting.projections import routes as projections
from reporting.reports import routes as reports
from reporting.settings import Settings

ROUTERS = [reports.router, event_log.router, projections.router, dashboards.router]


def create(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """The app; settings come from the environment when not given."""
    return create_app(
        SERVICE,
        title="Fairway reporting",
        routers=ROUTERS,
        settings=settings or Settings(),
        migrations=MIGRATIONS,
        policy=POLICY,
        database=database,
    )
