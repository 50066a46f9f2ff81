"""The import endpoints."""

from common.imports.routes import imports_router
from customer.imports.targets import TARGETS

router = imports_router("customer", TARGETS)
