"""The HTTP app of the sales service."""

from fastapi import FastAPI

from common.app import create_app
from common.db import Database
from sales.db import MIGRATIONS, SERVICE
from sales.imports import routes as imports
from sales.leads import routes as leads
from sales.opportunities import routes as opportunities
from sales.orders import routes as orders
from sales.policy import POLICY
from sales.prices import routes as prices
from sales.products import routes as products
from sales.quotes import routes as quotes
from sales.receipts import routes as receipts
from sales.settings import Settings

ROUTERS = [
    products.router,
    prices.router,
    prices.price_router,
    leads.router,
    opportunities.router,
    quotes.router,
    orders.router,
    receipts.router,
    imports.router,
]


def create(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """The app; settings come from the environment when not given."""
    return create_app(
        SERVICE,
        title="Fairway sales",
        routers=ROUTERS,
        settings=settings or Settings(),
        migrations=MIGRATIONS,
        policy=POLICY,
        database=database,
    )
