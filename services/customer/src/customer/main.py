"""The HTTP app of the customer service."""

from fastapi import FastAPI

from common.app import create_app
from common.db import Database
from customer.contacts import routes as contacts
from customer.customers import routes as customers
from customer.db import MIGRATIONS, SERVICE
from customer.imports import routes as imports
from customer.interactions import routes as interactions
from customer.policy import POLICY
from customer.settings import Settings

ROUTERS = [customers.router, contacts.router, interactions.router, imports.router]


def create(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """The app; settings come from the environment when not given."""
    return create_app(
        SERVICE,
        title="Fairway customer",
        routers=ROUTERS,
        settings=settings or Settings(),
        migrations=MIGRATIONS,
        policy=POLICY,
        database=database,
    )
