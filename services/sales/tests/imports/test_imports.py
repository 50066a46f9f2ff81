import json
from uuid import uuid4

import pytest

from common.imports.jobs import ImportRunner
from common.testing.service import published, said
from sales.imports.targets import TARGETS

PRODUCTS = "product,series,price\nGTX Pro,GTX,4821\n"
DEALS = (
    "id,agent,product,account,stage,engaged,closed,value\n"
    "D1,Moses Frase,GTXPro,Cancity,Won,10/20/2016,3/1/2017,4514\n"
    "D2,Moses Frase,GTX Pro,Cancity,Lost,10/25/2016,3/11/2017,0\n"
    "D3,Moses Frase,GTX Pro,,Engaging,11/1/2016,,\n"
    "D4,Moses Frase,GTX Pro,Cancity,Prospecting,,,\n"
    "D5,Moses Frase,GTX Pro,Cancity,Won,10/20/2016,3/1/2016,100\n"
)
SOURCE = "old_crm"
PRODUCT_FIELDS = {
    "external_id": {"column": "product"},
    "name": {"column": "product"},
    "sku": {"column": "product", "kind": "code"},
    "series": {"column": "series"},
    "list_price": {"column": "price", "kind": "decimal"},
    "currency": {"value": "USD"},
}
DAY = {"kind": "date", "date_format": "%m/%d/%Y"}
DEAL_FIELDS = {
    "external_id": {"column": "id"},
    "owner_external_id": {"column": "agent"},
    "partner_external_id": {"column": "agent"},
    "product_external_id": {"column": "product", "replace": {"GTXPro": "GTX Pro"}},
    "customer_external_id": {"column": "account", "warn_if_blank": "names no account"},
    "stage": {"column": "stage", "kind": "code"},
    "engaged_on": {"column": "engaged", **DAY},
    "closed_on": {"column": "closed", **DAY},
    "amount": {"column": "value", "kind": "decimal"},
    "currency": {"value": "USD"},
}


async def bring_in(client, database, target, fields, content, *, dry_run=False):
    response = await client.post(
        "/sales/v1/imports",
        files={"file": (f"{target}.csv", content.encode())},
        data={
            "target": target,
            "mapping": json.dumps({"external_source": SOURCE, "fields": fields}),
            "dry_run": str(dry_run).lower(),
        },
    )
    assert response.status_code == 202, response.text
    runner = ImportRunner(TARGETS)
    while await runner(database):
        pass
    return (await client.get(response.headers["operation-location"])).json()


async def tell_of_the_people(hear):
    """The copies that the deals name."""
    region = uuid4()
    await hear(
        "customer.customer.created.v1",
        customer_id=str(uuid4()),
        number="C2026-000001",
        name="Cancity",
        kind="company",
        status="prospect",
        source="import",
        registered_at="2026-03-02T09:30:00Z",
        external_source=SOURCE,
        external_id="Cancity",
    )
    await hear(
        "channel.employee.changed.v1",
        employee_id=str(uuid4()),
        number="E2026-000001",
        name="Moses Frase",
        department_id=str(uuid4()),
        state="active",
        external_source=SOURCE,
        external_id="Moses Frase",
    )
    await hear(
        "channel.partner.onboarded.v1",
        partner_id=str(uuid4()),
        number="P2026-000001",
        name="Moses Frase",
        kind="agent",
        tier="registered",
        state="active",
        region_id=str(region),
        external_source=SOURCE,
        external_id="Moses Frase",
    )
    return str(region)


async def test_deals_come_with_their_history_and_won_ones_with_order_and_receipt(
    client, database, session, hear
):
    region = await tell_of_the_people(hear)
    await bring_in(client, database, "products", PRODUCT_FIELDS, PRODUCTS)

    job = await bring_in(client, database, "opportunities", DEAL_FIELDS, DEALS)

    rows = (await client.get(f"/sales/v1/imports/{job['id']}/rows")).json()["data"]
    assert (job["created"], job["rejected"], job["warnings"]) == (4, 1, 2)
    assert rows[4]["reason"].endswith("closed before it began")
    (won,) = await said(session, "sales.opportunity.won.v1")
    assert (won["amount"], won["won_on"], won["region_id"]) == ("4514.00", "2017-03-01", region)
    (order,) = await said(session, "sales.order.confirmed.v1")
    (receipt,) = await said(session, "sales.receipt.recorded.v1")
    assert order["total"] == receipt["amount"]
    assert receipt["received_on"] == "2017-03-01"


async def test_the_same_file_again_changes_nothing(client, database, session, hear):
    await tell_of_the_people(hear)
    await bring_in(client, database, "products", PRODUCT_FIELDS, PRODUCTS)
    await bring_in(client, database, "opportunities", DEAL_FIELDS, DEALS)
    before = await published(session)

    products = await bring_in(client, database, "products", PRODUCT_FIELDS, PRODUCTS)
    deals = await bring_in(client, database, "opportunities", DEAL_FIELDS, DEALS)

    assert (products["unchanged"], deals["unchanged"], deals["rejected"]) == (1, 4, 1)
    assert await published(session) == before


async def test_a_dry_run_tells_the_same_and_writes_nothing(client, database, session, hear):
    await tell_of_the_people(hear)
    await bring_in(client, database, "products", PRODUCT_FIELDS, PRODUCTS)
    before = await published(session)

    job = await bring_in(client, database, "opportunities", DEAL_FIELDS, DEALS, dry_run=True)

    assert (job["created"], job["rejected"]) == (4, 1)
    assert await published(session) == before
    assert (await client.get("/sales/v1/opportunities")).json()["data"] == []


async def test_who_is_not_known_is_named(client, database, monkeypatch):
    monkeypatch.setattr("common.imports.jobs.WAIT_FOR_REFERENCES_S", 0)
    await bring_in(client, database, "products", PRODUCT_FIELDS, PRODUCTS)

    job = await bring_in(client, database, "opportunities", DEAL_FIELDS, DEALS)

    rows = (await client.get(f"/sales/v1/imports/{job['id']}/rows")).json()["data"]
    assert job["rejected"] == 5
    assert rows[0]["reason"] == "customer 'Cancity' is not known here"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("D9,Moses Frase,GTX Pro,Cancity,Won,10/20/2016,,5", "needs the day it was closed"),
        ("D9,Moses Frase,GTX Pro,Cancity,Won,10/20/2016,3/1/2017,0", "needs its amount"),
        ("D9,Moses Frase,GTX Pro,Cancity,Won,10/20/2016,3/1/2017,x", "is not a decimal"),
        ("D9,Moses Frase,GTX Pro,Cancity,Dreaming,10/20/2016,,", "stage"),
    ],
)
async def test_a_row_that_does_not_fit_says_why(client, database, hear, row, reason):
    await tell_of_the_people(hear)
    await bring_in(client, database, "products", PRODUCT_FIELDS, PRODUCTS)

    job = await bring_in(
        client, database, "opportunities", DEAL_FIELDS, DEALS.split("\n")[0] + "\n" + row + "\n"
    )

    rows = (await client.get(f"/sales/v1/imports/{job['id']}/rows")).json()["data"]
    assert reason in rows[0]["reason"]


@pytest.mark.capability("P-10")
async def test_exchange_rates_come_from_a_file_and_are_found_by_pair_and_day(
    client, database, session
):
    fields = {
        "from_currency": {"column": "currency"},
        "to_currency": {"value": "CNY"},
        "rate_on": {"column": "day", "kind": "date", "date_format": "%Y-%m-%d"},
        "rate": {"column": "middle", "kind": "decimal"},
        "source": {"value": "central parity"},
    }
    file = "currency,day,middle\nUSD,2026-03-02,7.1234\nUSD,2026-03-03,7.2\nEUR,2026-03-02,-8\n"

    first = await bring_in(client, database, "exchange_rates", fields, file)
    again = await bring_in(client, database, "exchange_rates", fields, file)

    assert (first["created"], first["rejected"]) == (2, 1)
    assert (again["unchanged"], again["created"]) == (2, 0)
    assert await published(session) == ["sales.exchange_rate.stated.v1"] * 2
    shown = (await client.get("/sales/v1/exchange-rates")).json()["data"]
    assert [(rate["rate_on"], rate["rate"]) for rate in shown] == [
        ("2026-03-03", "7.2"),
        ("2026-03-02", "7.1234"),
    ]
