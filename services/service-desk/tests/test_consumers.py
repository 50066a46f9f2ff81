from uuid import uuid4

from .builders import (
    NOW,
    TICKETS,
    a_known_customer,
    a_known_partner,
    a_signed_contract,
    an_opened_ticket,
)

REQUEST = {"subject": "水泵不转", "category": "hardware.pump", "channel": "phone"}
ENTITLEMENTS, INSTALLED = "/service-desk/v1/entitlements", "/service-desk/v1/installed-base"


async def rows(client, path, **asked):
    return (await client.get(path, params=asked)).json()["data"]


async def test_the_copy_of_a_customer_follows_its_changes(client, hear):
    customer, owner, region = await a_known_customer(hear), str(uuid4()), str(uuid4())

    await hear(
        "customer.customer.updated.v1",
        subject=customer,
        customer_id=customer,
        number="C2026-000042",
        name="远航集团",
        region_id=region,
    )
    transferred = await hear(
        "customer.customer.transferred.v1",
        subject=customer,
        customer_id=customer,
        owner_id=owner,
        region_id=region,
    )
    await hear.again(transferred)

    ticket = await an_opened_ticket(client, customer_id=str(customer))
    assert (ticket["owner_id"], ticket["region_id"]) == (owner, region)


async def test_a_deleted_customer_opens_no_tickets_until_it_is_restored(client, hear):
    customer = await a_known_customer(hear)
    request = {**REQUEST, "customer_id": str(customer)}

    await hear("customer.customer.deleted.v1", subject=customer, customer_id=customer)
    refused = await client.post(TICKETS, json=request)
    await hear("customer.customer.restored.v1", subject=customer, customer_id=customer)
    taken = await client.post(TICKETS, json=request)

    assert (refused.status_code, refused.json()["code"]) == (422, "customer_not_known")
    assert taken.status_code == 201


async def test_the_copy_of_a_partner_is_kept(client, hear):
    partner = await a_known_partner(hear)
    profile = {"partner_id": partner, "number": "P2026-000007", "name": "华东总代理"}

    updated = await hear("channel.partner.updated.v1", subject=partner, **profile)
    await hear.again(updated)

    ticket = await an_opened_ticket(client, partner_id=str(partner))
    assert ticket["partner_id"] == str(partner)


async def test_a_signed_contract_entitles_once(client, hear):
    customer, contract, product = uuid4(), uuid4(), uuid4()
    signed = await hear(
        "contract.contract.signed.v1",
        subject=contract,
        contract_id=contract,
        number="K2026-000001",
        kind="sales",
        customer_id=customer,
        starts_on="2026-01-01",
        ends_on="2026-12-31",
        lines=[
            {"line_no": 1, "product_id": product, "product_name": "水泵", "quantity": "3"},
            {"line_no": 2, "product_id": None, "product_name": "运费", "quantity": "1"},
        ],
    )
    await hear.again(signed)

    found = await rows(client, ENTITLEMENTS, customer_id=str(customer))
    assert sorted((row["line_no"], row["product_id"]) for row in found) == [
        (1, str(product)),
        (2, None),
    ]


async def test_an_agreement_with_a_partner_entitles_nobody(client, hear):
    customer = uuid4()

    await a_signed_contract(hear, customer, kind="partner")

    assert await rows(client, ENTITLEMENTS, customer_id=str(customer)) == []


async def test_a_terminated_contract_covers_no_longer(client, hear):
    customer = uuid4()
    contract = await a_signed_contract(hear, customer)

    terminated = await hear(
        "contract.contract.terminated.v1",
        subject=contract,
        contract_id=contract,
        terminated_on="2026-06-01",
    )
    await hear.again(terminated)

    (row,) = await rows(client, ENTITLEMENTS, customer_id=str(customer))
    assert row["terminated_on"] == "2026-06-01"


async def test_each_shipment_of_an_order_counts_once(client, hear):
    customer, order, product = uuid4(), uuid4(), uuid4()

    def shipped(quantity):
        return hear(
            "sales.order.shipped.v1",
            subject=order,
            order_id=order,
            customer_id=customer,
            shipped_at=NOW.isoformat(),
            lines=[{"line_no": 1, "product_id": product, "quantity": quantity}],
            complete=False,
        )

    first = await shipped("2")
    await hear.again(first)
    await shipped("3")

    found = await rows(client, INSTALLED, customer_id=str(customer))
    assert sorted(row["quantity"] for row in found) == ["2.000000", "3.000000"]
