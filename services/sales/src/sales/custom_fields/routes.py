"""The custom field endpoints."""

from common.custom_fields.routes import custom_fields_router
from sales.events import CustomFieldChanged
from sales.leads.model import Lead
from sales.opportunities.model import Opportunity
from sales.orders.model import Order
from sales.products.model import Product
from sales.quotes.model import Quote

router = custom_fields_router(
    "sales", [Lead, Opportunity, Product, Quote, Order], say=CustomFieldChanged
)
