"""The HTTP app of the sales service."""

from fastapi import FastAPI

from common.app import create_app
from common.db import Database
from sales.commission_rules import routes as commission_rules
from sales.commissions import routes as commissions
from sales.competitors import routes as competitors
from sales.credit import routes as credit
from sales.custom_fields import routes as custom_fields
from sales.db import MIGRATIONS, SERVICE
from sales.exchange_rates import routes as exchange_rates
from sales.forecasts import routes as forecasts
from sales.imports import routes as imports
from sales.lead_pools import routes as lead_pools
from sales.lead_routing_policies import routes as lead_routing_policies
from sales.lead_scoring_policies import routes as lead_scoring_policies
from sales.leads import routes as leads
from sales.lost_reasons import routes as lost_reasons
from sales.opportunities import routes as opportunities
from sales.orders import routes as orders
from sales.pipelines import routes as pipelines
from sales.policy import POLICY
from sales.prices import routes as prices
from sales.products import routes as products
from sales.quotes import routes as quotes
from sales.receipts import routes as receipts
from sales.receivables import routes as receivables
from sales.routing_members import routes as routing_members
from sales.routing_teams import routes as routing_teams
from sales.settings import Settings
from sales.targets import routes as targets

ROUTERS = [
    products.router,
    prices.router,
    prices.price_router,
    leads.router,
    lead_pools.router,
    lead_scoring_policies.router,
    lead_routing_policies.router,
    routing_teams.router,
    routing_members.router,
    pipelines.router,
    lost_reasons.router,
    competitors.router,
    opportunities.router,
    quotes.router,
    quotes.approval_router,
    exchange_rates.router,
    exchange_rates.conversion_router,
    orders.router,
    receipts.router,
    receivables.router,
    receivables.order_router,
    receivables.customer_router,
    credit.router,
    credit.order_router,
    credit.customer_router,
    commission_rules.router,
    commissions.router,
    commissions.period_router,
    commissions.statement_router,
    targets.router,
    forecasts.router,
    imports.router,
    custom_fields.router,
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
