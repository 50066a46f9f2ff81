"""The HTTP app of the template-service service."""

from fastapi import FastAPI

from common.app import create_app
from common.db import Database
from template_service.db import MIGRATIONS, SERVICE
from template_service.policy import POLICY
from template_service.samples import routes as samples
from template_service.settings import Settings

ROUTERS = [samples.router]


def create(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """The app; settings come from the environment when not given."""
    return create_app(
        SERVICE,
        title="Fairway template-service",
        routers=ROUTERS,
        settings=settings or Settings(),
        migrations=MIGRATIONS,
        policy=POLICY,
        database=database,
    )
