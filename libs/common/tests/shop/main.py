"""The shop's HTTP app."""

from fastapi import FastAPI

from common.app import create_app
from common.db import Database
from common.settings import ServiceSettings

from .db import MIGRATIONS, SERVICE
from .routes import failures, router


def create(settings: ServiceSettings | None = None, database: Database | None = None) -> FastAPI:
    return create_app(
        SERVICE,
        title="Shop",
        routers=[router, failures],
        settings=settings or ServiceSettings(),
        migrations=MIGRATIONS,
        database=database,
    )
