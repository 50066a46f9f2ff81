import asyncio
from uuid import UUID

import pytest
from sqlalchemy import func, select

from common.testing.service import published, said
from sales.copies.model import KnownCustomer

from ..builders import (
    SOMEBODY,
    a_created_product,
    a_known_customer,
    a_known_employee,
    line_of,
    posted,
)


@pytest.mark.capability("SAL-01", "SAL-03")
async def test_a_lead_is_captured_scored_and_told(client, session):
    lead = await posted(
        client,
        "leads",
        name="远航机电",
        source="fair",
        phone="138 1234 5678",
        campaign="2026 春交会",
    )

    assert lead["number"].startswith("L")
    assert lead["score"] == sum(part["points"] for part in lead["score_contributions"]) == 35
    assert (lead["rating"], lead["score_rules_version"]) == ("warm", 1)
    (captured,) = await said(session, "sales.lead.captured.v1")
    assert (captured["source"], captured["score"]) == ("fair", 35)
    assert "1234" not in str(captured)


@pytest.mark.capability("SAL-01")
async def test_a_lead_without_a_source_is_refused(client, session):
    response = await client.post("/sales/v1/leads", json={"name": "远航机电"})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/source"
    assert await published(session) == []


@pytest.mark.capability("SAL-01")
@pytest.mark.parametrize(
    "same", [{"email": "Wang@Example.cn"}, {"phone": "+86 13812345678"}], ids=["email", "phone"]
)
async def test_an_open_lead_with_the_same_address_is_found(client, same):
    first = await posted(
        client, "leads", name="王芳", source="web", email="wang@example.cn", phone="138-1234-5678"
    )

    response = await client.post("/sales/v1/leads", json={"name": "x", "source": "fair", **same})

    assert (response.status_code, response.json()["code"]) == (409, "lead_already_there")
    assert response.json()["existing_id"] == first["id"]


async def test_after_the_first_one_is_lost_there_may_be_another(client):
    first = await posted(client, "leads", name="王芳", source="web", email="wang@example.cn")
    await posted(client, f"leads/{first['id']}:lose", 200, reason="no budget")

    await posted(client, "leads", name="王芳", source="web", email="wang@example.cn")


@pytest.mark.capability("SAL-01")
async def test_a_repeated_capture_with_its_key_has_one_effect(client, session):
    headers = {"Idempotency-Key": "form-4711"}
    body = {"name": "远航机电", "source": "web"}

    first = await client.post("/sales/v1/leads", json=body, headers=headers)
    second = await client.post("/sales/v1/leads", json=body, headers=headers)

    assert second.json() == first.json()
    assert await published(session) == ["sales.lead.captured.v1"]


@pytest.mark.capability("SAL-01")
async def test_a_company_that_is_a_customer_is_recognised(client, hear):
    customer_id = await a_known_customer(hear, name="杭州远航机电有限公司")

    lead = await posted(client, "leads", name="二期", source="web", company="杭州远航机电有限公司")

    assert lead["customer_id"] == customer_id
    assert "existing_customer" in [part["rule"] for part in lead["score_contributions"]]


@pytest.mark.capability("SAL-02")
async def test_the_work_list_is_ordered_and_stable(client):
    low = await posted(client, "leads", name="a", source="import")
    high = await posted(client, "leads", name="b", source="import", priority="high")
    alike = await posted(client, "leads", name="c", source="import")

    walked, cursor = [], ""
    while True:
        page = (await client.get(f"/sales/v1/leads?limit=1{cursor}")).json()
        walked += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert walked == [high["id"], low["id"], alike["id"]]


async def test_an_assigned_lead_comes_to_the_department_of_its_owner(client, session, hear):
    lead = await posted(client, "leads", name="a", source="web")
    department_id = "01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f"
    employee_id = await a_known_employee(hear, department_id=department_id)

    assigned = await posted(
        client, f"leads/{lead['id']}:assign", 200, assignee_id=employee_id, reason="knows them"
    )

    assert (assigned["owner_id"], assigned["department_id"]) == (employee_id, department_id)
    assert (assigned["state"], assigned["assign_reason"]) == ("assigned", "knows them")
    (told,) = await said(session, "sales.lead.assigned.v1")
    assert (told["assignee_id"], told["reason"]) == (employee_id, "knows them")


async def test_a_lead_becomes_the_opportunity_of_its_customer_once(client, session, hear):
    customer_id, employee_id = await a_known_customer(hear), await a_known_employee(hear)
    product = await a_created_product(client)
    lead = await posted(
        client,
        "leads",
        name="二期扩建",
        source="referral",
        product_id=product["id"],
        budget="50000.00",
        owner_id=employee_id,
    )
    path = f"/sales/v1/leads/{lead['id']}:convert"

    answers = await asyncio.gather(
        *(client.post(path, json={"customer_id": customer_id}) for _ in range(3))
    )

    assert {answer.status_code for answer in answers} == {200}
    (opportunity_id,) = {answer.json()["opportunity_id"] for answer in answers}
    deal = (await client.get(f"/sales/v1/opportunities/{opportunity_id}")).json()
    assert (deal["lead_id"], deal["customer_id"], deal["owner_id"]) == (
        lead["id"],
        customer_id,
        employee_id,
    )
    assert (deal["product_id"], deal["expected_amount"]) == (product["id"], "50000.00")
    told = await published(session)
    assert told.count("sales.opportunity.opened.v1") == 1
    assert told.count("sales.lead.converted.v1") == 1


@pytest.mark.capability("SAL-05")
async def test_a_lead_of_nobody_makes_its_customer_contact_and_deal_in_one_act(client, session):
    lead = await posted(
        client,
        "leads",
        name="离心泵询价",
        source="web",
        company="杭州远航机电有限公司",
        contact_name="王芳",
        phone="138 1234 5678",
        city="杭州",
    )
    path = f"/sales/v1/leads/{lead['id']}:convert"

    answers = await asyncio.gather(
        *(client.post(path, json={}, headers={"Idempotency-Key": f"k{n}"}) for n in range(3))
    )

    assert {answer.status_code for answer in answers} == {200}
    ((customer_id, contact_id, opportunity_id),) = {
        tuple(answer.json()[name] for name in ("customer_id", "contact_id", "opportunity_id"))
        for answer in answers
    }
    (told,) = await said(session, "sales.lead.converted.v1")
    assert (told["customer_id"], told["contact_id"]) == (customer_id, contact_id)
    assert (told["new_customer"]["name"], told["new_customer"]["city"]) == (
        "杭州远航机电有限公司",
        "杭州",
    )
    assert told["new_contact"] == {"name": "王芳", "email": None, "phone": "138 1234 5678"}
    assert (await published(session)).count("sales.opportunity.opened.v1") == 1
    deal = (await client.get(f"/sales/v1/opportunities/{opportunity_id}")).json()
    assert (deal["customer_id"], deal["lead_id"]) == (customer_id, lead["id"])


@pytest.mark.capability("SAL-05")
async def test_a_quote_is_made_for_a_new_customer_at_once_and_the_word_of_it_completes_it(
    client, session, hear
):
    product = await a_created_product(client)
    lead = await posted(client, "leads", name="x", source="web", company="远航")
    converted = await posted(client, f"leads/{lead['id']}:convert", 200)

    await posted(
        client,
        "quotes",
        customer_id=converted["customer_id"],
        opportunity_id=converted["opportunity_id"],
        valid_until="2099-12-31",
        lines=[line_of(product)],
    )
    await hear(
        "customer.customer.created.v1",
        subject=UUID(converted["customer_id"]),
        customer_id=converted["customer_id"],
        number="C2026-000042",
        name="远航",
    )

    copy = await session.get(KnownCustomer, UUID(converted["customer_id"]))
    assert (copy.number, copy.name_key) == ("C2026-000042", "远航")
    assert not converted["made_contact"]


@pytest.mark.capability("SAL-05")
async def test_a_conversion_that_fails_leaves_nothing_behind(client, session):
    lead = await posted(client, "leads", name="x", source="web", company="远航")

    response = await client.post(
        f"/sales/v1/leads/{lead['id']}:convert", json={"product_id": str(SOMEBODY)}
    )

    assert response.status_code == 422
    assert await published(session) == ["sales.lead.captured.v1"]
    assert (await session.execute(select(func.count(KnownCustomer.id)))).scalar() == 0
    assert (await client.get(f"/sales/v1/leads/{lead['id']}")).json()["state"] == "new"


@pytest.mark.capability("SAL-01", "C-16")
async def test_the_same_client_key_finds_the_first_lead_and_nothing_else_takes_it(client, session):
    body = {"name": "远航", "source": "web", "client_key": "form-7", "phone": "138 1234 5678"}

    answers = await asyncio.gather(*(client.post("/sales/v1/leads", json=body) for _ in range(4)))
    other = await client.post("/sales/v1/leads", json={**body, "name": "别的"})
    elsewhere = await client.post(
        "/sales/v1/leads", json={"name": "x", "source": "fair", "client_key": "form-7"}
    )

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (other.status_code, other.json()["code"]) == (409, "client_key_used")
    assert elsewhere.status_code == 201
    assert (await published(session)).count("sales.lead.captured.v1") == 2


@pytest.mark.capability("SAL-01")
async def test_a_lead_is_tied_to_the_one_that_is_there_when_asked_to(client):
    first = await posted(client, "leads", name="王芳", source="web", phone="138-1234-5678")

    linked = await posted(
        client, "leads", name="x", source="fair", phone="13812345678", on_duplicate="link"
    )

    assert linked["duplicate_of_id"] == first["id"]
    assert linked["suspected_duplicates"] == [
        {"kind": "lead", "id": first["id"], "number": first["number"], "reasons": ["phone"]}
    ]


@pytest.mark.capability("SAL-01")
async def test_of_several_customers_with_the_name_none_is_taken_and_all_are_named(client, hear):
    known = {await a_known_customer(hear, name=name) for name in ("远航有限公司", "遠航集团")}

    lead = await posted(client, "leads", name="x", source="web", company="远航")

    assert lead["customer_id"] is None
    assert {other["id"] for other in lead["suspected_duplicates"]} == known


@pytest.mark.capability("SAL-02")
async def test_leads_are_listed_by_class(client):
    reseller = await posted(client, "leads", name="a", source="web", lead_class="reseller")
    await posted(client, "leads", name="b", source="web", lead_class="end_user")

    page = (await client.get("/sales/v1/leads?lead_class=reseller")).json()
    refused = await client.patch(
        f"/sales/v1/leads/{reseller['id']}", json={"lead_class": "Any Thing"}
    )

    assert [row["id"] for row in page["data"]] == [reseller["id"]]
    assert refused.status_code == 422


@pytest.mark.capability("SAL-03")
async def test_the_score_is_shown_with_what_gave_it_and_what_did_not(client):
    lead = await posted(client, "leads", name="a", source="fair")

    shown = (await client.get(f"/sales/v1/leads/{lead['id']}/score")).json()

    assert (shown["score"], shown["sum"], shown["policy_version"]) == (25, 25, 1)
    assert [part["rule"] for part in shown["contributions"]] == ["warm_source", "company"]
    assert {part["rule"] for part in shown["missed"]} >= {"budget", "reachable"}


async def test_a_lead_is_lost_for_a_reason(client, session):
    lead = await posted(client, "leads", name="a", source="web")
    path = f"/sales/v1/leads/{lead['id']}:lose"

    assert (await client.post(path, json={})).status_code == 422
    assert (await client.post(path, json={"reason": "no budget"})).json()["state"] == "lost"
    assert (await said(session, "sales.lead.lost.v1"))[0]["reason"] == "no budget"
