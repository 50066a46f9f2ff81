from uuid import UUID, uuid4

import pytest

from common.handovers import HandoverRunner
from common.testing.service import said
from contract.worker import JOBS

from .builders import a_contract_in_force, a_drafted_contract, milestones_of

(RUNNER,) = [job for job in JOBS if isinstance(job, HandoverRunner)]


@pytest.mark.capability("X-04")
async def test_contracts_in_force_and_open_milestones_go_to_the_successor(
    client, session, database, hear
):
    leaving, successor, department = (str(uuid4()) for _ in range(3))
    signed = await a_contract_in_force(client, hear, owner_id=leaving)
    draft = await a_drafted_contract(client, hear, owner_id=leaving)
    ended = await a_contract_in_force(client, hear, owner_id=leaving)
    await client.post(
        f"/contract/v1/contracts/{ended['id']}:terminate", json={"reason": "双方同意"}
    )

    await hear(
        "channel.employee.changed.v1",
        subject=UUID(leaving),
        employee_id=leaving,
        department_id=uuid4(),
        state="left",
        successor_id=successor,
        successor_department_id=department,
    )
    while await RUNNER(database):
        pass

    shown = {
        one["id"]: (await client.get(f"/contract/v1/contracts/{one['id']}")).json()
        for one in (signed, draft, ended)
    }
    for moved in (shown[signed["id"]], shown[draft["id"]]):
        assert (moved["owner_id"], moved["department_id"]) == (successor, department)
    signature = await client.get(f"/contract/v1/contracts/{signed['id']}/content")
    assert signature.json()["is_intact"]
    assert shown[ended["id"]]["owner_id"] == leaving
    assert {each["owner_id"] for each in await milestones_of(client, signed)} == {successor}
    told = await said(session, "contract.contract.transferred.v1")
    assert {each["contract_id"] for each in told} == {signed["id"], draft["id"]}
    assert {(each["from_owner_id"], each["owner_id"]) for each in told} == {(leaving, successor)}
    assert len(await said(session, "contract.milestone.transferred.v1")) == len(
        await milestones_of(client, signed)
    ) + len(await milestones_of(client, draft))
