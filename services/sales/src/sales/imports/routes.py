"""The import endpoints."""

from common.imports.routes import imports_router
from sales.imports.targets import TARGETS

router = imports_router("sales", TARGETS)
