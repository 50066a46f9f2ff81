"""The custom field endpoints."""

from common.custom_fields.routes import custom_fields_router
from service_desk.events import CustomFieldChanged
from service_desk.tickets.model import Ticket

router = custom_fields_router("service-desk", [Ticket], say=CustomFieldChanged)
