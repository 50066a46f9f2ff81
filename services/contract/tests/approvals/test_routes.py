import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ..builders import FINANCE, MANAGER, SUBMITTER, a_drafted_contract, told


@pytest.mark.capability("CON-08", "CON-09")
async def test_an_edit_makes_earlier_approvals_void_and_keeps_them(client, hear):
    contract = await a_drafted_contract(client, hear)
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))
    await told(client, contract, "approve", decided_by=str(MANAGER), opinion="可")
    await client.patch(
        f"/contract/v1/contracts/{contract['id']}",
        json={"title": "新标题"},
        headers={"If-Match": "*"},
    )
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))
    await told(client, contract, "reject", decided_by=str(FINANCE), opinion="条款不清")

    page = await client.get("/contract/v1/approvals", params={"contract_id": contract["id"]})

    rows = page.json()["data"]
    assert [(row["decision"], row["revision"], row["void"]) for row in rows] == [
        ("reject", 2, False),
        ("approve", 1, True),
    ]
    assert [row["opinion"] for row in rows] == ["条款不清", "可"]
    assert [row["decided_by"] for row in rows] == [str(FINANCE), str(MANAGER)]


@pytest.mark.capability("CON-09")
@pytest.mark.parametrize("change", ["UPDATE approvals SET opinion = 'x'", "DELETE FROM approvals"])
async def test_the_history_of_decisions_is_append_only(client, database, hear, change):
    contract = await a_drafted_contract(client, hear)
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))
    await told(client, contract, "approve", decided_by=str(MANAGER))

    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as writing:
            await writing.execute(text(change))


async def test_decisions_are_found_by_who_made_them(client, hear):
    contract = await a_drafted_contract(client, hear)
    await told(client, contract, "submit", submitted_by=str(SUBMITTER))
    await told(client, contract, "approve", decided_by=str(MANAGER))

    found = await client.get("/contract/v1/approvals", params={"decided_by": str(MANAGER)})
    others = await client.get("/contract/v1/approvals", params={"decided_by": str(FINANCE)})

    assert (len(found.json()["data"]), len(others.json()["data"])) == (1, 0)
