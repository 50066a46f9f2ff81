"""A small service on a real database: what all services share is tested through it."""

import structlog

from common.testing.service import service_fixtures

from .shop.__main__ import ENTRY

database_url, database, client, session, hear = service_fixtures(ENTRY)

# The coloured traceback of the default takes seconds to draw.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
)
