from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from common.testing.service import published
from customer.contacts.model import Contact
from customer.customers.model import Customer, CustomerNotFound
from customer.duplicates.model import DuplicateGroup

from ..builders import a_created_customer

CONVERTED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC).isoformat()
PERSON = {"name": "王芳", "email": "wang@example.cn", "phone": "138 1234 5678"}


def a_conversion(**values):
    company = {
        "name": "杭州远航机电有限公司",
        "kind": "company",
        "industry": "manufacturing",
        "city": "杭州",
        "employee_count": 260,
        "email": None,
        "phone": None,
    }
    return {
        "subject": uuid4(),
        "lead_id": uuid4(),
        "customer_id": uuid4(),
        "contact_id": uuid4(),
        "opportunity_id": uuid4(),
        "source": "fair",
        "converted_at": CONVERTED_AT,
        "new_customer": company,
        "new_contact": PERSON,
        "owner_id": uuid4(),
        **values,
    }


async def count(session, mapped):
    return (await session.execute(select(func.count()).select_from(mapped))).scalar_one()


@pytest.mark.capability("SAL-05")
async def test_whom_a_lead_became_is_taken_on_once_under_the_ids_that_sales_gave(
    client, session, hear
):
    told = a_conversion()

    converted = await hear("sales.lead.converted.v1", **told)
    await hear.again(converted)

    customer = (await client.get(f"/customer/v1/customers/{told['customer_id']}")).json()
    contact = (await client.get(f"/customer/v1/contacts/{told['contact_id']}")).json()
    assert customer["number"].startswith("C2026-")
    assert (customer["name"], customer["source"]) == ("杭州远航机电有限公司", "fair")
    assert (customer["owner_id"], customer["employee_count"]) == (str(told["owner_id"]), 260)
    assert (contact["customer_id"], contact["is_primary"]) == (customer["id"], True)
    assert (contact["name"], contact["mobile_phone"]) == ("王芳", "138 1234 5678")
    assert await published(session) == ["customer.customer.created.v1", "customer.contact.added.v1"]
    assert await count(session, DuplicateGroup) == 0


async def test_what_is_there_stays_as_it_is_whoever_tells_of_it_again(client, session, hear):
    told = a_conversion()
    await hear("sales.lead.converted.v1", **told)

    await hear("sales.lead.converted.v1", **{**told, "subject": uuid4()})

    assert await count(session, Customer) == await count(session, Contact) == 1


@pytest.mark.capability("SAL-05")
async def test_one_that_the_policy_would_refuse_is_taken_on_and_suspected(client, session, hear):
    there = await a_created_customer(client, name="遠航機電（杭州）有限公司", email="w@example.cn")
    await hear(
        "channel.parameter.changed.v1",
        name="duplicate_customers_created",
        value="block",
        effective_on="2026-01-01",
        reason="x",
    )
    told = a_conversion(new_contact={**PERSON, "email": "W@example.cn"})

    await hear("sales.lead.converted.v1", **told)

    assert (await client.get(f"/customer/v1/customers/{told['customer_id']}")).status_code == 200
    assert await count(session, DuplicateGroup) == 1
    pair = (await session.execute(text("SELECT * FROM duplicate_pairs"))).mappings().one()
    assert {str(pair["one_id"]), str(pair["other_id"])} == {there["id"], str(told["customer_id"])}
    assert pair["score"] >= 85


@pytest.mark.capability("SAL-05")
async def test_a_person_at_a_known_customer_becomes_its_contact(client, session, hear):
    customer = await a_created_customer(client)
    told = a_conversion(
        customer_id=customer["id"],
        new_customer=None,
        new_contact={**PERSON, "phone": "+86 571 8765 4321"},
    )

    await hear("sales.lead.converted.v1", **told)

    contact = await session.get(Contact, told["contact_id"])
    assert (str(contact.customer_id), contact.office_phone) == (customer["id"], "+86 571 8765 4321")
    assert await count(session, Customer) == 1


@pytest.mark.capability("SAL-05")
async def test_a_person_whose_customer_is_on_its_way_waits_for_it(session, hear):
    first = a_conversion()
    second = a_conversion(customer_id=first["customer_id"], new_customer=None)

    with pytest.raises(CustomerNotFound):
        await hear("sales.lead.converted.v1", **second)
    await hear("sales.lead.converted.v1", **first)
    await hear("sales.lead.converted.v1", **{**second, "subject": uuid4()})

    assert await count(session, Contact) == 2


async def test_a_lead_that_was_only_linked_is_no_business_of_ours(session, hear):
    await hear(
        "sales.lead.converted.v1", **a_conversion(new_customer=None, new_contact=None, source=None)
    )

    assert await published(session) == []
