"""The reporting service on a real database."""

from common.testing.service import service_fixtures
from reporting.__main__ import ENTRY

database_url, database, client, session, hear = service_fixtures(ENTRY)
