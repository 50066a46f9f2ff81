"""Databases for tests: one migrated template a service and run, cheap copies of it, and emptying."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.access import schema
from common.database_roles import make_login

Migrate = Callable[[str], Awaitable[object]]

# PostgreSQL cuts longer names silently.
_LONGEST_NAME = 63
_LONGEST_WAIT_S = 10.0


class DatabaseTemplates:
    """Copies of migrated databases on one server.

    Every name ends in the run's id, so runs that share a server keep apart and
    `drop_all` finds what a run left behind.
    """

    def __init__(self, server_url: str, run_id: str) -> None:
        """`server_url` names a user who may create databases; `run_id` is letters and digits."""
        self._server_url = server_url
        self._run_id = run_id

    async def make(self, service_package: str, migrate: Migrate) -> str:
        """Migrate a template the first time in this run, in whichever process; its name."""
        name = self._template(service_package)
        async with _connected(self._server_url) as connection:
            # Held by this session: a process that dies here leaves neither lock nor template.
            await connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", name)
            is_ready = await connection.fetchval(
                "SELECT datistemplate FROM pg_database WHERE datname = $1", name
            )
            if is_ready:
                return name
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await connection.execute(f'CREATE DATABASE "{name}"')
            await _make_roles(self.url(name))
            await migrate(self.url(name))
            # A template cannot be copied while somebody looks at it.
            await connection.execute(
                f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false IS_TEMPLATE true'
            )
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
        return name

    async def create(self, service_package: str) -> str:
        """A new copy of the service's template, which `make` must have made; its URL."""
        name = self._checked(f"{service_package}_{secrets.token_hex(4)}_{self._run_id}")
        async with _connected(self._server_url) as connection:
            await connection.execute(
                f'CREATE DATABASE "{name}" TEMPLATE "{self._template(service_package)}"'
            )
        return self.url(name)

    async def drop(self, url: str) -> None:
        """Drop a copy, also while somebody is connected to it."""
        async with _connected(self._server_url) as connection:
            name = urlsplit(url).path.removeprefix("/")
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def drop_all(self) -> None:
        """Drop every template and copy of this run."""
        async with _connected(self._server_url) as connection:
            rows = await connection.fetch(
                "SELECT datname FROM pg_database WHERE right(datname, length($1)) = $1",
                f"_{self._run_id}",
            )
            for (name,) in rows:
                await connection.execute(f'ALTER DATABASE "{name}" WITH IS_TEMPLATE false')
                await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def url(self, database: str) -> str:
        return urlunsplit(urlsplit(self._server_url)._replace(path=f"/{database}"))

    def _template(self, service_package: str) -> str:
        return self._checked(f"tpl_{service_package}_{self._run_id}")

    @staticmethod
    def _checked(name: str) -> str:
        if len(name) > _LONGEST_NAME or '"' in name:
            raise ValueError(f"{name!r} cannot name a database")
        return name


async def app_login(url: str) -> str:
    """The URL of the same database for a login as services have in production."""
    # Two processes of a run would stand in each other's way at one role.
    name = f"fairway_test_{os.getpid()}"
    return await make_login(url, name, name)


async def as_owner(session: AsyncSession) -> None:
    """Let the rest of the transaction run as whoever owns the tables, which no service is."""
    await session.execute(text("SET LOCAL ROLE NONE"))


async def _make_roles(url: str) -> None:
    """Let a service work in the database as it does elsewhere: not as who owns its tables."""
    async with _connected(url) as connection:
        for statement in (schema.MAKE_ROLES, *schema.GRANTS):
            await connection.execute(statement)


_TABLES = """
    SELECT quote_ident(relname),
           EXISTS (
               SELECT FROM pg_depend JOIN pg_sequence ON seqrelid = objid
               WHERE classid = 'pg_class'::regclass
                 AND refclassid = 'pg_class'::regclass AND refobjid = pg_class.oid
                 AND pg_sequence_last_value(seqrelid) IS NOT NULL
           )
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
      AND relkind IN ('r', 'p') AND NOT relispartition
      AND relname <> ALL ($1)
"""


async def truncate_all(url: str, *keep: str) -> None:
    """Empty every table of schema public and restart its identities; `url` is a superuser's.

    `alembic_version` and the tables named in `keep` stay. Fails after 10 s when a forgotten
    transaction holds a table.
    """
    async with _connected(url) as connection:
        rows = await connection.fetch(_TABLES, ["alembic_version", *keep])
        # To truncate a table costs milliseconds whatever is in it, to look into it almost nothing.
        used = [name for name, has_counted in rows if has_counted]
        looks = [
            f"SELECT $q${name}$q$ WHERE EXISTS (SELECT FROM public.{name})"
            for name, has_counted in rows
            if not has_counted
        ]
        if looks:
            used += [name for (name,) in await connection.fetch(" UNION ALL ".join(looks))]
        if used:
            tables = ", ".join(f"public.{name}" for name in used)
            await connection.execute(f"SET lock_timeout = '{int(_LONGEST_WAIT_S * 1000)}ms'")
            # The audit trail refuses to be emptied.
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
