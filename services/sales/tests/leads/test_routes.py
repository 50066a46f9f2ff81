import asyncio

import pytest

from common.testing.service import published, said

from ..builders import (
    a_created_product,
    a_known_customer,
    a_known_employee,
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


async def test_a_lead_of_nobody_is_not_converted(client, session):
    lead = await posted(client, "leads", name="a", source="web")

    response = await client.post(f"/sales/v1/leads/{lead['id']}:convert", json={})

    assert (response.status_code, response.json()["code"]) == (422, "lead_needs_customer")
    assert "sales.opportunity.opened.v1" not in await published(session)


async def test_a_lead_is_lost_for_a_reason(client, session):
    lead = await posted(client, "leads", name="a", source="web")
    path = f"/sales/v1/leads/{lead['id']}:lose"

    assert (await client.post(path, json={})).status_code == 422
    assert (await client.post(path, json={"reason": "no budget"})).json()["state"] == "lost"
    assert (await said(session, "sales.lead.lost.v1"))[0]["reason"] == "no budget"
