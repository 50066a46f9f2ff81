from uuid import UUID, uuid4

import pytest

from common.handovers import HandoverRunner
from common.testing.service import said
from sales.worker import JOBS

from .builders import a_known_employee, an_opened_opportunity, posted

(RUNNER,) = [job for job in JOBS if isinstance(job, HandoverRunner)]


async def somebody_leaves(hear, employee_id, successor_id, department_id):
    await hear(
        "channel.employee.changed.v1",
        subject=UUID(employee_id),
        employee_id=employee_id,
        number="E0007",
        name="李强",
        department_id=uuid4(),
        state="left",
        successor_id=successor_id,
        successor_department_id=department_id,
    )


async def work_off(database):
    while await RUNNER(database):
        pass


@pytest.mark.capability("X-04")
async def test_open_leads_and_deals_go_to_the_successor_and_closed_ones_stay(
    client, session, database, hear
):
    leaving = await a_known_employee(hear)
    department = str(uuid4())
    successor = await a_known_employee(hear, department_id=department)
    lead = await posted(client, "leads", name="询价", source="web", owner_id=leaving)
    lost = await posted(client, "leads", name="无效", source="web", owner_id=leaving)
    await posted(client, f"leads/{lost['id']}:lose", 200, reason="无预算")
    deal = await an_opened_opportunity(client, owner_id=leaving)
    won = await an_opened_opportunity(client, owner_id=leaving)
    await posted(client, f"opportunities/{won['id']}:win", 200, amount="100.00")

    await somebody_leaves(hear, leaving, successor, department)
    await work_off(database)
    await work_off(database)

    async def owner_of(path):
        shown = (await client.get(f"/sales/v1/{path}")).json()
        return shown["owner_id"], shown["department_id"]

    assert await owner_of(f"leads/{lead['id']}") == (successor, department)
    assert await owner_of(f"opportunities/{deal['id']}") == (successor, department)
    assert (await owner_of(f"leads/{lost['id']}"))[0] == leaving
    assert (await owner_of(f"opportunities/{won['id']}"))[0] == leaving
    (assigned,) = await said(session, "sales.lead.assigned.v1")
    assert (assigned["lead_id"], assigned["assignee_id"]) == (lead["id"], successor)
    (changed,) = await said(session, "sales.opportunity.changed.v1")
    assert (changed["opportunity_id"], changed["owner_id"]) == (deal["id"], successor)


@pytest.mark.capability("X-04")
async def test_nothing_new_comes_to_somebody_who_has_left(client, hear):
    gone = await a_known_employee(hear, state="left")
    lead = await posted(client, "leads", name="询价", source="web")

    captured = await client.post(
        "/sales/v1/leads", json={"name": "询价", "source": "web", "owner_id": gone}
    )
    opened = await client.post(
        "/sales/v1/opportunities", json={"name": "设备采购", "owner_id": gone}
    )
    assigned = await client.post(
        f"/sales/v1/leads/{lead['id']}:assign", json={"assignee_id": gone, "reason": "分配"}
    )

    for refused, pointer in ((captured, "owner"), (opened, "owner"), (assigned, "assignee")):
        assert (refused.status_code, refused.json()["code"]) == (422, "owner_has_left")
        assert refused.json()["errors"][0]["pointer"] == f"/{pointer}_id"
