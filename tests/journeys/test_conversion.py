"""A lead is converted in sales and taken on in customer: with the bytes that one said to the other,
when a process dies between, when they come twice, and when they come in another order."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from common.cli import ServiceEntry
from common.crash_points import CrashPointError
from common.db import Database
from common.messaging import outbox
from common.messaging.consumers import Consumers
from common.messaging.envelope import decode
from common.messaging.inbox import Inbox, Received
from common.migrations import upgrade
from common.testing.pytest_plugin import MakeDatabase
from common.testing.service import settings_for
from fairway.services import load_one

pytestmark = [pytest.mark.capability("SAL-05")]


@dataclass
class Service:
    """One service with its database, and nobody who carries its events but the test."""

    entry: ServiceEntry
    database: Database
    client: httpx.AsyncClient
    inbox: Inbox

    async def said(self, *types: str) -> list[Received]:
        """What it said of these types, in order, as the bus would carry it."""
        async with self.database.reading() as session:
            rows = await session.execute(
                text("SELECT body FROM event_log WHERE type = ANY(:types) ORDER BY seq"),
                {"types": list(types)},
            )
            return [Received(row.body, decode(row.body)) for row in rows]

    async def count(self, table: str) -> int:
        """The rows of a table."""
        async with self.database.reading() as session:
            found = await session.execute(text(f"SELECT count(*) FROM {table}"))
            return int(found.scalar_one())


async def started(package: str, make_database: MakeDatabase) -> Service:
    entry = load_one(package)

    async def migrate(url: str) -> None:
        await upgrade(url, entry.migrations)

    database = Database(package, await make_database(f"{package}_conversion", migrate), pool_size=4)
    app = entry.create_app(settings_for(entry, database.dsn), database)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")
    return Service(
        entry, database, client, Inbox(database, Consumers(entry.package, entry.consumers))
    )


@pytest_asyncio.fixture
async def sales(make_database: MakeDatabase) -> AsyncIterator[Service]:
    service = await started("sales", make_database)
    yield service
    await service.database.close()


@pytest_asyncio.fixture
async def customer(make_database: MakeDatabase) -> AsyncIterator[Service]:
    service = await started("customer", make_database)
    yield service
    await service.database.close()


class Dying:
    """A process that dies once, just before it commits."""

    def __init__(self) -> None:
        self.left = 1

    def __call__(self, name: str) -> None:
        if name == "before_commit" and self.left:
            self.left -= 1
            raise CrashPointError(name)


async def done(client: httpx.AsyncClient, path: str, **body: object) -> dict[str, object]:
    response = await client.post(path, json=body)
    assert response.is_success, response.text
    answer: dict[str, object] = response.json()
    return answer


async def test_a_conversion_is_one_customer_one_contact_and_one_deal_whatever_happens_between(
    sales, customer, monkeypatch
):
    lead = await done(
        sales.client,
        "/sales/v1/leads",
        name=f"离心泵询价 {uuid4()}",
        source="web",
        company="杭州远航机电有限公司",
        contact_name="王芳",
        phone="138 1234 5678",
    )
    convert = f"/sales/v1/leads/{lead['id']}:convert"

    # Sales dies before it has committed: there is nothing, and the client asks again.
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "crash_point", Dying())
        assert (await sales.client.post(convert, json={})).status_code == 500
    assert await sales.count("opportunities") == await sales.count("known_customers") == 0
    first = await done(sales.client, convert)
    again = await done(sales.client, convert)
    assert again == first

    # Business goes on at once: an order of the new customer, whose word overtakes that of the lead.
    product = await done(
        sales.client,
        "/sales/v1/products",
        sku="P1",
        name="泵",
        list_price="100.00",
        currency="CNY",
    )
    order = await done(
        sales.client,
        "/sales/v1/orders",
        customer_id=first["customer_id"],
        opportunity_id=first["opportunity_id"],
        lines=[{"product_id": product["id"], "quantity": "1", "unit_price": "100.00"}],
    )
    await done(sales.client, f"/sales/v1/orders/{order['id']}:confirm")
    leads = await sales.said("sales.lead.captured.v1", "sales.lead.converted.v1")
    orders = await sales.said("sales.order.drafted.v1", "sales.order.confirmed.v1")
    with pytest.raises(Exception, match=str(first["customer_id"])):
        await customer.inbox.apply(orders)

    # Customer dies before it has committed; what comes again is applied, and once.
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "crash_point", Dying())
        with pytest.raises(CrashPointError):
            await customer.inbox.apply(leads)
    assert await customer.count("customers") == 0
    await customer.inbox.apply(leads)
    await customer.inbox.apply(orders)
    for received in (*leads, *orders):
        await customer.inbox.apply([received])

    assert await customer.count("customers") == await customer.count("contacts") == 1
    kept = (await customer.client.get(f"/customer/v1/customers/{first['customer_id']}")).json()
    person = (await customer.client.get(f"/customer/v1/contacts/{first['contact_id']}")).json()
    assert (kept["name"], kept["status"]) == ("杭州远航机电有限公司", "active")
    assert (person["name"], person["customer_id"]) == ("王芳", kept["id"])

    # What customer says of it completes the copy of sales, and makes no second one.
    back = await customer.said("customer.customer.created.v1", "customer.customer.updated.v1")
    for _ in range(2):
        await sales.inbox.apply(back)
    assert await sales.count("known_customers") == 1
    async with sales.database.reading() as session:
        copy = (await session.execute(text("SELECT * FROM known_customers"))).mappings().one()
    assert (str(copy["id"]), copy["number"]) == (kept["id"], kept["number"])
    assert await sales.count("opportunities") == 1
