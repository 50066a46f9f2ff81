"""What the wall costs: reads and writes of a service with and without sign-in, scope and the rest.

The customer service in this process, without HTTP between, over an embedded PostgreSQL with 2,000
customers. For each path: the statements it sends, and the median time of a call, one call at a time.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import event

from common.db import Database
from common.embedded_postgres import EmbeddedPostgres
from common.ids import new_id
from common.migrations import upgrade
from common.testing.service import Hearing, settings_for
from common.testing.sign_in import TestIssuer, client_of, guarded_app
from customer.__main__ import ENTRY

CUSTOMERS = "/customer/v1/customers"
ROWS, CALLS = 2_000, 300
Call = Callable[[], Awaitable[httpx.Response]]


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            asyncio.run(_run(postgres))
        finally:
            postgres.stop()


async def _run(postgres: EmbeddedPostgres) -> None:
    await postgres.ensure_database("customer")
    url = postgres.url("customer")
    await upgrade(url, ENTRY.migrations)
    database = Database("customer", url, pool_size=4)
    issuer = TestIssuer()
    guarded = guarded_app(ENTRY, database, issuer)
    open_client = client_of(ENTRY.create_app(settings_for(ENTRY, url), database))
    try:
        hearing = Hearing(ENTRY, database)
        offices = [new_id() for _ in range(40)]
        everything = client_of(guarded, issuer.token(await account(hearing, "all", offices)))
        subtree = client_of(guarded, issuer.token(await account(hearing, "subtree", offices)))
        partner = new_id()
        dealer = client_of(guarded, issuer.token(await account(hearing, "all", offices, partner)))
        for number in range(ROWS):
            place = str(offices[number % len(offices)])
            body = {"name": f"客户 {number:05d}", "department_id": place}
            if number % len(offices) == 0:
                body["partner_id"] = str(partner)
            (await open_client.post(CUSTOMERS, json=body)).raise_for_status()
        one = (await dealer.get(CUSTOMERS, params={"limit": 1})).json()["data"][0]
        path = f"{CUSTOMERS}/{one['id']}"
        for name, client in (
            ("open", open_client),
            ("token, all rows", everything),
            ("token, a subtree of 40", subtree),
            ("token, a partner", dealer),
        ):
            await _measure(f"read one       {name}", database, _getting(client, path))
            await _measure(f"list of 50     {name}", database, _getting(client, CUSTOMERS))
            await _measure(
                f"list and total {name}", database, _getting(client, CUSTOMERS, include="total")
            )
            await _measure(f"create         {name}", database, _creating(client, offices[0]))
            await _measure(
                f"create, key    {name}", database, _creating(client, offices[0], with_key=True)
            )
        for client in (open_client, everything, subtree, dealer):
            await client.aclose()
    finally:
        await database.close()


async def account(
    hear: Hearing,
    scope: str,
    offices: list[Any],
    partner_id: UUID | None = None,
    rights: Sequence[str] = ("customer.*",),
) -> Any:
    """An account at the head of all offices, or of a partner, with one role of this scope."""
    role, account, person = new_id(), new_id(), new_id()
    for place, office in enumerate(offices):
        await hear(
            "channel.department.changed.v1",
            subject=office,
            department_id=office,
            parent_id=offices[place - 1] if place else None,
            name=f"Office {place}",
            state="active",
        )
    await hear(
        "channel.employee.changed.v1",
        subject=person,
        employee_id=person,
        number="E1",
        name="王芳",
        department_id=offices[0],
        state="active",
    )
    await hear(
        "channel.role.changed.v1",
        subject=role,
        role_id=role,
        code=scope,
        rights=list(rights),
        scope=scope,
        state="active",
    )
    await hear(
        "channel.account.changed.v1",
        subject=account,
        account_id=account,
        username=str(account),
        kind="person",
        employee_id=None if partner_id else person,
        partner_id=partner_id,
        role_ids=[role],
        state="active",
        tokens_from="2020-01-01T00:00:00Z",
    )
    return account


def _getting(client: httpx.AsyncClient, path: str, **parameters: str) -> Call:
    async def call() -> httpx.Response:
        return await client.get(path, params=parameters)

    return call


def _creating(client: httpx.AsyncClient, office: Any, *, with_key: bool = False) -> Call:
    async def call() -> httpx.Response:
        headers = {"Idempotency-Key": str(new_id())} if with_key else {}
        body = {"name": "远航机电", "department_id": str(office)}
        return await client.post(CUSTOMERS, json=body, headers=headers)

    return call


async def _measure(name: str, database: Database, call: Call) -> None:
    (await call()).raise_for_status()
    with counting(database) as statements:
        (await call()).raise_for_status()
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        (await call()).raise_for_status()
        took.append(time.perf_counter() - began)
    median_ms = statistics.median(took) * 1000
    sys.stdout.write(f"{name:<40} {len(statements)} statements, {median_ms:6.2f} ms\n")


@contextmanager
def counting(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def remember(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", remember)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", remember)
