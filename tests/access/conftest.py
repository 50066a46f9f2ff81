"""Services that ask for tokens, and people who sign in to them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest_asyncio

from common.cli import ServiceEntry
from common.db import Database
from common.ids import new_id
from common.migrations import upgrade
from common.testing.databases import truncate_all
from common.testing.pytest_plugin import MakeDatabase
from common.testing.service import Hearing
from common.testing.sign_in import TestIssuer, client_of, guarded_app
from fairway.services import load_one

_made: dict[str, str] = {}


@dataclass
class Guarded:
    """One service that asks for tokens; people come into it as its worker hears of them."""

    entry: ServiceEntry
    database: Database
    issuer: TestIssuer
    hear: Hearing
    app: Any

    async def role(self, *rights: str, scope: str = "all") -> UUID:
        """A role with these rights."""
        role_id = new_id()
        await self.hear(
            "channel.role.changed.v1",
            subject=role_id,
            role_id=role_id,
            code=f"role-{role_id}",
            rights=list(rights),
            scope=scope,
            state="active",
        )
        return role_id

    async def account(self, *roles: UUID, account_id: UUID | None = None, **facts: Any) -> UUID:
        """An account with these roles; told again with other facts it changes."""
        account_id = account_id or new_id()
        await self.hear(
            "channel.account.changed.v1",
            subject=account_id,
            **{
                "account_id": account_id,
                "username": f"user-{account_id}",
                "kind": "person",
                "role_ids": list(roles),
                "region_ids": [],
                "state": "active",
                "tokens_from": "2020-01-01T00:00:00Z",
                **facts,
            },
        )
        return account_id

    async def department(self, parent_id: UUID | None = None, **facts: Any) -> UUID:
        """A department below another."""
        department_id = facts.pop("department_id", None) or new_id()
        await self.hear(
            "channel.department.changed.v1",
            subject=department_id,
            department_id=department_id,
            name="Sales",
            kind="office",
            parent_id=parent_id,
            state="active",
            **facts,
        )
        return department_id

    async def territory(self, parent_id: UUID | None = None) -> UUID:
        """A territory below another."""
        territory_id = new_id()
        await self.hear(
            "channel.territory.changed.v1",
            subject=territory_id,
            territory_id=territory_id,
            code="CN",
            name="East",
            parent_id=parent_id,
            state="active",
        )
        return territory_id

    async def employee(self, department_id: UUID, *, employee_id: UUID | None = None) -> UUID:
        """An employee of a department; told again they move."""
        employee_id = employee_id or new_id()
        await self.hear(
            "channel.employee.changed.v1",
            subject=employee_id,
            employee_id=employee_id,
            number="E000001",
            name="王芳",
            department_id=department_id,
            state="active",
        )
        return employee_id

    def client(self, account_id: UUID | None = None, **claims: Any) -> httpx.AsyncClient:
        """A client signed in as this account; as nobody without one."""
        token = None if account_id is None else self.issuer.token(account_id, **claims)
        return client_of(self.app, token)

    async def signed_in(
        self, *rights: str, scope: str = "all", **facts: Any
    ) -> tuple[httpx.AsyncClient, UUID]:
        """A client of a new account with one role, and the account."""
        account_id = await self.account(await self.role(*rights, scope=scope), **facts)
        return self.client(account_id), account_id

    def forget(self) -> None:
        """Let the time pass in which a process trusts what it has looked up."""
        self.app.state.accounts._known.clear()
        self.app.state.accounts._revoked_at = -1e9


Guard = Callable[[str], Awaitable[Guarded]]


@pytest_asyncio.fixture
async def guard(make_database: MakeDatabase) -> AsyncIterator[Guard]:
    """Makes a service that asks for tokens, on an empty database."""
    opened: list[Database] = []

    async def make(package: str) -> Guarded:
        entry = load_one(package)

        async def migrate(url: str) -> None:
            await upgrade(url, entry.migrations)

        url = _made.get(package)
        if url is None:
            url = _made[package] = await make_database(f"{package}_guarded", migrate)
        else:
            await truncate_all(url)
        database = Database(package, url, pool_size=6)
        opened.append(database)
        issuer = TestIssuer()
        app = guarded_app(entry, database, issuer)
        return Guarded(entry, database, issuer, Hearing(entry, database), app)

    yield make
    for database in opened:
        await database.close()
