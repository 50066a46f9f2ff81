from uuid import UUID, uuid4

from sqlalchemy import select

from common.testing.service import published, said
from sales.copies.model import (
    KnownCustomer,
    KnownDepartment,
    KnownEmployee,
    KnownPartner,
    KnownTerritory,
)

from .builders import (
    a_created_product,
    a_known_customer,
    a_known_employee,
    a_known_partner,
    a_known_territory,
    an_accepted_quote,
    an_opened_opportunity,
    line_of,
    posted,
)


async def copy_of(session, table, id_):
    return (await session.execute(select(table).where(table.id == UUID(id_)))).scalar_one()


async def test_a_customer_is_copied_and_the_copy_follows(session, hear):
    customer_id = await a_known_customer(hear, external_source="crm", external_id="Cancity")
    owner_id = uuid4()

    updated = await hear(
        "customer.customer.updated.v1",
        subject=UUID(customer_id),
        customer_id=customer_id,
        number="C2026-000007",
        name="远航集团",
        industry="manufacturing",
        external_source="crm",
        external_id="Cancity",
    )
    await hear(
        "customer.customer.transferred.v1",
        subject=UUID(customer_id),
        customer_id=customer_id,
        owner_id=owner_id,
        reason="x",
    )
    await hear.again(updated)

    copy = await copy_of(session, KnownCustomer, customer_id)
    assert (copy.name, copy.industry, copy.owner_id) == ("远航集团", "manufacturing", owner_id)
    assert (copy.external_source, copy.external_id) == ("crm", "Cancity")


async def test_nothing_is_sold_to_a_deleted_customer_until_it_is_restored(client, hear):
    customer_id = await a_known_customer(hear)
    body = {"name": "设备采购", "customer_id": customer_id}
    path = "/sales/v1/opportunities"

    await hear("customer.customer.deleted.v1", subject=UUID(customer_id), customer_id=customer_id)
    refused = await client.post(path, json=body)
    await hear("customer.customer.restored.v1", subject=UUID(customer_id), customer_id=customer_id)

    assert (refused.status_code, refused.json()["code"]) == (422, "customer_not_known")
    assert (await client.post(path, json=body)).status_code == 201


async def test_the_organisation_is_copied_and_the_copy_follows(session, hear):
    employee_id, territory_id = await a_known_employee(hear), await a_known_territory(hear)
    department_id = str(uuid4())

    await hear(
        "channel.employee.changed.v1",
        subject=UUID(employee_id),
        employee_id=employee_id,
        number="E0007",
        name="李强",
        department_id=department_id,
        state="left",
    )
    for name in ("华东大区", "华东事业部"):
        await hear(
            "channel.department.changed.v1",
            subject=UUID(department_id),
            department_id=department_id,
            name=name,
            kind="region",
            state="active",
        )

    employee = await copy_of(session, KnownEmployee, employee_id)
    assert (employee.state, str(employee.department_id)) == ("left", department_id)
    assert (await copy_of(session, KnownDepartment, department_id)).name == "华东事业部"
    assert (await copy_of(session, KnownTerritory, territory_id)).code == "EAST"


async def test_a_partner_is_copied_with_its_tier_and_state(session, hear):
    partner_id = await a_known_partner(hear, tier="silver")
    told = {"subject": UUID(partner_id), "partner_id": partner_id}

    await hear("channel.partner.tier_changed.v1", from_tier="silver", tier="gold", **told)
    await hear("channel.partner.suspended.v1", reason="arrears", **told)
    copy = await copy_of(session, KnownPartner, partner_id)
    suspended = (copy.tier, copy.number, copy.state)
    session.expire_all()
    await hear("channel.partner.reactivated.v1", **told)

    assert suspended == ("gold", "P0007", "suspended")
    assert (await copy_of(session, KnownPartner, partner_id)).state == "active"


async def a_signed_contract(hear, customer_id, product, **values):
    contract_id = uuid4()
    defaults = {
        "contract_id": contract_id,
        "number": "S2026-000007",
        "kind": "sales",
        "customer_id": customer_id,
        "total": "875.00",
        "currency": "CNY",
        "signed_on": "2026-03-01",
        "lines": [
            {
                "line_no": 1,
                "product_id": product["id"],
                "product_name": "GTX Pro",
                "quantity": "10",
                "unit_price": "100",
                "amount": "875.00",
            }
        ],
    }
    signed = await hear(
        "contract.contract.signed.v1", subject=contract_id, **{**defaults, **values}
    )
    return str(contract_id), signed


async def test_a_signed_contract_is_named_on_the_order_of_its_quote_once(client, session, hear):
    product, customer_id = await a_created_product(client), await a_known_customer(hear)
    quote = await an_accepted_quote(client, customer_id, [line_of(product)])
    order = await posted(client, "orders", quote_id=quote["id"])

    contract_id, signed = await a_signed_contract(hear, customer_id, product, quote_id=quote["id"])
    await hear.again(signed)

    shown = (await client.get(f"/sales/v1/orders/{order['id']}")).json()
    assert shown["contract_id"] == contract_id
    assert (await published(session)).count("sales.order.linked.v1") == 1


async def test_an_order_that_comes_after_its_contract_names_it_too(client, hear):
    product, customer_id = await a_created_product(client), await a_known_customer(hear)
    quote = await an_accepted_quote(client, customer_id, [line_of(product)])
    contract_id, _ = await a_signed_contract(hear, customer_id, product, quote_id=quote["id"])

    order = await posted(client, "orders", quote_id=quote["id"])

    assert order["contract_id"] == contract_id


async def test_an_order_is_taken_from_a_signed_contract_once(client, session, hear):
    product, customer_id = await a_created_product(client), await a_known_customer(hear)
    deal = await an_opened_opportunity(client, customer_id=customer_id)
    contract_id, _ = await a_signed_contract(hear, customer_id, product, opportunity_id=deal["id"])

    order = await posted(client, "orders", contract_id=contract_id)
    again = await client.post("/sales/v1/orders", json={"contract_id": contract_id})

    assert (order["total"], order["opportunity_id"]) == ("875.00", deal["id"])
    assert again.json()["code"] == "contract_ordered_already"
    (drafted,) = await said(session, "sales.order.drafted.v1")
    assert drafted["contract_id"] == contract_id


async def test_a_service_contract_is_no_business_of_ours(client, hear):
    product, customer_id = await a_created_product(client), await a_known_customer(hear)
    contract_id, _ = await a_signed_contract(hear, customer_id, product, kind="service")

    response = await client.post("/sales/v1/orders", json={"contract_id": contract_id})

    assert response.json()["code"] == "contract_not_known"
