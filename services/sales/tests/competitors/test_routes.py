from uuid import uuid4

import pytest

from common.testing.service import said

from ..builders import a_created_product, an_opened_opportunity, posted

COMPETITORS = "/sales/v1/competitors"


async def a_competitor(client, **values):
    return await posted(client, "competitors", **{"name": f"华瑞 {uuid4()}", **values})


@pytest.mark.capability("SAL-24")
async def test_a_competitor_is_known_with_the_products_it_stands_against(client, session):
    product, other = await a_created_product(client), await a_created_product(client)
    competitor = await a_competitor(
        client,
        name="华瑞机电",
        strengths="价格",
        products=[{"product_id": product["id"], "their_name": "HR-9", "notes": "交期长"}],
    )
    await a_competitor(client, products=[{"product_id": other["id"]}])

    found = (await client.get(f"{COMPETITORS}?product_id={product['id']}")).json()["data"]
    again = await client.post(COMPETITORS, json={"name": "华瑞机电"})
    changed = await client.patch(
        f"{COMPETITORS}/{competitor['id']}",
        json={"products": [{"product_id": other["id"]}], "notes": "新厂"},
        headers={"If-Match": '"1"'},
    )

    assert [row["id"] for row in found] == [competitor["id"]]
    assert found[0]["products"][0]["their_name"] == "HR-9"
    assert again.json()["existing_id"] == competitor["id"]
    assert [each["product_id"] for each in changed.json()["products"]] == [other["id"]]
    assert (await said(session, "sales.competitor.changed.v1"))[-1]["product_ids"] == [other["id"]]


@pytest.mark.capability("SAL-24", "SAL-12")
async def test_win_and_loss_are_counted_by_competitor(client, session):
    ours, theirs = await a_competitor(client, name="A"), await a_competitor(client, name="B")
    named = [ours["id"], theirs["id"]]
    for end, amount in (("win", "100.00"), ("lose", "70.00"), (None, "5.00")):
        deal = await an_opened_opportunity(client, expected_amount=amount)
        path = f"opportunities/{deal['id']}"
        await posted(client, f"{path}:name-competitors", 200, competitor_ids=named)
        if end == "win":
            await posted(client, f"{path}:win", 200, won_on="2026-02-01")
        elif end == "lose":
            lost = {"reason": "price", "competitor_id": theirs["id"], "lost_on": "2026-02-02"}
            await posted(client, f"{path}:lose", 200, **lost)
    # Nobody had named the competitor before it won.
    deal = await an_opened_opportunity(client, expected_amount="1.00")
    await posted(
        client,
        f"opportunities/{deal['id']}:lose",
        200,
        reason="price",
        competitor_id=theirs["id"],
        lost_on="2026-02-28",
    )

    rows = (await client.get(f"{COMPETITORS}/win-loss")).json()["rows"]
    early = (await client.get(f"{COMPETITORS}/win-loss?from=2026-02-01&to=2026-02-01")).json()

    figures = [
        (row["competitor_name"], row["open"], row["won"], row["lost"], row["lost_to"])
        for row in rows
    ]
    assert figures == [("A", 1, 1, 1, 0), ("B", 1, 1, 2, 2)]
    assert [(row["won_amount"], row["lost_amount"], row["win_rate"]) for row in rows] == [
        ("100.00", "70.00", "0.5000"),
        ("100.00", "71.00", "0.3333"),
    ]
    assert [(row["won"], row["lost"]) for row in early["rows"]] == [(1, 0), (1, 0)]
    (won,) = await said(session, "sales.opportunity.won.v1")
    assert won["competitor_ids"] == sorted(named)
    assert (await said(session, "sales.opportunity.lost.v1"))[1]["lost_to_id"] == theirs["id"]


@pytest.mark.capability("SAL-24")
async def test_a_deal_names_competitors_that_are_there(client):
    competitor = await a_competitor(client)
    deal = await an_opened_opportunity(client)
    path = f"/sales/v1/opportunities/{deal['id']}:name-competitors"

    unknown = await client.post(path, json={"competitor_ids": [str(uuid4())]})
    await client.post(path, json={"competitor_ids": [competitor["id"]]})
    named = (await client.get(f"/sales/v1/opportunities/{deal['id']}/competitors")).json()
    listed = (await client.get(f"/sales/v1/opportunities?competitor_id={competitor['id']}")).json()[
        "data"
    ]
    await client.post(path, json={"competitor_ids": []})
    after = (await client.get(f"/sales/v1/opportunities/{deal['id']}/competitors")).json()

    assert unknown.json()["code"] == "competitor_not_known"
    assert named == [competitor["id"]]
    assert [row["id"] for row in listed] == [deal["id"]]
    assert after == []
