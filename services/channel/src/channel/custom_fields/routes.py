"""The custom field endpoints."""

from channel.events import CustomFieldChanged
from channel.partners.model import Partner
from common.custom_fields.routes import custom_fields_router

router = custom_fields_router("channel", [Partner], say=CustomFieldChanged)
