"""The custom field endpoints."""

from common.custom_fields.routes import custom_fields_router
from contract.contracts.model import Contract
from contract.events import CustomFieldChanged

router = custom_fields_router("contract", [Contract], say=CustomFieldChanged)
