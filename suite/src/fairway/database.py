"""Where the suite keeps its databases: an embedded server, or the one in DATABASE_URL."""

import asyncio
import hmac
import os
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from common.cli import ServiceEntry
from common.database_roles import make_login
from common.embedded_postgres import EmbeddedPostgres
from common.migrations import current_revision, head_of, upgrade
from fairway.home import home


class DatabaseServer:
    """The server and its six databases, one a service."""

    def __init__(self) -> None:
        self._given = os.environ.get("DATABASE_URL")
        self._embedded: EmbeddedPostgres | None = None

    @property
    def kind(self) -> str:
        """In words for the person who starts the suite."""
        return "your server" if self._given else "embedded PostgreSQL"

    async def start(self) -> None:
        """Start the embedded server, or do nothing where DATABASE_URL names one."""
        if self._given:
            return
        self._embedded = EmbeddedPostgres(home() / "postgres")
        await asyncio.to_thread(self._embedded.start)

    async def stop(self) -> None:
        """Stop the embedded server; the data stays."""
        if self._embedded is not None:
            await asyncio.to_thread(self._embedded.stop)

    def url(self, package: str) -> str:
        """The URL of a service's database, for the service: it owns nothing there."""
        parts = urlsplit(self.owner_url(package))
        place = parts.netloc.rpartition("@")[2]
        login = f"{_login(package)}:{self._password(package)}"
        return urlunsplit(parts._replace(netloc=f"{login}@{place}"))

    def owner_url(self, package: str) -> str:
        """The same for whoever makes the databases and migrates them."""
        if self._embedded is not None:
            return self._embedded.url(package)
        assert self._given is not None
        return urlunsplit(urlsplit(self._given)._replace(path=f"/{package}"))

    async def prepare(self, entries: Sequence[ServiceEntry]) -> None:
        """Make databases and logins that are missing and bring all to the newest schema."""
        for entry in entries:
            await self._ensure(entry.package)
        for entry in entries:
            url = self.owner_url(entry.package)
            if await current_revision(url) != head_of(entry.migrations):
                await upgrade(url, entry.migrations)
            await make_login(url, _login(entry.package), self._password(entry.package))

    def _password(self, package: str) -> str:
        """The same in every process and after a restart: made of a secret in our folder."""
        secret = home() / "logins.secret"
        if not secret.exists():
            home().mkdir(parents=True, exist_ok=True)
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(32), encoding="utf-8")
        return hmac.digest(secret.read_bytes(), _login(package).encode(), "sha256").hex()

    async def _ensure(self, package: str) -> None:
        if self._embedded is not None:
            await self._embedded.ensure_database(package)
            return
        connection = await asyncpg.connect(self._given, timeout=10)
        try:
            there = await connection.fetchval(
                "SELECT true FROM pg_database WHERE datname = $1", package
            )
            if not there:
                await connection.execute(f'CREATE DATABASE "{package}"')
        finally:
            await connection.close()


def _login(package: str) -> str:
    return f"fairway_{package}"
