"""The import endpoints."""

from channel.imports.targets import TARGETS
from common.imports.routes import imports_router

router = imports_router("channel", TARGETS)
