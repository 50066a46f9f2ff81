from uuid import uuid4

import pytest

from common.handovers import HandoverRunner
from common.testing.service import said
from service_desk.worker import JOBS

from ..builders import TICKETS, an_opened_ticket, did

(RUNNER,) = [job for job in JOBS if isinstance(job, HandoverRunner)]


@pytest.mark.capability("X-04")
async def test_the_open_tickets_of_somebody_who_left_go_to_the_successor(
    client, session, database, hear
):
    leaving, successor = str(uuid4()), str(uuid4())
    assigned, worked_on, closed = [
        await did(
            client, await an_opened_ticket(client), "assign", assignee_id=leaving, team="pumps"
        )
        for _ in range(3)
    ]
    await did(client, worked_on, "work", activity="检查")
    await did(client, closed, "close", solution="更换了密封圈")
    other = await did(client, await an_opened_ticket(client), "assign", assignee_id=str(uuid4()))

    await hear(
        "channel.employee.changed.v1",
        subject=leaving,
        employee_id=leaving,
        department_id=uuid4(),
        state="left",
        successor_id=successor,
    )
    while await RUNNER(database):
        pass

    shown = {row["id"]: row for row in (await client.get(TICKETS)).json()["data"]}
    for ticket in (assigned, worked_on):
        assert shown[ticket["id"]]["assignee_id"] == shown[ticket["id"]]["owner_id"] == successor
        assert shown[ticket["id"]]["team"] == "pumps"
    assert shown[worked_on["id"]]["state"] == "in_progress"
    assert shown[closed["id"]]["owner_id"] == leaving
    assert shown[other["id"]]["owner_id"] == other["owner_id"]
    refused = await client.post(f"{TICKETS}/{other['id']}:assign", json={"assignee_id": leaving})
    assert (refused.status_code, refused.json()["code"]) == (422, "owner_has_left")
    told = [one["assignee_id"] for one in await said(session, "service_desk.ticket.assigned.v1")]
    assert told.count(successor) == 2
    steps = (await client.get(f"{TICKETS}/{assigned['id']}/history")).json()
    assert (steps[-1]["by"], steps[-1]["assignee_id"]) == ("handover", successor)
