"""The HTTP app of the service desk."""

from fastapi import FastAPI

from common.app import create_app
from common.db import Database
from service_desk.custom_fields import routes as custom_fields
from service_desk.db import MIGRATIONS, SERVICE
from service_desk.entitlements import routes as entitlements
from service_desk.installed_base import routes as installed_base
from service_desk.policy import POLICY
from service_desk.settings import Settings
from service_desk.sla import routes as sla
from service_desk.surveys import routes as surveys
from service_desk.tickets import routes as tickets

ROUTERS = [
    tickets.router,
    surveys.router,
    sla.policies,
    sla.calendars,
    entitlements.router,
    entitlements.coverage,
    installed_base.router,
    custom_fields.router,
]


def create(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """The app; settings come from the environment when not given."""
    return create_app(
        SERVICE,
        title="Fairway service desk",
        routers=ROUTERS,
        settings=settings or Settings(),
        migrations=MIGRATIONS,
        policy=POLICY,
        database=database,
    )
