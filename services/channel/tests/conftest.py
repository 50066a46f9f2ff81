"""The channel service on a real database."""

from channel.__main__ import ENTRY
from common.testing.service import service_fixtures

database_url, database, client, session, hear = service_fixtures(ENTRY)
