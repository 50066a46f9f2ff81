"""A channel deal and all that belongs to it is seen by the partner it goes through, and no other."""

import pytest

from common.ids import new_id

from .conftest import Guard

DEALS = "/sales/v1/opportunities"
RIGHTS = ("sales.opportunities.read", "sales.opportunities.write")


@pytest.mark.capability("SAL-29")
async def test_a_channel_deal_is_seen_by_its_partner_only(guard: Guard):
    guarded = await guard("sales")
    ours, theirs = new_id(), new_id()
    dealer, _ = await guarded.signed_in(*RIGHTS, scope="partner", partner_id=ours)
    other, _ = await guarded.signed_in(*RIGHTS, scope="partner", partner_id=theirs)
    for partner_id in (ours, theirs):
        await guarded.hear(
            "channel.partner.onboarded.v1",
            subject=partner_id,
            partner_id=partner_id,
            number=f"P-{partner_id}"[:20],
            name="华东经销",
            kind="dealer",
            tier="gold",
            state="active",
        )
    body = {"name": "设备采购", "opened_on": "2026-01-05", "expected_amount": "100.00"}
    deal = (await dealer.post(DEALS, json=body)).json()
    visit = {"kind": "visit", "subject": "拜访", "due_on": "2026-02-01"}
    activity = (await dealer.post(f"{DEALS}/{deal['id']}/activities", json=visit)).json()

    assert deal["partner_id"] == str(ours)
    assert (await other.get(f"{DEALS}/{deal['id']}")).status_code == 404
    done = await other.post(f"{DEALS}/activities/{activity['id']}:complete", json={"result": "x"})
    assert done.status_code == 404
    for path in (DEALS, f"{DEALS}/stalled", f"{DEALS}/activities"):
        assert len((await dealer.get(path)).json()["data"]) == 1, path
        assert (await other.get(path)).json()["data"] == [], path
    boards = [(await one.get(f"{DEALS}/board")).json()["stages"] for one in (dealer, other)]
    assert [sum(len(stage["cells"]) for stage in board) for board in boards] == [1, 0]
    # To change the rules under which deals run is no right of a dealer.
    moved = await dealer.post(f"{DEALS}/{deal['id']}:migrate", json={"pipeline_id": None})
    assert moved.status_code == 403
