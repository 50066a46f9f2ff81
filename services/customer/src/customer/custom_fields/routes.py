"""The custom field endpoints."""

from common.custom_fields.routes import custom_fields_router
from customer.contacts.model import Contact
from customer.customers.model import Customer
from customer.events import CustomFieldChanged

router = custom_fields_router("customer", [Customer, Contact], say=CustomFieldChanged)
