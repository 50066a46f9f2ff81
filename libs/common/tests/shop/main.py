"""The shop's HTTP app."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from common.app import create_app
from common.db import Database
from common.settings import ServiceSettings

from .db import MIGRATIONS, SERVICE
from .routes import failures, router

ROUTERS = [router, failures]
POLICY = {
    route.name: f"baskets.{'read' if 'GET' in (route.methods or ()) else 'write'}"
    for held in ROUTERS
    for route in held.routes
    if isinstance(route, APIRoute)
}


def create(settings: ServiceSettings | None = None, database: Database | None = None) -> FastAPI:
    return create_app(
        SERVICE,
        title="Shop",
        routers=ROUTERS,
        settings=settings or ServiceSettings(),
        migrations=MIGRATIONS,
        policy=POLICY,
        database=database,
    )
