"""The HTTP app of the customer service."""

from fastapi import FastAPI

from common.app import create_app
from common.db import Database
from customer.assessment_policies import routes as assessment_policies
from customer.contacts import routes as contacts
from customer.credit import routes as credit
from customer.custom_fields import routes as custom_fields
from customer.customers import routes as customers
from customer.db import MIGRATIONS, SERVICE
from customer.dictionaries import routes as dictionaries
from customer.duplicates import routes as duplicates
from customer.follow_ups import routes as follow_ups
from customer.imports import routes as imports
from customer.interactions import routes as interactions
from customer.merges import routes as merges
from customer.numbers import routes as numbers
from customer.overview import routes as overview
from customer.partner_relations import routes as partner_relations
from customer.policy import POLICY
from customer.pools import routes as pools
from customer.quality import routes as quality
from customer.reminders import routes as reminders
from customer.segments import routes as segments
from customer.settings import Settings
from customer.standings import routes as standings
from customer.transactions import routes as transactions
from customer.transfers import routes as transfers
from customer.verification import routes as verification

ROUTERS = [
    customers.router,
    merges.router,
    duplicates.queries,
    duplicates.scans,
    duplicates.groups,
    contacts.router,
    dictionaries.router,
    numbers.router,
    transfers.starting,
    transfers.router,
    partner_relations.router,
    interactions.router,
    follow_ups.router,
    reminders.router,
    verification.router,
    quality.router,
    quality.on_customers,
    verification.policies,
    verification.on_customers,
    pools.router,
    pools.policies,
    pools.on_customers,
    imports.router,
    credit.router,
    credit.grade_router,
    transactions.router,
    assessment_policies.router,
    standings.router,
    segments.router,
    overview.router,
    custom_fields.router,
]


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
